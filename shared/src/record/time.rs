//! Points in time as text.

use crate::clock::{Civil, Timestamp};

/// RFC 3339 in UTC with milliseconds, rounded down: `2026-01-31T23:59:59.123Z`. Years after 9999 take more digits,
/// which RFC 3339 does not know.
pub fn rfc3339(time: Timestamp) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = time.civil();
    let millisecond = time.micros() % 1_000_000 / 1000;
    if year > 9999 {
        return format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z");
    }
    // By hand: a format string takes a fifth of what the whole record does.
    let mut text = *b"0000-00-00T00:00:00.000Z";
    put(&mut text[..4], year);
    put(&mut text[5..7], month as u64);
    for (place, number) in [(8, day), (11, hour), (14, minute), (17, second)] {
        put(&mut text[place..place + 2], number);
    }
    put(&mut text[20..23], millisecond);
    String::from_utf8_lossy(&text).into_owned()
}

/// The last digits of a number, as many as there is room for.
fn put(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        // One decimal digit is below 10.
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}
