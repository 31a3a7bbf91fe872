//! `Accept-Encoding` (RFC 9110 section 12.5.3): whether a client would rather have gzip.

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// Thousandths, as no weight says more (RFC 9110 section 12.4.2).
type Weight = u32;

/// Whether gzip is taken, and not liked less than the body as it is. Without the header a client takes anything, but
/// only in theory: there it is `false`.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut any, mut identity): (Option<Weight>, Option<Weight>, Option<Weight>) = (None, None, None);
    for line in headers.get_all(ACCEPT_ENCODING) {
        for entry in line.as_bytes().split(|byte| *byte == b',') {
            let (coding, weight) = read(entry);
            let slot = match coding {
                coding if coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip") => &mut gzip,
                coding if coding.eq_ignore_ascii_case(b"identity") => &mut identity,
                b"*" => &mut any,
                _ => continue,
            };
            // Of two that contradict each other the lower: what is not compressed is understood by everybody.
            *slot = Some(slot.map_or(weight, |before| before.min(weight)));
        }
    }
    let gzip = gzip.or(any).unwrap_or(0);
    // The star stands for whatever is not named, the body as it is too.
    gzip > 0 && gzip >= identity.or(any).unwrap_or(0)
}

/// A coding and its weight. An entry that is malformed has none: it asks for nothing.
fn read(entry: &[u8]) -> (&[u8], Weight) {
    let mut parts = entry.splitn(2, |byte| *byte == b';');
    let coding = parts.next().unwrap_or_default().trim_ascii();
    let Some(parameter) = parts.next() else {
        return (coding, 1000);
    };
    let parameter = parameter.trim_ascii();
    let value = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="));
    (coding, value.and_then(weight).unwrap_or(0))
}

/// `0`, `1`, and up to three decimals, which behind a 1 are all 0.
fn weight(text: &[u8]) -> Option<Weight> {
    let (whole, decimals) = match text {
        [whole @ (b'0' | b'1')] => (whole, &[][..]),
        [whole @ (b'0' | b'1'), b'.', decimals @ ..] if decimals.len() <= 3 => (whole, decimals),
        _ => return None,
    };
    let mut thousandths = 0;
    for place in 0..3 {
        let digit = decimals.get(place).copied().unwrap_or(b'0');
        let digit = char::from(digit).to_digit(10)?;
        thousandths = thousandths * 10 + digit;
    }
    match whole {
        b'0' => Some(thousandths),
        _ => (thousandths == 0).then_some(1000),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn takes(lines: &[&[u8]]) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_bytes(line).expect("a header value"));
        }
        takes_gzip(&headers)
    }

    #[test]
    fn gzip_is_taken_where_it_is_asked_for() {
        for line in [
            "gzip",
            "GZIP",
            "x-gzip",
            "gzip, deflate, br",
            "deflate,gzip",
            "gzip;q=0.5",
            "gzip ; q=1",
            "gzip;Q=1.000",
            "gzip;q=0.001",
            "gzip;q=1.",
            "*",
            "*;q=0.1",
            "br;q=1, *;q=0.2",
            "identity;q=0.5, gzip;q=0.5",
            "gzip;q=1, identity",
            ",, gzip ,",
            "*;q=0, gzip",
            "identity;q=0, gzip;q=0.1",
            "gzip;q=0.5, *;q=0.5",
            "zstd;garbage, gzip",
            "\tgzip\t",
        ] {
            assert!(takes(&[line.as_bytes()]), "{line}");
        }
        assert!(takes(&[b"br", b"gzip"]), "repeated lines are one list");
    }

    #[test]
    fn otherwise_it_is_not() {
        for line in [
            "",
            "identity",
            "br, zstd",
            "deflate",
            "gzip;q=0",
            "gzip;q=0.",
            "gzip;q=0.000",
            "*;q=0",
            "gzip;q=0, *",
            "gzip;q=0.4, identity;q=0.5",
            "gzip;q=0.2, *;q=0.5",
            "gzip, gzip;q=0",
            "gzipped",
            "gzip2",
            "g zip",
            "gz*",
            "\"gzip\"",
            "gzip q=1",
            "gzip;q",
            "gzip;q=",
            "gzip;q=2",
            "gzip;q=1.1",
            "gzip;q=1.001",
            "gzip;q=-1",
            "gzip;q=+1",
            "gzip;q=.5",
            "gzip;q=0.5000",
            "gzip;q=00.5",
            "gzip;q=0,5;q=x",
            "gzip;q=0x1",
            "gzip;q=1e0",
            "gzip;q=NaN",
            "gzip;q=inf",
            "gzip;q= 1",
            "gzip;level=9",
            "gzip;q=1;q=0",
            "gzip;q=0.5.5",
            "gzip;q=0.a",
            "gzip=1",
        ] {
            assert!(!takes(&[line.as_bytes()]), "{line}");
        }
        assert!(!takes(&[]) && !takes(&[b"gzip;q=\xff", b"\xc3\xa9"]));
    }

    proptest! {
        #[test]
        fn any_line_gives_an_answer(line in "\\PC{0,40}", weight in "q=[0-9.]{0,6}") {
            let _ = takes(&[line.as_bytes(), format!("gzip;{weight}").as_bytes()]);
            prop_assert!(!takes(&[line.as_bytes(), b"gzip;q=0"]), "refused is refused");
        }

        /// As a number says it, for every weight that may be written.
        #[test]
        fn weights_are_numbers(thousandths in 0_u16..=1000, decimals in 1_usize..=3) {
            let text = format!("{:.*}", decimals, f64::from(thousandths) / 1000.0);
            let number: f64 = text.parse().expect("a number");
            prop_assert_eq!(takes(&[format!("gzip;q={text}").as_bytes()]), number > 0.0, "{}", text);
        }
    }
}
