use insta::assert_snapshot;

use super::*;
use crate::config::Pointer;
use crate::limit::{KeyPart, Rate};

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_250_000);

fn rule(name: &str, requests: u32, per_secs: u64, burst: u32) -> LimitRule {
    LimitRule {
        name: name.into(),
        sort_key: "L#shared".into(),
        rate: Rate {
            requests: NonZeroU32::new(requests).unwrap(),
            per: Duration::from_secs(per_secs),
            burst: NonZeroU32::new(burst).unwrap(),
        },
        key: vec![KeyPart::ClientIp],
        pointer: Pointer::new("/rate_limiting/default"),
    }
}

/// `after`: microseconds from now to the theoretical arrival time.
fn decide(rule: &LimitRule, after: u64, allowed: bool) -> Decision {
    Decision::new(rule, &Bucket::new(rule.rate), NOW, NOW.micros() + after, allowed)
}

fn headers(decision: &Decision) -> String {
    let mut headers = HeaderMap::new();
    decision.stamp(&mut headers);
    let mut lines: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    lines.join("\n")
}

#[test]
fn an_allowed_answer_tells_the_counts() {
    let decision = decide(&rule("default", 100, 1, 20), 10_000, true);
    assert!(decision.allowed());
    assert_eq!(decision.require(), Ok(()));
    assert_snapshot!(headers(&decision), @r#"
    ratelimit-policy: "default";q=100;w=1
    ratelimit: "default";r=19;t=1
    x-ratelimit-limit: 100
    x-ratelimit-remaining: 19
    x-ratelimit-reset: 1800000001
    "#);
}

#[test]
fn a_refused_answer_tells_the_same_counts_and_when_to_come_back() {
    let decision = decide(&rule("/api/auth/login", 10, 60, 10), 57_500_000, false);
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
    assert_snapshot!(headers(&decision), @r#"
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
    let rule = rule("orders", 5, 3_600, 7);
    let decision = Decision::new(&rule, &Bucket::new(rule.rate), NOW, NOW.micros() - 5_000_000, true);
    assert_snapshot!(headers(&decision), @r#"
    ratelimit-policy: "orders";q=5;w=3600
    ratelimit: "orders";r=7;t=0
    x-ratelimit-limit: 5
    x-ratelimit-remaining: 7
    x-ratelimit-reset: 1800000001
    "#);
}

#[test]
fn a_short_wait_is_never_told_as_zero() {
    let decision = decide(&rule("default", 100, 1, 1), 1, false);
    assert_eq!(decision.require().unwrap_err().retry_after(), Some(1));
}

#[test]
fn hostile_policy_names_cannot_break_out_of_their_string() {
    let name = "a\"b\\c%d é\r\nX-Evil: 1\u{7f}";
    assert_snapshot!(headers(&decide(&rule(name, 1, 86_400, 1), 0, true)), @r#"
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
    decide(&rule("default", 100, 1, 20), 10_000, true).stamp(&mut headers);
    assert_eq!(headers.get_all("x-ratelimit-limit").iter().collect::<Vec<_>>(), ["100"]);
    assert_eq!(
        headers.get_all("ratelimit").iter().collect::<Vec<_>>(),
        ["\"default\";r=19;t=1"]
    );
}
