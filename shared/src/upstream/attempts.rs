//! One call of a service that remembers something: its targets in turn, what failed once more, and no call at all while
//! its breaker is open.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use tokio::time::Instant;

use super::balancer::{Balancer, Verdict};
use super::client::CallError;
use super::retry::RetryBudget;
use super::{Caller, Stamps, Trail, Upstream, classify};
use crate::config::UpstreamCall;
use crate::error::GatewayError;
use crate::request::Request;

#[cfg(test)]
mod tests;

/// A time-out after less than this is none of the upstream's doing, where the request had no more time to give.
const TELLING: Duration = Duration::from_secs(1);

/// What this function environment remembers of a service: made when the gateway starts.
#[derive(Debug)]
pub(super) struct Service {
    balancer: Balancer,
    budget: Option<RetryBudget>,
}

impl Service {
    /// `None` where there is nothing to remember: the plain case costs nothing.
    pub(super) fn of(upstream: &Upstream) -> Option<Self> {
        let plain = upstream.targets.len() == 1 && upstream.breaker.is_none() && upstream.retry.is_none();
        (!plain).then(|| Self {
            balancer: Balancer::new(
                &upstream.targets,
                upstream.breaker.as_ref().map(|rules| rules.thresholds()),
            ),
            budget: upstream.retry.as_ref().map(|rules| RetryBudget::new(rules.percent)),
        })
    }

    /// How long to wait before another attempt, which is paid for; `None` for no other.
    fn retry(
        &self,
        call: &UpstreamCall,
        tried: &[usize],
        request: &Request,
        outcome: &Result<Response<Bytes>, CallError>,
        left: Duration,
    ) -> Option<Duration> {
        let rules = call.upstream.retry.as_ref()?;
        let elsewhere = self.balancer.has_other_than(tried);
        let wait = rules.wait(number_of(tried), &request.method, outcome, left, elsewhere)?;
        if self.balancer.wait() > wait {
            return None;
        }
        self.budget.as_ref().is_some_and(RetryBudget::take).then_some(wait)
    }
}

impl Caller {
    /// Makes a call, in as many attempts as it takes and `within` lets.
    pub(super) async fn attempts(
        &self,
        service: &Service,
        call: &UpstreamCall,
        request: &Request,
        stamps: Stamps<'_>,
        within: Duration,
        trail: &mut Trail,
    ) -> Result<Response<Bytes>, GatewayError> {
        let ends = Instant::now() + within;
        let left = || ends.saturating_duration_since(Instant::now());
        let mut tried = Vec::new();
        let mut last: Option<Result<Response<Bytes>, CallError>> = None;
        loop {
            let limit = call.upstream.attempt_timeout.unwrap_or(within).min(left());
            let choice = match service.balancer.choose(&tried, limit) {
                Ok(choice) => choice,
                Err(wait) => return last.map_or_else(|| Err(circuit_open(call, wait)), |last| last.map_err(classify)),
            };
            if let (Some(budget), []) = (&service.budget, &tried[..]) {
                budget.call();
            }
            tried.push(choice.target);
            trail.enter(&call.upstream, choice.target, number_of(&tried));
            let outcome = self.attempt(call, choice.target, request, stamps, limit).await?;
            if let Some(verdict) = verdict(&outcome, limit, call) {
                service.balancer.heard(choice, verdict);
            }
            match service.retry(call, &tried, request, &outcome, left()) {
                None => return outcome.map_err(classify),
                Some(wait) => tokio::time::sleep(wait).await,
            }
            last = Some(outcome);
        }
    }
}

/// How many attempts these were.
fn number_of(tried: &[usize]) -> u32 {
    u32::try_from(tried.len()).unwrap_or(u32::MAX)
}

/// What an attempt that had so much time tells of its target; `None` where it tells nothing.
fn verdict(outcome: &Result<Response<Bytes>, CallError>, limit: Duration, call: &UpstreamCall) -> Option<Verdict> {
    match outcome {
        Ok(answer) if is_sick(answer.status()) => Some(Verdict::Sick),
        Ok(_) | Err(CallError::TooLarge(_)) => Some(Verdict::Well),
        Err(CallError::Connect(_)) => Some(Verdict::Unreachable),
        Err(CallError::Broken(_)) => Some(Verdict::Sick),
        Err(CallError::Timeout(_)) => {
            let due = call
                .upstream
                .attempt_timeout
                .map_or(call.timeout, |own| own.min(call.timeout));
            (limit >= due.min(TELLING)).then_some(Verdict::Silent)
        }
    }
}

/// Whether a status says that the service is not well. A method that it does not know (501) says nothing of the kind.
fn is_sick(status: StatusCode) -> bool {
    status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
}

fn circuit_open(call: &UpstreamCall, wait: Duration) -> GatewayError {
    GatewayError::UpstreamCircuitOpen {
        retry_after: wait,
        at: call.upstream.breaker.as_ref().map(|rules| rules.at.clone()),
    }
}
