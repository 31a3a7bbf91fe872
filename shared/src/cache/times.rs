//! The times that a message states (RFC 9110 section 5.6.7), and how old it was when it came.

use std::time::{Duration, UNIX_EPOCH};

use http::header::{AGE, DATE, HeaderMap, HeaderName, HeaderValue};

use super::directives::seconds;
use crate::clock::Timestamp;

/// Older than anything is fresh.
const AGES: Duration = Duration::from_secs(1 << 32);

/// The one date in a header, in any of the three formats. `None`: it is not there, there are two, or it is none.
pub(super) fn date(headers: &HeaderMap, name: &HeaderName) -> Option<Timestamp> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => read(value),
        _ => None,
    }
}

fn read(value: &HeaderValue) -> Option<Timestamp> {
    let time = httpdate::parse_http_date(value.to_str().ok()?).ok()?;
    Some(Timestamp::from_secs(time.duration_since(UNIX_EPOCH).ok()?.as_secs()))
}

/// A time as `Date` has it.
pub(super) fn written(time: Timestamp) -> HeaderValue {
    // Beyond the year 9999 there is no such text.
    let seconds = time.secs().min(253_402_300_799);
    let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// How old an answer was when it came (RFC 9111 section 4.2.3). What is no age says that it is too old: nobody knows how
/// long it has been kept on its way.
pub(super) fn age_on_arrival(headers: &HeaderMap, requested_at: Timestamp, received_at: Timestamp) -> Duration {
    let dated = date(headers, &DATE).unwrap_or(received_at);
    let apparent = received_at.since(dated);
    match stated_age(headers) {
        None => apparent,
        Some(stated) => apparent.max(stated.saturating_add(received_at.since(requested_at))),
    }
}

/// What `Age` states; what is no age is older than anything is fresh. Two ages are none: which of them is right nobody knows.
pub(crate) fn stated_age(headers: &HeaderMap) -> Option<Duration> {
    let mut lines = headers.get_all(AGE).iter();
    let age = seconds(lines.next()?.as_bytes());
    let single = age.filter(|_| lines.next().is_none());
    Some(single.map_or(AGES, Duration::from_secs))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::headers;

    const NOW: Timestamp = Timestamp::from_secs(784_111_777);

    #[test]
    fn the_three_formats_are_one_time_and_anything_else_is_none() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(date(&headers(&[("date", text)]), &DATE), Some(NOW), "{text}");
        }
        for text in ["0", "-1", "", "Sun, 06 Nov 1994 08:49:37 AEST", "1994-11-06T08:49:37Z"] {
            assert_eq!(date(&headers(&[("date", text)]), &DATE), None, "{text}");
        }
        let twice = headers(&[
            ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ]);
        assert_eq!(date(&twice, &DATE), None);
        assert_eq!(written(NOW), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn the_age_is_what_the_date_or_the_age_says_whichever_is_more() {
        let age = |lines: &[(&str, &str)]| {
            let sent = Timestamp::from_secs(NOW.secs() - 2);
            age_on_arrival(&headers(lines), sent, NOW).as_secs()
        };
        assert_eq!(age(&[]), 0);
        assert_eq!(age(&[("age", "10")]), 12);
        assert_eq!(age(&[("date", "Sun, 06 Nov 1994 08:49:27 GMT")]), 10);
        assert_eq!(age(&[("date", "Sun, 06 Nov 1994 08:49:27 GMT"), ("age", "9")]), 11);
        assert_eq!(
            age(&[("date", "Sun, 06 Nov 1994 09:49:37 GMT")]),
            0,
            "a clock ahead of ours"
        );
        assert!(age(&[("age", "0"), ("age", "0")]) > 1 << 31);
        for wrong in ["abc", "-1", "1.0", "7;x=1", "", "0,0", "70, 0"] {
            assert!(age(&[("age", wrong)]) > 1 << 31, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_a_written_date_is_read_as_what_it_was(text in "[ -~]{0,40}", at in 0..253_402_300_800_u64) {
            _ = date(&headers(&[("date", &text)]), &DATE);
            _ = age_on_arrival(&headers(&[("age", &text)]), NOW, NOW);
            let time = Timestamp::from_secs(at);
            let mut map = HeaderMap::new();
            map.insert(DATE, written(time));
            assert_eq!(date(&map, &DATE), Some(time));
        }
    }
}
