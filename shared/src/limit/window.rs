//! Calendar windows, UTC: which one a moment falls into, and what it is called in an item.
//!
//! The name carries the window, so no window is ever set back to nothing: the next one is another attribute. What a
//! forgotten item or a clock that runs behind can do is count in the window that it names, and in no other.

use std::fmt;
use std::time::Duration;

use crate::clock::Timestamp;

/// No two environments whose writes DynamoDB takes have clocks as far apart as this: it refuses signatures from clocks that
/// are some minutes off (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>).
pub(super) const CLOCKS_APART: Duration = Duration::from_secs(15 * 60);

/// What a quota is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// From the whole minute, 60 s.
    Minute,
    /// From the whole hour.
    Hour,
    /// From midnight.
    Day,
    /// From the first day's midnight: 28 to 31 days.
    Month,
}

impl Period {
    /// All of them, shortest first.
    pub const ALL: [Self; 4] = [Self::Minute, Self::Hour, Self::Day, Self::Month];

    /// As the config writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// How the names of its windows begin.
    const fn letter(self) -> char {
        match self {
            Self::Minute => 'i',
            Self::Hour => 'h',
            Self::Day => 'd',
            Self::Month => 'm',
        }
    }
}

/// A window's name: `i202611220937`, `h2026112209`, `d20261122`, `m202611`. Of one period, the later is the larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    period: Period,
    /// The digits of its name.
    stamp: u64,
}

impl Window {
    /// The one that a moment falls into.
    pub fn at(period: Period, now: Timestamp) -> Self {
        let now = now.civil();
        let month = now.year * 100 + now.month as u64;
        let day = month * 100 + now.day;
        let hour = day * 100 + now.hour;
        let stamp = match period {
            Period::Minute => hour * 100 + now.minute,
            Period::Hour => hour,
            Period::Day => day,
            Period::Month => month,
        };
        Self { period, stamp }
    }

    /// Reads a name; `None` for what is none.
    pub fn parse(name: &str) -> Option<Self> {
        let period = Period::ALL
            .into_iter()
            .find(|period| name.starts_with(period.letter()))?;
        let digits = &name[1..];
        let is_stamp = digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let stamp = digits.parse().ok().filter(|_| is_stamp)?;
        Some(Self { period, stamp })
    }

    /// Whether it is over: a later one of its period has begun.
    pub(super) fn is_over(self, now: Timestamp) -> bool {
        self < Self::at(self.period, now)
    }

    /// Whether it is over by every clock, so that nobody will count in it again. Taken away any sooner, it would begin anew
    /// in an environment whose clock is behind.
    pub(super) fn is_over_everywhere(self, now: Timestamp) -> bool {
        let behind = u64::try_from(CLOCKS_APART.as_micros()).unwrap_or(u64::MAX);
        self.is_over(Timestamp::from_micros(now.micros().saturating_sub(behind)))
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.period.letter(), self.stamp)
    }
}

/// How long the window of a moment lasts.
pub(super) fn length(period: Period, now: Timestamp) -> Duration {
    Duration::from_secs(match period {
        Period::Minute => MINUTE,
        Period::Hour => HOUR,
        Period::Day => DAY,
        Period::Month => days_in_month(now) * DAY,
    })
}

/// When the window of a moment ends: more than `now`, always.
pub(super) fn end(period: Period, now: Timestamp) -> Timestamp {
    let second = now.secs();
    let ends = |length: u64| second - second % length + length;
    Timestamp::from_secs(match period {
        Period::Minute => ends(MINUTE),
        Period::Hour => ends(HOUR),
        Period::Day => ends(DAY),
        Period::Month => ends(DAY) + (days_in_month(now) - now.civil().day) * DAY,
    })
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

fn days_in_month(now: Timestamp) -> u64 {
    let date = now.civil();
    match date.month {
        2 if is_leap(date.year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn names_are_the_calendar_s() {
        // 2024-02-29T23:59:59Z, and the second after.
        let (last, first) = (at(1_709_251_199), at(1_709_251_200));
        let names = |now| Period::ALL.map(|period| Window::at(period, now).to_string());
        assert_eq!(names(last), ["i202402292359", "h2024022923", "d20240229", "m202402"]);
        assert_eq!(names(first), ["i202403010000", "h2024030100", "d20240301", "m202403"]);
        for period in Period::ALL {
            assert_eq!(end(period, last), first, "{period:?}");
        }
        assert_eq!(length(Period::Month, last), Duration::from_secs(29 * 86_400));
        assert_eq!(length(Period::Month, first), Duration::from_secs(31 * 86_400));
        assert_eq!(end(Period::Month, first), at(1_709_251_200 + 31 * 86_400));
    }

    #[test]
    fn other_attributes_are_no_windows() {
        for name in [
            "",
            "d",
            "pk",
            "sk",
            "tat",
            "ttl",
            "d2026112x",
            "s1793310000",
            "month",
            "d12345",
            "é20261122",
            "d+20261122",
        ] {
            assert_eq!(Window::parse(name), None, "{name}");
        }
        assert_eq!(
            Window::parse("d99999999999999999999999999"),
            None,
            "no number of 64 bits"
        );
    }

    proptest! {
        #[test]
        fn a_window_is_what_lies_between_its_ends(secs in 0..(1_u64 << 40), which in 0_usize..4) {
            let (period, now) = (Period::ALL[which], at(secs));
            let (window, end) = (Window::at(period, now), end(period, now));
            prop_assert!(now < end);
            prop_assert_eq!(Window::at(period, at(end.secs() - 1)), window);
            prop_assert!(Window::at(period, end) > window);
            prop_assert!(window.is_over(end) && !window.is_over(now));
            let gone = end.plus(CLOCKS_APART);
            prop_assert!(window.is_over_everywhere(gone) && !window.is_over_everywhere(at(gone.secs() - 1)));
            let begin = at(end.secs() - length(period, now).as_secs());
            prop_assert!(begin <= now);
            prop_assert_eq!(Window::at(period, begin), window);
            if begin > at(0) {
                prop_assert!(Window::at(period, at(begin.secs() - 1)) < window);
            }
            prop_assert_eq!(Window::parse(&window.to_string()), Some(window));
        }
    }
}
