//! `upstreams`: what becomes of targets, retries and breakers that stand in the document.

use std::time::Duration;

use http::{Method, StatusCode};
use proptest::prelude::*;

use super::{load, right};
use crate::config::{Config, Target, UpstreamCall};
use crate::upstream::Upstream;
use crate::upstream::retry::Cause;
use crate::upstream::split::Sticky;

/// The service with these keys, in flow style.
#[track_caller]
fn service(keys: &str) -> Upstream {
    let config = right(&document(keys)).config;
    Upstream::clone(&config.upstreams[0])
}

fn document(keys: &str) -> String {
    format!("upstreams: {{ a: {{ {keys} }} }}\nroutes:\n  - {{ path: /a, upstream: a, auth: none }}\n")
}

fn targets(service: &Upstream) -> Vec<(&str, u32)> {
    let targets = service.targets.iter();
    targets.map(|target| (&*target.name, target.weight)).collect()
}

#[test]
fn one_url_is_one_target_without_rules() {
    let service = service("url: \"https://a.internal:8443/base\"");
    assert_eq!(targets(&service), [("a.internal:8443", 1)]);
    assert!(service.retry.is_none() && service.breaker.is_none() && service.attempt_timeout.is_none());
}

#[test]
fn targets_have_shares() {
    let in_turn = service("targets: [{ url: \"http://a\" }, { url: \"http://[::1]:3000\", weight: 1 }]");
    assert_eq!(targets(&in_turn), [("a", 1), ("[::1]:3000", 1)]);
    let weighted = service("balance: weighted, targets: [{ url: \"http://a\", weight: 90 }, { url: \"http://b\" }]");
    assert_eq!(targets(&weighted), [("a", 90), ("b", 1)]);
}

#[test]
fn rules_that_are_only_named_have_defaults() {
    let service = service("url: \"http://a\", retry: {}, circuit_breaker: {}");
    let retry = service.retry.expect("rules");
    assert_eq!(
        (retry.attempts, retry.backoff, retry.percent),
        (2, Duration::from_millis(50), 20)
    );
    let statuses = [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE].map(Cause::Status);
    assert_eq!(retry.when, [Cause::NoConnection, statuses[0], statuses[1]]);
    assert_eq!(retry.methods, None);
    let breaker = service.breaker.expect("rules");
    assert_eq!(
        (breaker.failures, breaker.window, breaker.open_for),
        (5, Duration::from_secs(10), Duration::from_secs(5))
    );
    assert_eq!(breaker.at.as_str(), "/upstreams/a/circuit_breaker");
}

#[test]
fn rules_are_what_the_document_says() {
    let service = service(
        "url: \"http://a\", timeout: 3s, attempt_timeout: 1s, \
         retry: { attempts: 4, when: [timeout, broken, 429, 500, 504], backoff: 0ms, budget: 100%, methods: [GET, POST] }, \
         circuit_breaker: { failures: 1, window: 1ms, open_for: 1h }",
    );
    assert_eq!(service.attempt_timeout, Some(Duration::from_secs(1)));
    let retry = service.retry.expect("rules");
    let statuses = [429, 500, 504].map(|status| Cause::Status(StatusCode::from_u16(status).expect("a status")));
    assert_eq!(retry.when, [&[Cause::TimedOut, Cause::Broken][..], &statuses].concat());
    assert_eq!((retry.attempts, retry.backoff, retry.percent), (4, Duration::ZERO, 100));
    assert_eq!(retry.methods, Some(vec![Method::GET, Method::POST]));
    let breaker = service.breaker.expect("rules");
    assert_eq!(
        (breaker.failures, breaker.window, breaker.open_for),
        (1, Duration::from_millis(1), Duration::from_secs(3600))
    );
}

#[test]
fn every_service_knows_its_position_and_a_url_has_none() {
    let text = "upstreams: { b: { url: \"http://b\" }, a: { url: \"http://a\" }, c: { url: \"http://c\" } }\nroutes:\n\
                - { path: /c, upstream: c, auth: none }\n- { path: /d, upstream: \"http://d\", auth: none }\n\
                - { path: /a, upstream: a, auth: none }\n";
    let config: Config = right(text).config;
    let names: Vec<_> = config
        .upstreams
        .iter()
        .map(|upstream| (&*upstream.name, upstream.position))
        .collect();
    assert_eq!(names, [("b", Some(0)), ("a", Some(1)), ("c", Some(2))]);
    let positions: Vec<_> = config
        .routes
        .iter()
        .map(|route| super::call(route).upstream.position)
        .collect();
    assert_eq!(positions, [Some(2), None, Some(1)]);
}

#[test]
fn shares_of_a_route_are_called_like_one_upstream() {
    let text = "upstreams: { a: { url: \"http://a\", timeout: 2s, fallback: {} } }\nroutes:\n\
                - { path: /api/**, auth: none, strip_prefix: /api, timeout: 1s, sticky: \"cookie:ab\", \
                    split: [{ upstream: a, weight: 95 }, { upstream: \"http://b:1\", weight: 5 }] }\n";
    let config = right(text).config;
    let Target::Split(split) = &config.routes[0].target else {
        panic!("no split");
    };
    let shares = split.shares.iter().map(|share| {
        let UpstreamCall {
            upstream,
            timeout,
            fallback,
            strip_prefix,
        } = &share.call;
        assert!(strip_prefix.is_some());
        (&*upstream.name, *timeout, fallback.is_some(), share.weight)
    });
    let second = Duration::from_secs(1);
    assert_eq!(
        shares.collect::<Vec<_>>(),
        [("a", second, true, 95), ("b:1", second, false, 5)]
    );
    assert_eq!(split.sticky, Some(Sticky::Cookie("ab".into())));
    assert_eq!(split.seed, config.routes[0].id);
}

proptest! {
    /// Whatever stands there: right, or mistakes that name the place.
    #[test]
    fn shares_and_causes_are_read_or_refused(budget in "\\PC{0,8}", cause in "\\PC{0,16}") {
        let quoted = |text: &str| serde_json::to_string(text).expect("a string").replace('$', "$$");
        let keys = format!("url: \"http://a\", attempt_timeout: 1s, retry: {{ budget: {}, when: [{}] }}", quoted(&budget), quoted(&cause));
        match load(&document(&keys)) {
            Ok(checked) => {
                let retry = checked.config.upstreams[0].retry.as_ref().expect("rules");
                prop_assert_eq!(format!("{}%", retry.percent), budget);
                prop_assert!(["connect_failure", "timeout", "broken"].contains(&&*cause));
            }
            Err(mistakes) => prop_assert!(mistakes.to_string().contains("/upstreams/a/retry/"), "{mistakes}"),
        }
    }
}
