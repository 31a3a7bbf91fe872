//! Where the next page of a listing begins: opaque to whoever gets it, and good for that listing alone.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tollgate::sha256::sha256;

use crate::error::ApiError;

/// How many bytes say which listing a cursor is of. It keeps mistakes apart, not attackers: whoever could make one up
/// may read the listing anyway.
const TAG: usize = 8;

/// The cursor of the page after this entry, in a listing of this kind and subject (such as the keys of an owner).
pub(crate) fn write(kind: &str, subject: &str, after: &str) -> String {
    let bytes = [&tag(kind, subject, after)[..], after.as_bytes()].concat();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// After which entry of this listing a page begins.
pub(crate) fn read(kind: &str, subject: &str, cursor: &str) -> Result<String, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap_or_default();
    let (given, after) = bytes.split_at_checked(TAG).unwrap_or_default();
    match std::str::from_utf8(after) {
        Ok(after) if given == tag(kind, subject, after) => Ok(after.to_owned()),
        _ => Err(ApiError::BadRequest {
            why: "The cursor is not one of this listing: give `next_cursor` as it was, with the same parameters."
                .into(),
        }),
    }
}

/// The parts are told apart by their lengths: none can be taken for the end of another.
fn tag(kind: &str, subject: &str, after: &str) -> [u8; TAG] {
    let text = format!("{}:{kind}{}:{subject}{after}", kind.len(), subject.len());
    let mut tag = [0; TAG];
    tag.copy_from_slice(&sha256(text.as_bytes())[..TAG]);
    tag
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cursor_of_another_listing_is_refused() {
        let cursor = write("keys", "ann", "0123456789AB");
        for (kind, subject) in [("keys", "bob"), ("plans", "ann"), ("key", "sann"), ("", "keysann")] {
            assert!(read(kind, subject, &cursor).is_err(), "{kind} {subject}");
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let cursor = write("keys", "ann", "0123456789AB");
        let first = format!("x{}", &cursor[1..]);
        let long = "A".repeat(10_000);
        for wrong in [
            "",
            "null",
            "0",
            "\u{e4}",
            "AAAAAAAAAAA",
            &format!("{cursor}="),
            &cursor[1..],
            &first,
            &long,
        ] {
            assert!(read("keys", "ann", wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(kind in "[a-z]{1,8}", subject in ".{0,40}", after in ".{0,40}") {
            let cursor = write(&kind, &subject, &after);
            prop_assert_eq!(read(&kind, &subject, &cursor).unwrap(), after);
        }

        #[test]
        fn any_text_is_refused_without_a_panic(cursor in ".{0,80}") {
            prop_assert!(read("keys", "ann", &cursor).is_err());
        }

        #[test]
        fn a_changed_letter_is_noticed(at in 0usize..27, letter in "[A-Za-z0-9_-]") {
            let cursor = write("keys", "ann", "0123456789AB");
            let mut changed = cursor.clone();
            changed.replace_range(at..=at, &letter);
            prop_assume!(changed != cursor);
            prop_assert!(read("keys", "ann", &changed).is_err());
        }
    }
}
