//! When a failed attempt is made again, and how much more traffic that may come to. docs/resilience.md tells it in prose.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Method, Response, StatusCode};
use tokio::time::Instant;

use super::client::CallError;
use super::trace::random_below;
use crate::lock::lock;

#[cfg(test)]
mod tests;

/// `retry` of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryRules {
    /// How often a call is attempted at most, the first time included; from 2.
    pub attempts: u32,
    /// After which outcomes.
    pub when: Vec<Cause>,
    /// How long is waited before the second attempt at most; twice as long before each further one.
    pub backoff: Duration,
    /// How many retries there may be for a hundred calls, beside [`FLOOR`].
    pub percent: u32,
    /// What may be sent twice; without it what is idempotent (RFC 9110 section 9.2.2).
    pub methods: Option<Vec<Method>>,
}

/// Why an attempt may be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No connection: nothing was sent.
    NoConnection,
    /// No whole answer in time.
    TimedOut,
    /// Reset, truncated, or not HTTP.
    Broken,
    /// An answer with this status.
    Status(StatusCode),
}

/// As a config names it.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConnection => f.write_str("connect_failure"),
            Self::TimedOut => f.write_str("timeout"),
            Self::Broken => f.write_str("broken"),
            Self::Status(status) => f.write_str(status.as_str()),
        }
    }
}

impl Cause {
    /// What an attempt came to, unless nothing is gained by another.
    pub(super) fn of(outcome: &Result<Response<Bytes>, CallError>) -> Option<Self> {
        match outcome {
            Ok(answer) => Some(Self::Status(answer.status())),
            Err(CallError::Connect(_)) => Some(Self::NoConnection),
            Err(CallError::Timeout(_)) => Some(Self::TimedOut),
            Err(CallError::Broken(_)) => Some(Self::Broken),
            Err(CallError::TooLarge(_)) => None,
        }
    }
}

/// An attempt that has less time than this does not begin: few services answer so fast over a new connection.
pub(super) const SHORTEST: Duration = Duration::from_millis(50);

/// What waiting between attempts grows to at most, however many there are.
pub(crate) const LONGEST_BACKOFF: Duration = Duration::from_secs(10);

impl RetryRules {
    /// How long to wait after attempt `number` (from 1) of a request with this method, of whose time so much is left;
    /// `None` when it is not to be made again. `elsewhere`: the next attempt goes to another target, for which what this one
    /// says in `Retry-After` does not hold.
    pub(super) fn wait(
        &self,
        number: u32,
        method: &Method,
        outcome: &Result<Response<Bytes>, CallError>,
        left: Duration,
        elsewhere: bool,
    ) -> Option<Duration> {
        let cause = Cause::of(outcome).filter(|cause| self.when.contains(cause))?;
        // What never got a connection never left: then any method may come again.
        if number >= self.attempts || cause != Cause::NoConnection && !self.may_come_twice(method) {
            return None;
        }
        let wished = match outcome {
            Ok(answer) if !elsewhere => retry_after(answer.headers())?,
            _ => Duration::ZERO,
        };
        let wait = self.jittered(number).max(wished);
        left.checked_sub(SHORTEST)
            .filter(|latest| wait <= *latest)
            .map(|_| wait)
    }

    fn may_come_twice(&self, method: &Method) -> bool {
        match &self.methods {
            Some(methods) => methods.contains(method),
            None => method.is_idempotent(),
        }
    }

    /// Anything from nothing to the whole of a doubling time: what failed together does not come again together ("full
    /// jitter", <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
    fn jittered(&self, number: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(number.saturating_sub(1));
        let longest = self.backoff.saturating_mul(doubled).min(LONGEST_BACKOFF);
        // Whole microseconds of ten seconds are few.
        let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(random_below(micros.saturating_add(1)))
    }
}

/// How long the upstream asks to be left alone (RFC 9110 section 10.2.3); nothing where it says nothing. `None` for a date
/// and whatever else is no number of seconds: how long that is cannot be told from here.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let Some(value) = headers.get(RETRY_AFTER) else {
        return Some(Duration::ZERO);
    };
    let digits = value.to_str().ok()?.trim_ascii();
    // `parse` would also take a sign.
    let digits = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok().map(Duration::from_secs)
}

/// A retry comes as often as this whatever the traffic, so that a service that is seldom called has any at all. Seldom enough
/// that a service which hangs does not earn, by the time that each call takes, a retry of every call.
pub(super) const FLOOR: Duration = Duration::from_secs(10);

/// What was not used is kept up to so many retries.
pub(super) const KEPT: u32 = 10;

/// A retry in the unit that is counted: every call brings the percents of its service's budget.
const RETRY: u32 = 100;

/// How long one unit of [`FLOOR`] takes to come.
const UNIT: Duration = FLOOR.checked_div(RETRY).expect("RETRY is not 0");

/// What bounds the extra traffic of a service's retries, per function environment: a share of its calls, and [`FLOOR`].
#[derive(Debug)]
pub(super) struct RetryBudget {
    percent: u32,
    purse: Mutex<Purse>,
}

#[derive(Debug)]
struct Purse {
    /// Hundredths of retries.
    holds: u32,
    /// Until when the floor was paid in.
    paid_until: Instant,
}

impl RetryBudget {
    /// Begins with one retry.
    pub(super) fn new(percent: u32) -> Self {
        Self {
            percent,
            purse: Mutex::new(Purse {
                holds: RETRY,
                paid_until: Instant::now(),
            }),
        }
    }

    /// A call begins.
    pub(super) fn call(&self) {
        let mut purse = lock(&self.purse);
        purse.add(self.percent);
    }

    /// Takes one retry, if there is one.
    pub(super) fn take(&self) -> bool {
        let mut purse = lock(&self.purse);
        purse.pay_floor(Instant::now());
        let left = purse.holds.checked_sub(RETRY);
        purse.holds = left.unwrap_or(purse.holds);
        left.is_some()
    }
}

impl Purse {
    fn add(&mut self, units: u32) {
        self.holds = self.holds.saturating_add(units).min(KEPT * RETRY);
    }

    /// Whole units only; the rest of the time counts next time.
    fn pay_floor(&mut self, now: Instant) {
        let units = now.saturating_duration_since(self.paid_until).as_millis() / UNIT.as_millis();
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        self.paid_until += UNIT * units;
        self.add(units);
    }
}
