//! Points in time as people and access logs write them, UTC.

use tollgate::clock::Timestamp;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// `12/Mar/2020:19:03:58 +0000`: an event's `requestContext.time` (the common log format).
pub(crate) fn access_log(at: Timestamp) -> String {
    let (year, month, day) = date(at.secs() / 86_400);
    format!("{day:02}/{}/{year}:{} +0000", MONTHS[month - 1], clock(at))
}

/// `19:03:58`.
pub(crate) fn clock(at: Timestamp) -> String {
    let second = at.secs() % 86_400;
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// Year, month (1 to 12) and day (1 to 31) of a day since 1970-01-01 in the Gregorian calendar.
///
/// Counts from a 1 March, so that the day which a leap year adds is the last of its year, and in whole cycles of
/// 400 years, which all have 146,097 days.
fn date(day_since_epoch: u64) -> (u64, usize, u64) {
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    let day = day_since_epoch + 719_468;
    let (cycle, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // The months from March on have 31, 30, 31, 30, 31 days, and so on again: 153 days in each five.
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 {
        (year, month + 3)
    } else {
        (year + 1, month - 9)
    };
    (cycle * 400 + year, usize::try_from(month).unwrap_or(1), day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        for (second, expected) in [
            (0, "01/Jan/1970:00:00:00 +0000"),
            (951_782_400, "29/Feb/2000:00:00:00 +0000"),
            (951_868_799, "29/Feb/2000:23:59:59 +0000"),
            (1_583_348_638, "04/Mar/2020:19:03:58 +0000"),
            (1_735_689_599, "31/Dec/2024:23:59:59 +0000"),
            (4_107_542_400, "01/Mar/2100:00:00:00 +0000"),
        ] {
            assert_eq!(access_log(Timestamp::from_secs(second)), expected);
        }
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let mut last = date(0);
        for day in 1..=146_097 {
            let next = date(day);
            let (year, month, of_month) = last;
            let follows = next == (year, month, of_month + 1)
                || next == (year, month + 1, 1) && of_month >= 28
                || next == (year + 1, 1, 1) && (month, of_month) == (12, 31);
            assert!(follows, "{last:?} {next:?}");
            last = next;
        }
        assert_eq!(last, (2370, 1, 1));
    }
}
