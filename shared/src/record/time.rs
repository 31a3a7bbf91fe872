//! Points in time as text.

use crate::clock::{Civil, Timestamp};

/// RFC 3339 in UTC with milliseconds, rounded down: `2026-01-31T23:59:59.123Z`. Years after 9999 take more digits,
/// which RFC 3339 does not know.
pub(super) fn rfc3339(time: Timestamp) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = time.civil();
    let millisecond = time.micros() % 1_000_000 / 1000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
}
