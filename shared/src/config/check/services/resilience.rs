//! How often a service is asked, and when not at all: `attempt_timeout`, `retry`, `circuit_breaker`.

use std::time::Duration;

use http::{Method, StatusCode};

use crate::config::check::routes::method;
use crate::config::check::timeout;
use crate::config::decode::{At, Field, List, Slot as _, Text};
use crate::config::raw::upstreams::{CircuitBreaker, Retry, RetryCause, Service};
use crate::config::report::Report;
use crate::upstream::BreakerRules;
use crate::upstream::retry::{Cause, LONGEST_BACKOFF, RetryRules};

/// An upstream that failed so often is not helped by more.
const MOST_ATTEMPTS: u32 = 10;

/// As many failures are remembered for each target.
const MOST_FAILURES: u32 = 1000;

/// Environments seldom live longer.
const LONGEST_WINDOW: Duration = Duration::from_secs(60 * 60);

/// Also of what a route calls by its URL.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

const ATTEMPTS: u32 = 2;
const BACKOFF: Duration = Duration::from_millis(50);
const BUDGET: u32 = 20;
const FAILURES: u32 = 5;
const WINDOW: Duration = Duration::from_secs(10);
const OPEN_FOR: Duration = Duration::from_secs(5);

pub(super) fn attempt_timeout(service: &Service, whole: Duration, report: &mut Report) -> Option<Duration> {
    let given = service.attempt_timeout.given()?;
    let own = timeout(given, report)?;
    if service.retry.is_absent() {
        let reason = "means nothing without retry: one attempt may take the whole timeout";
        report.mistake(given.place, reason);
    } else if own >= whole {
        let reason = "not shorter than timeout, which holds for all attempts together: it never passes";
        report.mistake(given.place, reason);
    }
    Some(own)
}

/// Half of an attempt's time at most, so that a connection that does not open is known for that and not for a slow answer.
pub(super) fn connect_timeout(service: &Service, attempt: Option<Duration>, report: &mut Report) -> Duration {
    let most = attempt.map_or(CONNECT_TIMEOUT, |attempt| attempt / 2);
    let Some(given) = service.connect_timeout.given() else {
        return CONNECT_TIMEOUT.min(most);
    };
    let own = timeout(given, report);
    if let (Some(own), Some(attempt)) = (own, attempt)
        && own >= attempt
    {
        let reason = "not shorter than attempt_timeout: a connection that does not open would pass for an answer that does not come";
        report.mistake(given.place, reason);
    }
    own.unwrap_or(CONNECT_TIMEOUT)
}

pub(super) fn retry(service: &Service, report: &mut Report) -> Option<RetryRules> {
    let retry: &Retry = service.retry.given()?;
    Some(RetryRules {
        attempts: attempts(retry, report),
        when: when(retry.when.given(), service.attempt_timeout.is_absent(), report),
        backoff: backoff(retry.backoff.given(), report),
        percent: retry.budget.given().map_or(BUDGET, |given| given.value.0),
        methods: methods(retry.methods.given(), report),
    })
}

fn attempts(retry: &Retry, report: &mut Report) -> u32 {
    let Some(given) = retry.attempts.given() else {
        return ATTEMPTS;
    };
    match given.value.get() {
        1 => report.mistake(
            given.place,
            "1 attempt is no retry: give it 2 or more, or leave retry out",
        ),
        number if number > MOST_ATTEMPTS => {
            report.mistake(
                given.place,
                format!("more than {MOST_ATTEMPTS}, the most that may help"),
            );
        }
        _ => {}
    }
    given.value.get()
}

fn when(list: Option<&List<RetryCause>>, one_has_all_the_time: bool, report: &mut Report) -> Vec<Cause> {
    let Some(list) = list else {
        let statuses = [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE];
        let statuses = statuses.into_iter().map(Cause::Status);
        return std::iter::once(Cause::NoConnection).chain(statuses).collect();
    };
    list.refuse_empty("after nothing at all: leave retry out instead", report);
    let mut causes = Vec::with_capacity(list.items.len());
    for RetryCause { place, cause } in &list.items {
        if causes.contains(cause) {
            report.mistake(*place, format!("{cause} is here twice"));
        }
        if *cause == Cause::TimedOut && one_has_all_the_time {
            let reason =
                "means nothing without attempt_timeout: an attempt that times out has taken all the time there is";
            report.mistake(*place, reason);
        }
        causes.push(*cause);
    }
    causes
}

fn backoff(given: Option<&At<Duration>>, report: &mut Report) -> Duration {
    let Some(given) = given else { return BACKOFF };
    if given.value > LONGEST_BACKOFF {
        report.mistake(given.place, "longer than 10s: no client waits for that");
    }
    given.value
}

fn methods(list: Option<&List<Text>>, report: &mut Report) -> Option<Vec<Method>> {
    let list = list?;
    list.refuse_empty(
        "no method at all: leave the key out for those that are idempotent",
        report,
    );
    let mut methods = Vec::with_capacity(list.items.len());
    for text in &list.items {
        let Some(method) = text.parse("a method", report, method) else {
            continue;
        };
        if methods.contains(&method) {
            report.mistake(text.place, format!("{} is here twice", text.quoted()));
        }
        methods.push(method);
    }
    Some(methods)
}

pub(super) fn breaker(service: &Service, report: &mut Report) -> Option<BreakerRules> {
    let section: &CircuitBreaker = service.circuit_breaker.given()?;
    Some(BreakerRules {
        failures: failures(section, report),
        window: lasting(&section.window, WINDOW, report),
        open_for: lasting(&section.open_for, OPEN_FOR, report),
        at: report.pointer(section.place),
    })
}

fn failures(section: &CircuitBreaker, report: &mut Report) -> u32 {
    let Some(given) = section.failures.given() else {
        return FAILURES;
    };
    if given.value.get() > MOST_FAILURES {
        report.mistake(
            given.place,
            format!("more than {MOST_FAILURES}, as many as are remembered"),
        );
    }
    given.value.get()
}

fn lasting(field: &Field<At<Duration>>, default: Duration, report: &mut Report) -> Duration {
    let Some(given) = field.given() else { return default };
    if given.value.is_zero() || given.value > LONGEST_WINDOW {
        report.mistake(given.place, "must be from 1ms to 1h");
    }
    given.value
}
