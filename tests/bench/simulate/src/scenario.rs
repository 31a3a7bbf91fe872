//! What is simulated: a limit, how much is asked of it, by how many environments, with which clocks.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};
use tollgate::config;
use tollgate::event::Event;
use tollgate::limit::{RuleSet, Subject};

/// How the limit is counted. In every mode it lets the same number through in the long run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A rate: a token bucket that is full after a second.
    Bucket,
    /// A quota: so many a minute.
    Quota,
    /// Both of them, in one item.
    Both,
    /// A quota, counted so many ahead at most.
    QuotaLease(u32),
    /// A rate, counted so many ahead at most.
    BucketLease(u32),
}

/// How far the environments' clocks are off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clocks {
    /// Not at all.
    Exact,
    /// Each by its own, normally distributed with a standard deviation of 50 ms.
    Normal,
    /// One of them is two seconds ahead.
    Ahead,
    /// One of them is two seconds behind.
    Behind,
    /// Each is set to somewhere within half a second of the truth every twenty requests or so, forth and back.
    Jumping,
}

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) mode: Mode,
    /// The limit, requests a second; also the burst, and a sixtieth of the quota.
    pub(crate) per_second: u32,
    pub(crate) environments: usize,
    /// What is asked for, in parts of the limit.
    pub(crate) load: f64,
    pub(crate) clocks: Clocks,
    /// How many requests are made.
    pub(crate) requests: usize,
    pub(crate) seed: u64,
}

/// A limit as the gateway has it, and whom it counts.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) set: Arc<RuleSet>,
    pub(crate) subject: Subject,
}

impl Mode {
    pub(crate) const ALL: [Self; 6] = [
        Self::Bucket,
        Self::Quota,
        Self::Both,
        Self::QuotaLease(10),
        Self::QuotaLease(50),
        Self::BucketLease(50),
    ];

    pub(crate) fn has_rate(self) -> bool {
        matches!(self, Self::Bucket | Self::Both | Self::BucketLease(_))
    }

    pub(crate) fn has_quota(self) -> bool {
        matches!(self, Self::Quota | Self::Both | Self::QuotaLease(_))
    }

    /// How many requests one write takes at most; `None`: each its own.
    pub(crate) fn lease(self) -> Option<u32> {
        match self {
            Self::QuotaLease(most) | Self::BucketLease(most) => Some(most),
            Self::Bucket | Self::Quota | Self::Both => None,
        }
    }

    /// How much is let through a second: leases are for keys that are busier.
    pub(crate) fn per_second(self) -> u32 {
        if self.lease().is_some() { 300 } else { 100 }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bucket => f.write_str("bucket"),
            Self::Quota => f.write_str("quota"),
            Self::Both => f.write_str("both"),
            Self::QuotaLease(most) => write!(f, "quota lease {most}"),
            Self::BucketLease(most) => write!(f, "bucket lease {most}"),
        }
    }
}

impl Clocks {
    pub(crate) const ALL: [Self; 5] = [Self::Exact, Self::Normal, Self::Ahead, Self::Behind, Self::Jumping];
}

impl fmt::Display for Clocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exact => "exact",
            Self::Normal => "50 ms off",
            Self::Ahead => "one 2 s ahead",
            Self::Behind => "one 2 s behind",
            Self::Jumping => "jumping",
        })
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            mode,
            environments,
            load,
            clocks,
            ..
        } = self;
        write!(f, "{mode}, {environments} environments, load {load}, clocks {clocks}")
    }
}

impl Scenario {
    /// The quota of a minute.
    pub(crate) fn quota(&self) -> u64 {
        u64::from(self.per_second) * 60
    }

    /// The limit, read from a config as a gateway reads it.
    pub(crate) fn limit(&self) -> Result<Limit, String> {
        let config = config::parse("simulation.json", &self.config().to_string(), &|_| None);
        let config = config.map_err(|mistakes| mistakes.to_string())?.config;
        let (set, route) = config.limits.default.zip(config.routes.first()).ok_or("no limit")?;
        let event = Event::read(EVENT, None).map_err(|error| error.to_string())?;
        let request = event.request(&[]).map_err(|error| format!("{error:?}"))?;
        let subject = Subject::of(&set, route, &request, None);
        Ok(Limit { set, subject })
    }

    fn config(&self) -> Value {
        let mut limit = json!({ "key": "client_ip", "on_error": "deny" });
        if self.mode.has_rate() {
            limit["requests_per_second"] = self.per_second.into();
        }
        if self.mode.has_quota() {
            limit["quota"] = json!({ "requests": self.quota(), "per": "minute" });
        }
        if let Some(most) = self.mode.lease() {
            limit["mode"] = "lease".into();
            limit["lease_size"] = most.into();
        }
        json!({
            "routes": [{ "path": "/**", "auth": "none", "respond": { "status": 204 } }],
            "rate_limiting": { "default": limit },
        })
    }
}

/// Whoever sends it: all requests count for one subject.
const EVENT: &str = r#"{"version":"2.0","rawPath":"/","rawQueryString":"","headers":{"host":"api.example.com"},
    "requestContext":{"http":{"method":"GET","sourceIp":"203.0.113.7"},"stage":"$default"},"isBase64Encoded":false}"#;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_mode_is_the_same_limit() {
        for mode in Mode::ALL {
            let scenario = Scenario {
                mode,
                per_second: 100,
                environments: 1,
                load: 1.0,
                clocks: Clocks::Exact,
                requests: 1,
                seed: 0,
            };
            let set = scenario.limit().unwrap().set;
            let rate = set.rate.map(|rate| (rate.requests.get(), rate.per, rate.burst.get()));
            assert_eq!(
                rate,
                mode.has_rate().then_some((100, Duration::from_secs(1), 100)),
                "{mode}"
            );
            let quotas: Vec<u64> = set.quotas.iter().map(|quota| quota.requests.get()).collect();
            assert_eq!(
                quotas,
                mode.has_quota().then_some(6_000).into_iter().collect::<Vec<_>>(),
                "{mode}"
            );
        }
    }
}
