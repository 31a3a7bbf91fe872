//! How fast: `requests_per_...` and `burst`.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::config::decode::{At, Field};
use crate::config::raw;
use crate::config::report::Report;
use crate::limit::Rate;

/// Environments whose clocks differ by more than a burst lasts would starve one another.
const SHORTEST_BURST: Duration = Duration::from_millis(50);

/// A bucket that takes longer to fill is a slip; also keeps times in microseconds far below 64 bits.
const LONGEST_BURST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Counters hold whole microseconds: at more than one request each, there is nothing left to count.
const MOST_PER_SECOND: u128 = 1_000_000;

/// The one rate of a section.
pub(super) fn rate(given: &raw::Pace, report: &mut Report) -> Stated {
    let rates = fields(given);
    // One that was meant but is wrong is not missed as well.
    if rates.iter().all(|(field, _)| matches!(field, Field::Absent)) {
        return Stated::Nothing;
    }
    let mut stated = rates
        .iter()
        .filter_map(|(field, seconds)| Some((field.given()?, *seconds)));
    let (requests, seconds) = match (stated.next(), stated.next()) {
        (Some(one), None) => one,
        (Some(_), Some((second, _))) => {
            let reason = "a second requests_per_... in one rule: one rule has one rate";
            report.mistake(second.place, reason);
            return Stated::Wrong;
        }
        (None, _) => return Stated::Wrong,
    };
    let burst = given.burst.given();
    let rate = Rate {
        requests: requests.value,
        per: Duration::from_secs(seconds),
        burst: burst.map_or(requests.value, |burst| burst.value),
    };
    match has_a_size(requests, burst, rate, report) {
        true => Stated::Rate(rate),
        false => Stated::Wrong,
    }
}

fn has_a_size(requests: &At<NonZeroU32>, burst: Option<&At<NonZeroU32>>, rate: Rate, report: &mut Report) -> bool {
    let number = u128::from(rate.requests.get());
    if number > MOST_PER_SECOND * u128::from(rate.per.as_secs()) {
        report.mistake(
            requests.place,
            "more than 1000000 a second, the most that can be counted",
        );
        return false;
    }
    // A burst that was left out lasts for `per`, which is in range.
    let Some(burst) = burst else { return true };
    let lasts = u128::from(burst.value.get()) * rate.per.as_micros() / number;
    if lasts < SHORTEST_BURST.as_micros() {
        let least = (SHORTEST_BURST.as_micros() * number).div_ceil(rate.per.as_micros());
        let reason =
            format!("too small for this rate: a burst must last 50ms, here {least} (clocks differ by as much)");
        report.mistake(burst.place, reason);
        return false;
    }
    if lasts > LONGEST_BURST.as_micros() {
        report.mistake(
            burst.place,
            "too large for this rate: it would take more than a year to fill",
        );
        return false;
    }
    true
}

/// What a section says of a rate.
pub(super) enum Stated {
    Rate(Rate),
    /// What it says was reported.
    Wrong,
    Nothing,
}

impl Stated {
    /// The rate, if there is one; `None` where it is wrong.
    pub(super) fn given(self) -> Option<Option<Rate>> {
        match self {
            Self::Rate(rate) => Some(Some(rate)),
            Self::Nothing => Some(None),
            Self::Wrong => None,
        }
    }
}

fn fields(given: &raw::Pace) -> [(&Field<At<NonZeroU32>>, u64); 4] {
    [
        (&given.requests_per_second, 1),
        (&given.requests_per_minute, 60),
        (&given.requests_per_hour, 60 * 60),
        (&given.requests_per_day, 24 * 60 * 60),
    ]
}
