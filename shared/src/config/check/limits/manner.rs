//! How is counted: `on_error`, `mode`, `lease_size`, `charge_on`, `shadow`.

use std::num::NonZeroU32;

use crate::config::decode::{At, Field};
use crate::config::raw::{self, CountingMode};
use crate::config::report::Report;
use crate::limit::{ChargeOn, Manner, Mode, OnError};

/// What `lease_size` is when left out.
const DEFAULT_LEASE: NonZeroU32 = NonZeroU32::new(50).unwrap();

/// More than a partition writes in a second is not saved by anybody, and lost with an environment.
const LARGEST_LEASE: u32 = 1_000;

/// What is said of the manner, in one section or in several that make one check.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said {
    on_error: Option<OnError>,
    mode: Option<Mode>,
    charge_on: Option<ChargeOn>,
    shadow: Option<bool>,
}

impl Said {
    pub(super) fn of(section: &raw::Manner, report: &mut Report) -> Self {
        let said = Self {
            on_error: section.on_error.given().map(|given| given.value),
            mode: mode(section, report),
            charge_on: section.charge_on.given().map(|given| given.value),
            shadow: section.shadow.given().map(|given| given.value),
        };
        if matches!(
            (said.mode, said.charge_on),
            (Some(Mode::Lease(_)), Some(ChargeOn::Success))
        ) {
            let reason =
                "mode: lease and charge_on: success do not go together: what was taken ahead is not given back";
            report.mistake(section.place, reason);
        }
        said
    }

    /// Both are one check, which is made in one way.
    pub(super) fn and(&mut self, section: &raw::Manner, report: &mut Report) {
        let other = Self::of(section, report);
        let mut differs = Vec::new();
        join(&mut self.on_error, other.on_error, "on_error", &mut differs);
        join(&mut self.mode, other.mode, "mode", &mut differs);
        join(&mut self.charge_on, other.charge_on, "charge_on", &mut differs);
        join(&mut self.shadow, other.shadow, "shadow", &mut differs);
        for name in differs {
            let reason = format!("{name} is another than that of what is counted by the same key: both are one check");
            report.mistake(section.place, reason);
        }
    }

    pub(super) fn manner(self) -> Manner {
        Manner {
            on_error: self.on_error.unwrap_or_default(),
            mode: self.mode.unwrap_or_default(),
            charge_on: self.charge_on.unwrap_or_default(),
            shadow: self.shadow.unwrap_or_default(),
        }
    }
}

fn join<T: PartialEq + Copy>(
    one: &mut Option<T>,
    other: Option<T>,
    name: &'static str,
    differs: &mut Vec<&'static str>,
) {
    match (*one, other) {
        (Some(said), Some(other)) if said != other => differs.push(name),
        (None, Some(other)) => *one = Some(other),
        _ => {}
    }
}

fn mode(section: &raw::Manner, report: &mut Report) -> Option<Mode> {
    let size = section.lease_size.given();
    match section.mode.given().map(|given| given.value) {
        Some(CountingMode::Lease) => Some(Mode::Lease(size.map_or(DEFAULT_LEASE, |size| in_range(size, report)))),
        mode => {
            if let (Some(size), Field::Absent | Field::Given(_)) = (size, &section.mode) {
                report.mistake(size.place, "lease_size is for mode: lease");
            }
            mode.map(|_| Mode::Exact)
        }
    }
}

fn in_range(size: &At<NonZeroU32>, report: &mut Report) -> NonZeroU32 {
    if size.value.get() > LARGEST_LEASE {
        report.mistake(
            size.place,
            "more than 1000: nothing is saved by more, and an environment that ends takes them along",
        );
    }
    size.value
}
