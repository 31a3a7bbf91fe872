//! What the config asks for: rule sets, each kept in one item for each subject.

use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;

use super::window::Period;
use crate::auth::ClaimPath;
use crate::config::Pointer;

/// Limits that are checked and counted together, in one write: all of them let a request through, or none counts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSet {
    /// `default`, the override's path, the route's id, or the plan's name: the name in `RateLimit` headers and logs.
    pub name: Arc<str>,
    /// The sort key of its items: `L#shared`, `L#<override path>`, `L#<route id>`, `L#plan`.
    pub sort_key: Arc<str>,
    /// How fast.
    pub rate: Option<Rate>,
    /// How many; at most one of each period, and with a rate or without. Never neither.
    pub quotas: Vec<Quota>,
    /// By what; never empty. A list combines.
    pub key: Vec<KeyPart>,
    /// How it is counted.
    pub manner: Manner,
    /// Where it stands.
    pub pointer: Pointer,
}

/// How a rule set is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// What becomes of a request that cannot be counted.
    pub on_error: OnError,
    /// Each request by itself, or several ahead.
    pub mode: Mode,
    /// Which requests stay counted.
    pub charge_on: ChargeOn,
    /// Counts and refuses nobody, to see what it would do.
    pub shadow: bool,
}

/// Each request by itself, or several ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// One write a request.
    #[default]
    Exact,
    /// One write takes up to this many requests ahead; the environment spends them in their time ([`RuleSet::lease_lasts`]).
    Lease(NonZeroU32),
}

/// How long what was taken ahead of a rate may be spent. Any interval may see as much more of it.
pub const LEASE: Duration = Duration::from_secs(1);

/// The same of quotas alone, which it can overdraw at no time: as long as a refusal is trusted, so that what an administrator
/// changes holds for both.
const QUOTA_LEASE: Duration = super::TRUST;

/// Which requests stay counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChargeOn {
    /// All.
    #[default]
    All,
    /// Those that the upstream answered with anything but a 5xx: others are given back.
    Success,
}

impl RuleSet {
    /// Whether a request of this cost can ever fit: a burst, and every quota, is as large at least.
    pub fn takes(&self, cost: u32) -> bool {
        self.rate.is_none_or(|rate| rate.burst.get() >= cost)
            && self.quotas.iter().all(|quota| quota.requests.get() >= u64::from(cost))
    }

    /// How long what was taken ahead may be spent, but for its windows, which may end sooner.
    pub fn lease_lasts(&self) -> Duration {
        match self.rate {
            Some(_) => LEASE,
            None => QUOTA_LEASE,
        }
    }

    /// Whether it can be checked before anybody is authenticated: keyed by address and route only.
    pub fn needs_no_identity(&self) -> bool {
        self.key
            .iter()
            .all(|part| matches!(part, KeyPart::ClientIp | KeyPart::Route))
    }
}

/// A rate: a token bucket. Any interval t lets at most `burst + rate x t` through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The number in the config, per `per`.
    pub requests: NonZeroU32,
    /// 1 s, 1 min, 1 h or 1 day.
    pub per: Duration,
    /// How many fit at once; the number of the rate when left out.
    pub burst: NonZeroU32,
}

/// So many in each calendar window of a period, UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// `<name of its set>-<period>`: its name in `RateLimit` headers.
    pub name: Arc<str>,
    /// How many.
    pub requests: NonZeroU64,
    /// In what time.
    pub per: Period,
}

/// One part of what a limit counts by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPart {
    /// `header:Name`, read after the identity headers were set.
    Header(HeaderName),
    /// `client_ip`; IPv6 by /64.
    ClientIp,
    /// `claim:name`, what a verified credential proves.
    Claim(ClaimPath),
    /// `route`: the route's id.
    Route,
    /// `api_key`: the id of the caller's key.
    ApiKey,
    /// `user`: who the caller is, and who says so.
    User,
    /// Whoever has the plan: the API key, or else the user.
    PlanHolder,
}

/// What becomes of a request that cannot be counted, because the store is slow or down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// A bucket in each function environment, with a tenth of the rate.
    #[default]
    Local,
    /// It goes on.
    Allow,
    /// 503.
    Deny,
}
