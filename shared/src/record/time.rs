//! Points in time as text.

use crate::clock::Timestamp;

/// Days from 0000-03-01 to 1970-01-01 in the proleptic Gregorian calendar.
const MARCH_YEAR_0_TO_EPOCH: u64 = 719_468;

/// RFC 3339 in UTC with milliseconds, rounded down: `2026-01-31T23:59:59.123Z`. Years after 9999 take more digits,
/// which RFC 3339 does not know.
pub(super) fn rfc3339(time: Timestamp) -> String {
    let (year, month, day) = civil(time.secs() / 86_400);
    let second = time.secs() % 86_400;
    let millisecond = time.micros() % 1_000_000 / 1000;
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{millisecond:03}Z",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// Year, month and day of a number of days since 1970-01-01. Counted from a 1 March, leap days come last in their
/// year, so that whole eras of 400 years (146,097 days) and months follow plain divisions.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + MARCH_YEAR_0_TO_EPOCH;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March run in fives of 153 days.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, next_year) = if month_from_march < 10 {
        (month_from_march + 3, 0)
    } else {
        (month_from_march - 9, 1)
    };
    (days / 146_097 * 400 + year_of_era + next_year, month, day)
}
