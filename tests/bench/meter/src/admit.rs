//! What checking a limit costs by itself: `Limiter::admit`, all that the gateway does to count a request, on a store
//! that answers at once.

use std::sync::Arc;

use clap::ValueEnum;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tollgate::clock::SystemClock;
use tollgate::limit::{Admission, Limiter, Patience, Subject};

use crate::event;
use crate::store::OneItem;

/// Which limit is checked over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Limit {
    /// A token bucket in use, one write a check.
    Bucket,
    /// Four quotas, one write a check.
    Windows,
    /// What was counted ahead is spent.
    Lease,
    /// A bucket that was seen to be empty refuses.
    Denial,
}

/// Checks before those that count: enough that a lease has grown to [`LEASE_SIZE`], and that all else is settled.
const AHEAD: usize = 1 + 2 + 4 + 8 + 16 + 32 + 64 + 128 + 256 + 512 + 1;

/// The largest that a config may ask for.
const LEASE_SIZE: u32 = 1000;

/// Checks so many times. An error unless each check went the way that this limit is about.
pub(crate) fn check(limit: Limit, times: usize) -> Result<(), String> {
    let runtime = Builder::new_current_thread().enable_time().build();
    check_on(&runtime.map_err(|error| error.to_string())?, limit, times)
}

fn check_on(runtime: &Runtime, limit: Limit, times: usize) -> Result<(), String> {
    let config = tollgate::config::parse("bench.json", &limit.config().to_string(), &|_| None);
    let config = config.map_err(|mistakes| mistakes.to_string())?.config;
    let route = config.routes.first().ok_or("no route")?;
    let request = event::request(None)?;
    let store = Arc::new(OneItem::default());
    let limiter = Limiter::new(config.limits, Arc::clone(&store) as _, Arc::new(SystemClock));
    let set = limiter.shared(&request.path).ok_or("no limit")?;
    let subject = Subject::of(set, route, &request, None);
    runtime.block_on(async {
        for _ in 0..AHEAD {
            limiter.admit(set, &subject, 1, &mut Patience::default()).await;
        }
        let before = store.charges();
        for _ in 0..times {
            match limiter.admit(set, &subject, 1, &mut Patience::default()).await {
                Admission::Decided(decision) if decision.allowed() == limit.allows() => {}
                other => return Err(format!("not what {limit:?} is about: {other:?}")),
            }
        }
        match store.charges() - before {
            charges if charges == times * limit.writes() => Ok(()),
            charges => Err(format!("{charges} charges in {times} checks of {limit:?}")),
        }
    })
}

impl Limit {
    /// Its name in the table.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Bucket => "bucket in use, exact",
            Self::Windows => "four quotas, exact",
            Self::Lease => "lease spent",
            Self::Denial => "cached denial",
        }
    }

    fn allows(self) -> bool {
        self != Self::Denial
    }

    /// How many calls of the store a check makes.
    fn writes(self) -> usize {
        match self {
            Self::Bucket | Self::Windows => 1,
            Self::Lease | Self::Denial => 0,
        }
    }

    fn config(self) -> Value {
        let limit = match self {
            // A check takes a second out of the bucket: it is in use however slowly they come.
            Self::Bucket => json!({ "requests_per_second": 1, "burst": 1_000_000 }),
            Self::Windows => {
                let periods = ["minute", "hour", "day", "month"];
                json!({ "quota": periods.map(|per| json!({ "requests": 1_000_000, "per": per })) })
            }
            Self::Lease => json!({
                "requests_per_second": 1, "burst": 1_000_000, "mode": "lease", "lease_size": LEASE_SIZE
            }),
            Self::Denial => json!({ "requests_per_day": 1, "burst": 1 }),
        };
        json!({
            "upstreams": { "users": { "url": "http://127.0.0.1" } },
            "routes": [{ "path": "/**", "upstream": "users", "auth": "none" }],
            "rate_limiting": { "default": limit },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With a clock that stands: a lease lasts a second.
    fn checked(limit: Limit, times: usize) -> Result<(), String> {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        check_on(&runtime.unwrap(), limit, times)
    }

    #[test]
    fn every_check_goes_the_way_it_is_named_for() {
        for limit in Limit::value_variants() {
            checked(*limit, 200).unwrap();
        }
    }

    #[test]
    fn a_lease_that_is_used_up_is_no_figure() {
        let why = checked(Limit::Lease, LEASE_SIZE as usize).unwrap_err();
        assert_eq!(why, "1 charges in 1000 checks of Lease");
    }
}
