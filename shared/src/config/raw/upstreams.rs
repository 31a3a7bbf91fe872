//! `upstreams`: where services are, and how they are called.

use std::num::NonZeroU32;
use std::time::Duration;

use http::StatusCode;

use crate::config::decode::{
    At, Choice, Decode, Field, List, OneOf, Percent, Section, Slot, Text, fill_section, plain, refuse, sections,
};
use crate::config::raw::FixedAnswer;
use crate::config::report::Report;
use crate::config::tree::{Node, Place, Value};
use crate::upstream::retry::Cause;

sections! {
    /// A named service.
    #[cfg_attr(feature = "schema", schemars(extend("oneOf" = [{ "required": ["url"] }, { "required": ["targets"] }])))]
    Service {
        /// http or https, with a host; its path is put in front of every request's. Or else targets.
        url: Text,
        /// Several places where the service is, instead of url.
        targets: List<Target>,
        /// How calls are shared among targets: round_robin (default) or weighted.
        balance: OneOf<Balance>,
        /// The longest a call may take, all its attempts together; default: defaults.timeout.
        timeout: At<Duration>,
        /// The longest one attempt may take, with retry; default all the time there is.
        attempt_timeout: At<Duration>,
        /// The longest a connection may take to open; default 1s.
        connect_timeout: At<Duration>,
        /// When a call that failed is attempted again; default never.
        retry: Box<Retry>,
        /// When the service is left alone because it fails; default never.
        circuit_breaker: Box<CircuitBreaker>,
        /// What clients get instead of the gateway's own 502, 503 or 504 about it: status, headers and body.
        fallback: Box<FixedAnswer>,
        /// A path that is fetched while a function environment starts, so that no request waits for the connection.
        warm: Text,
    }

    /// One place where a service is.
    Target {
        /// http or https, with a host; its path is put in front of every request's.
        (required) url: Text,
        /// Its share of the calls, with balance: weighted: this out of the sum of all; default 1.
        weight: At<NonZeroU32>,
    }

    /// One of the services among which a route's requests are split.
    Share {
        /// A name of upstreams, or a URL.
        (required) upstream: Text,
        /// How many requests go there: this out of the sum of all.
        (required) weight: At<u32>,
    }

    /// When a call that failed is attempted again.
    Retry {
        /// How often a call is attempted at most, the first time included; default 2.
        attempts: At<NonZeroU32>,
        /// After what: connect_failure, timeout, broken, 429, 500, 502, 503, 504; default connect_failure, 502, 503.
        when: List<RetryCause>,
        /// How long is waited at most before the second attempt, and twice as long before each further one; default 50ms.
        backoff: At<Duration>,
        /// How much traffic retries may add, beside one a second in each function environment; default 20%.
        budget: At<Percent>,
        /// Which methods may be sent twice; default those that are idempotent.
        methods: List<Text>,
    }

    /// When a service is left alone. Each target and each function environment has a breaker of its own.
    CircuitBreaker {
        /// So many failures open it; default 5.
        failures: At<NonZeroU32>,
        /// Within how long; default 10s.
        window: At<Duration>,
        /// How long nothing is sent before one call tries whether it is well again; default 5s.
        open_for: At<Duration>,
    }
}

/// `balance`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Balance {
    RoundRobin,
    Weighted,
}

impl Choice for Balance {
    const WORDS: &'static [(&'static str, Self)] = &[("round_robin", Self::RoundRobin), ("weighted", Self::Weighted)];
}

/// What happened to an attempt, by its name.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct NamedCause(Cause);

impl Choice for NamedCause {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("connect_failure", Self(Cause::NoConnection)),
        ("timeout", Self(Cause::TimedOut)),
        ("broken", Self(Cause::Broken)),
    ];

    fn why_not(word: &str) -> Option<&'static str> {
        let is_status = RETRIED.iter().any(|status| status.as_str() == word);
        is_status.then_some("a status is a number, without quotes")
    }
}

/// One of `when`.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct RetryCause {
    pub(in crate::config) place: Place,
    pub(in crate::config) cause: Cause,
}

/// The statuses that another attempt may better. Others are about the request.
pub(in crate::config) const RETRIED: [StatusCode; 5] = [
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::BAD_GATEWAY,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

impl Decode for RetryCause {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        let place = node.place;
        let cause = match &node.value {
            Value::Text(_) => OneOf::<NamedCause>::decode(node, report)?.value.0,
            Value::Number(number) => match RETRIED.into_iter().find(|status| status.as_str() == number) {
                Some(status) => Cause::Status(status),
                None => return refuse(&node, "one of the statuses 429, 500, 502, 503, 504", report),
            },
            _ => return refuse(&node, "connect_failure, timeout, broken, or a status", report),
        };
        Some(Self { place, cause })
    }
}
