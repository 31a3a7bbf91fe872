use insta::assert_snapshot;

use super::*;
use crate::config::Pointer;
use crate::limit::RuleSet;
use crate::limit::testing::{Limits, bucket_of};
use crate::limit::window::{Period, Window};

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_250_000);

/// `after`: microseconds from now to the theoretical arrival time.
fn decide(limits: Limits, after: u64, allowed: bool) -> Decision {
    let set = limits.build();
    decision(&set, &counted(&set, NOW.micros() + after, &[]), allowed)
}

fn decision(set: &RuleSet, state: &CounterState, allowed: bool) -> Decision {
    Decision::new(&Check::new(set, 1, NOW), state, allowed)
}

fn headers(decisions: &[Decision]) -> String {
    let mut headers = HeaderMap::new();
    stamp(decisions, &mut headers);
    let mut lines: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    lines.join("\n")
}

#[test]
fn an_allowed_answer_tells_the_counts() {
    let decision = decide(Limits::rate(100, 1, 20), 10_000, true);
    assert!(decision.allowed());
    assert_eq!(decision.require(), Ok(()));
    assert_snapshot!(headers(&[decision]), @r#"
    ratelimit-policy: "default";q=100;w=1
    ratelimit: "default";r=19;t=1
    x-ratelimit-limit: 100
    x-ratelimit-remaining: 19
    x-ratelimit-reset: 1800000001
    "#);
}

#[test]
fn a_refused_answer_tells_the_same_counts_and_when_to_come_back() {
    let decision = decide(Limits::rate(10, 60, 10).named("/api/auth/login"), 57_500_000, false);
    assert!(!decision.allowed());
    let error = decision.require().unwrap_err();
    assert_eq!(
        error,
        GatewayError::RateLimited {
            retry_after: Duration::from_micros(3_500_000),
            at: Pointer::new("/rate_limiting/default"),
        }
    );
    assert_eq!(error.retry_after(), Some(4));
    assert_snapshot!(headers(&[decision]), @r#"
    ratelimit-policy: "/api/auth/login";q=10;w=60
    ratelimit: "/api/auth/login";r=0;t=58
    x-ratelimit-limit: 10
    x-ratelimit-remaining: 0
    x-ratelimit-reset: 1800000058
    "#);
}

#[test]
fn a_full_bucket_is_full_now() {
    // A clock behind the one that wrote the item: `tat` lies in the past.
    let set = Limits::rate(5, 3_600, 7).named("orders").build();
    let decision = decision(&set, &counted(&set, NOW.micros() - 5_000_000, &[]), true);
    assert_snapshot!(headers(&[decision]), @r#"
    ratelimit-policy: "orders";q=5;w=3600
    ratelimit: "orders";r=7;t=0
    x-ratelimit-limit: 5
    x-ratelimit-remaining: 7
    x-ratelimit-reset: 1800000001
    "#);
}

#[test]
fn a_short_wait_is_never_told_as_zero() {
    let decision = decide(Limits::rate(100, 1, 1), 1, false);
    assert_eq!(decision.require().unwrap_err().retry_after(), Some(1));
}

#[test]
fn hostile_policy_names_cannot_break_out_of_their_string() {
    let name = "a\"b\\c%d é\r\nX-Evil: 1\u{7f}";
    assert_snapshot!(headers(&[decide(Limits::rate(1, 86_400, 1).named(name), 0, true)]), @r#"
    ratelimit-policy: "a%22b%5Cc%25d %C3%A9%0D%0AX-Evil: 1%7F";q=1;w=86400
    ratelimit: "a%22b%5Cc%25d %C3%A9%0D%0AX-Evil: 1%7F";r=1;t=0
    x-ratelimit-limit: 1
    x-ratelimit-remaining: 1
    x-ratelimit-reset: 1800000001
    "#);
}

#[test]
fn the_answer_s_own_limit_headers_are_replaced() {
    let mut headers = HeaderMap::new();
    headers.append("x-ratelimit-limit", HeaderValue::from_static("7"));
    headers.append("x-ratelimit-limit", HeaderValue::from_static("8"));
    headers.append("ratelimit", HeaderValue::from_static("\"upstream\";r=1"));
    stamp(&[decide(Limits::rate(100, 1, 20), 10_000, true)], &mut headers);
    assert_eq!(headers.get_all("x-ratelimit-limit").iter().collect::<Vec<_>>(), ["100"]);
    assert_eq!(
        headers.get_all("ratelimit").iter().collect::<Vec<_>>(),
        ["\"default\";r=19;t=1"]
    );
}

/// A state of this set's bucket, where it has one, and of these windows.
fn counted(set: &RuleSet, tat: u64, windows: &[(Period, u64)]) -> CounterState {
    CounterState {
        windows: windows
            .iter()
            .map(|(period, count)| (Window::at(*period, NOW), *count))
            .collect(),
        ..set.rate.map_or_else(CounterState::default, |rate| bucket_of(rate, tat))
    }
}

#[test]
fn every_limit_has_an_entry_and_the_tightest_is_told_apart() {
    let set = Limits::rate(100, 1, 20)
        .and_quota(1_000, "day")
        .and_quota(10_000, "month")
        .build();
    let much = counted(&set, NOW.micros() + 10_000, &[(Period::Day, 7), (Period::Month, 9_990)]);
    let little = counted(&set, NOW.micros() + 10_000, &[(Period::Day, 7), (Period::Month, 100)]);
    assert_snapshot!(headers(&[decision(&set, &much, true)]), @r#"
    ratelimit-policy: "default";q=100;w=1, "default-day";q=1000;w=86400, "default-month";q=10000;w=2678400
    ratelimit: "default";r=19;t=1, "default-day";r=993;t=57600, "default-month";r=10;t=1440000
    x-ratelimit-limit: 10000
    x-ratelimit-remaining: 10
    x-ratelimit-reset: 1801440000
    "#);
    assert_snapshot!(headers(&[decision(&set, &little, true)]), @r#"
    ratelimit-policy: "default";q=100;w=1, "default-day";q=1000;w=86400, "default-month";q=10000;w=2678400
    ratelimit: "default";r=19;t=1, "default-day";r=993;t=57600, "default-month";r=9900;t=1440000
    x-ratelimit-limit: 100
    x-ratelimit-remaining: 19
    x-ratelimit-reset: 1800000001
    "#);
}

#[test]
fn a_refusal_lasts_as_long_as_the_longest_of_those_that_refuse() {
    let set = Limits::rate(1, 1, 1).and_quota(10, "hour").and_quota(20, "day").build();
    let state = counted(&set, NOW.micros() + 1_000_000, &[(Period::Hour, 10), (Period::Day, 19)]);
    let refused = decision(&set, &state, false);
    let error = refused.require().unwrap_err();
    // 2027-01-15T08:00:00.25Z.
    assert_eq!(error.retry_after(), Some(3_600));
    assert_snapshot!(headers(&[refused]), @r#"
    ratelimit-policy: "default";q=1;w=1, "default-hour";q=10;w=3600, "default-day";q=20;w=86400
    ratelimit: "default";r=0;t=1, "default-hour";r=0;t=3600, "default-day";r=1;t=57600
    x-ratelimit-limit: 10
    x-ratelimit-remaining: 0
    x-ratelimit-reset: 1800003600
    "#);
}

#[test]
fn of_several_checks_the_one_that_refused_is_told_first() {
    let (route, plan) = (
        Limits::rate(10, 1, 10).named("search").build(),
        Limits::quota(1_000, "month").named("free").build(),
    );
    let first = decision(&route, &counted(&route, NOW.micros() + 900_000, &[]), true);
    let state = |count| counted(&plan, 0, &[(Period::Month, count)]);
    assert_snapshot!(headers(&[first.clone(), decision(&plan, &state(10), true)]), @r#"
    ratelimit-policy: "search";q=10;w=1, "free-month";q=1000;w=2678400
    ratelimit: "search";r=1;t=1, "free-month";r=990;t=1440000
    x-ratelimit-limit: 10
    x-ratelimit-remaining: 1
    x-ratelimit-reset: 1800000002
    "#);
    assert_snapshot!(headers(&[first, decision(&plan, &state(1_000), false)]), @r#"
    ratelimit-policy: "search";q=10;w=1, "free-month";q=1000;w=2678400
    ratelimit: "search";r=1;t=1, "free-month";r=0;t=1440000
    x-ratelimit-limit: 1000
    x-ratelimit-remaining: 0
    x-ratelimit-reset: 1801440000
    "#);
}
