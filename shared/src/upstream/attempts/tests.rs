//! Whole calls on virtual time, against scripted targets.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use http::{HeaderValue, Method};
use tokio::time::{advance, sleep};

use super::*;
use crate::config::Pointer;
use crate::error::Fault;
use crate::testing::request;
use crate::upstream::client::{CallLimits, HttpClient};
use crate::upstream::retry::{Cause, RetryRules};
use crate::upstream::trace::TraceParent;
use crate::upstream::{BreakerRules, Target};

mod storm;

/// What a target does with a request.
#[derive(Clone, Debug)]
enum Act {
    Status(u16),
    Refuse,
    Break,
    Slow(Duration, u16),
    Ask(&'static str),
}

/// Targets by name; each does what `act` says to the name and the number of the request in all.
#[derive(Debug)]
struct Targets {
    act: fn(&str, usize) -> Act,
    seen: Mutex<Vec<(String, Duration)>>,
    began: Instant,
}

#[async_trait]
impl HttpClient for Targets {
    async fn send(&self, request: http::Request<Bytes>, limits: CallLimits) -> Result<Response<Bytes>, CallError> {
        let name = request.uri().host().expect("a host").to_owned();
        let number = {
            let mut seen = self.seen.lock().expect("unpoisoned");
            seen.push((name.clone(), self.began.elapsed()));
            seen.len()
        };
        let answer = |status: u16| {
            let mut answer = Response::new(Bytes::from(name.clone()));
            *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
            answer
        };
        let act = async {
            match (self.act)(&name, number) {
                Act::Status(status) => Ok(answer(status)),
                Act::Refuse => Err(CallError::Connect("refused".into())),
                Act::Break => Err(CallError::Broken("reset".into())),
                Act::Slow(time, status) => {
                    sleep(time).await;
                    Ok(answer(status))
                }
                Act::Ask(seconds) => {
                    let mut answer = answer(503);
                    answer
                        .headers_mut()
                        .insert("retry-after", HeaderValue::from_static(seconds));
                    Ok(answer)
                }
            }
        };
        limits.keep(act).await
    }
}

/// A service, and the calls of one environment.
struct World {
    caller: Caller,
    call: UpstreamCall,
    targets: Arc<Targets>,
}

fn retry(attempts: u32) -> RetryRules {
    let statuses = [502, 503].map(|status| Cause::Status(StatusCode::from_u16(status).expect("a status")));
    RetryRules {
        attempts,
        when: [Cause::NoConnection, Cause::TimedOut, Cause::Broken]
            .into_iter()
            .chain(statuses)
            .collect(),
        backoff: Duration::from_millis(50),
        percent: 100,
        methods: None,
    }
}

fn breaker() -> BreakerRules {
    BreakerRules {
        failures: 3,
        window: Duration::from_secs(10),
        open_for: Duration::from_secs(5),
        at: Pointer::new("/upstreams/u/circuit_breaker"),
    }
}

/// A service with as many targets, `a` first, called within a second.
fn service(targets: usize) -> Upstream {
    let url = |name: char| format!("http://{name}/").parse().expect("a URL");
    let mut service = Upstream::plain("u".into(), url('a'), Duration::from_secs(1));
    service.position = Some(0);
    service.targets = ('a'..).take(targets).map(|name| Target::new(url(name))).collect();
    service
}

fn world(service: Upstream, act: fn(&str, usize) -> Act) -> World {
    let targets = Arc::new(Targets {
        act,
        seen: Mutex::default(),
        began: Instant::now(),
    });
    let upstream = Arc::new(service);
    World {
        caller: Caller::new(Arc::clone(&targets) as _, &[Arc::clone(&upstream)]),
        call: UpstreamCall {
            upstream,
            ..crate::testing::call("http://a", None)
        },
        targets,
    }
}

impl World {
    async fn send(&self, method: Method) -> (Result<Response<Bytes>, GatewayError>, Trail) {
        self.within(method, Duration::from_secs(10)).await
    }

    async fn within(&self, method: Method, budget: Duration) -> (Result<Response<Bytes>, GatewayError>, Trail) {
        let request = request(method, "/x");
        let trace = TraceParent::of(&request.headers);
        let stamps = Stamps {
            tells_address: true,
            request_id: "req_1",
            trace: &trace,
        };
        let mut trail = Trail::default();
        let outcome = self
            .caller
            .call_on(&self.call, &request, stamps, budget, &mut trail)
            .await;
        (outcome, trail)
    }

    /// The status of a GET, or the error's.
    async fn status(&self) -> u16 {
        let outcome = self.send(Method::GET).await.0;
        outcome
            .map_or_else(|error| error.status(), |answer| answer.status())
            .as_u16()
    }

    fn seen(&self) -> usize {
        self.targets.seen.lock().expect("unpoisoned").len()
    }
}

#[tokio::test(start_paused = true)]
async fn without_rules_there_is_one_attempt_and_nothing_to_remember() {
    let mut plain = service(1);
    plain.position = None;
    for service in [service(1), plain] {
        assert!(Service::of(&service).is_none());
        let world = world(service, |_, _| Act::Refuse);
        for calls in 1..=50 {
            let (outcome, trail) = world.send(Method::GET).await;
            assert!(matches!(outcome, Err(GatewayError::UpstreamUnreachable { .. })));
            assert_eq!((trail.target, trail.attempts, world.seen()), (None, 1, calls));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_is_made_again_at_another_target() {
    for act in [
        (|name, _| if name == "b" { Act::Status(200) } else { Act::Refuse }) as fn(&str, usize) -> Act,
        |name, _| {
            if name == "b" {
                Act::Status(200)
            } else {
                Act::Status(503)
            }
        },
        |name, _| if name == "b" { Act::Status(200) } else { Act::Break },
    ] {
        let world = world(
            Upstream {
                retry: Some(retry(2)),
                ..service(2)
            },
            act,
        );
        for _ in 0..4 {
            let (outcome, trail) = world.send(Method::GET).await;
            assert_eq!(outcome.expect("an answer").body(), "b");
            assert_eq!(trail.target.as_deref(), Some("b"));
            assert!(trail.attempts <= 2);
        }
        assert!(world.seen() > 4, "some began at a");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_outcome_is_what_the_client_gets() {
    let world = world(
        Upstream {
            retry: Some(retry(3)),
            ..service(1)
        },
        |_, number| {
            if number < 3 { Act::Refuse } else { Act::Status(503) }
        },
    );
    let (outcome, trail) = world.send(Method::GET).await;
    assert_eq!(outcome.expect("an answer").status(), 503);
    assert_eq!((trail.attempts, world.seen()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_post_comes_again_only_where_it_never_left() {
    for (act, attempts) in [
        ((|_, _| Act::Refuse) as fn(&str, usize) -> Act, 2),
        (|_, _| Act::Break, 1),
        (|_, _| Act::Status(503), 1),
        (|_, _| Act::Slow(Duration::from_secs(3600), 200), 1),
    ] {
        let mut service = Upstream {
            retry: Some(retry(2)),
            ..service(1)
        };
        service.attempt_timeout = Some(Duration::from_millis(100));
        let world = world(service, act);
        assert_eq!(world.send(Method::POST).await.1.attempts, attempts);
        assert_eq!(world.seen(), attempts as usize);
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_its_own_time_and_all_have_the_whole() {
    let slow = |_: &str, _| Act::Slow(Duration::from_secs(3600), 200);
    let mut service = Upstream {
        retry: Some(retry(10)),
        ..service(1)
    };
    service.attempt_timeout = Some(Duration::from_millis(300));
    let world = world(service, slow);
    let (outcome, trail) = world.send(Method::GET).await;
    assert!(matches!(outcome, Err(GatewayError::UpstreamTimeout { .. })));
    assert!(world.targets.began.elapsed() <= Duration::from_secs(1));
    // What it begins with, and what the call itself brings: two retries.
    assert_eq!(trail.attempts, 3);
    let seen = world.targets.seen.lock().expect("unpoisoned");
    let gaps = seen.windows(2).map(|pair| pair[1].1 - pair[0].1);
    for (number, gap) in gaps.enumerate() {
        let backoff = Duration::from_millis(50) * 2_u32.pow(u32::try_from(number).expect("few"));
        let wait = gap - Duration::from_millis(300);
        // Timers count whole milliseconds.
        assert!(
            wait <= backoff + Duration::from_millis(1),
            "{wait:?} before retry {number}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn no_attempt_begins_that_the_deadline_would_cut_short() {
    for (act, attempts, waited) in [
        ((|_, _| Act::Ask("0")) as fn(&str, usize) -> Act, 2, 0),
        (|_, _| Act::Ask("1"), 2, 1),
        (|_, _| Act::Ask("2"), 1, 0),
        (|_, _| Act::Ask("3600"), 1, 0),
        (|_, _| Act::Ask("a while"), 1, 0),
    ] {
        let world = world(
            Upstream {
                retry: Some(retry(2)),
                ..service(1)
            },
            act,
        );
        let call = UpstreamCall {
            timeout: Duration::from_secs(2),
            ..world.call.clone()
        };
        let world = World { call, ..world };
        let (outcome, trail) = world.send(Method::GET).await;
        assert_eq!(outcome.expect("an answer").status(), 503);
        assert_eq!(trail.attempts, attempts);
        assert_eq!(world.targets.began.elapsed().as_secs(), waited);
    }
}

#[tokio::test(start_paused = true)]
async fn a_breaker_answers_for_a_service_that_fails() {
    for act in [
        (|_, _| Act::Refuse) as fn(&str, usize) -> Act,
        |_, _| Act::Break,
        |_, _| Act::Status(500),
        |_, _| Act::Slow(Duration::from_secs(3600), 200),
    ] {
        let world = world(
            Upstream {
                breaker: Some(breaker()),
                ..service(1)
            },
            act,
        );
        for _ in 0..3 {
            assert_ne!(world.send(Method::POST).await.1.attempts, 0);
        }
        let before = Instant::now();
        let (outcome, trail) = world.send(Method::POST).await;
        let error = outcome.expect_err("open");
        assert_eq!(
            (error.status().as_u16(), error.code(), error.fault()),
            (503, "upstream_circuit_open", Fault::Upstream)
        );
        assert_eq!(error.retry_after(), Some(5));
        assert_eq!(error.at().map(Pointer::as_str), Some("/upstreams/u/circuit_breaker"));
        assert_eq!((trail.attempts, world.seen(), before.elapsed()), (0, 3, Duration::ZERO));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_failure_opens_no_breaker() {
    for act in [
        (|_, _| Act::Status(404)) as fn(&str, usize) -> Act,
        |_, _| Act::Status(429),
        |_, _| Act::Status(501),
    ] {
        let world = world(
            Upstream {
                breaker: Some(breaker()),
                ..service(1)
            },
            act,
        );
        for calls in 1..=20 {
            world.status().await;
            assert_eq!(world.seen(), calls);
        }
    }
}

/// The request had come late: who would answer within a few milliseconds?
#[tokio::test(start_paused = true)]
async fn a_time_out_of_a_request_without_time_is_no_witness() {
    let world = world(
        Upstream {
            breaker: Some(breaker()),
            ..service(1)
        },
        |_, _| Act::Slow(Duration::from_millis(200), 200),
    );
    for _ in 0..20 {
        let (outcome, _) = world.within(Method::GET, Duration::from_millis(20)).await;
        assert!(matches!(outcome, Err(GatewayError::UpstreamTimeout { .. })));
    }
    assert_eq!(world.status().await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_answered_closes_the_breaker_and_another_does_not() {
    let world = world(
        Upstream {
            breaker: Some(breaker()),
            ..service(1)
        },
        |_, number| Act::Status(if number <= 4 { 500 } else { 200 }),
    );
    for _ in 0..3 {
        assert_eq!(world.status().await, 500);
    }
    assert_eq!(world.status().await, 503);
    advance(Duration::from_secs(5)).await;
    assert_eq!(world.status().await, 500, "a probe");
    assert_eq!(world.status().await, 503);
    advance(Duration::from_secs(5)).await;
    for _ in 0..20 {
        assert_eq!(world.status().await, 200);
    }
}

/// The answer that is there says more than that nothing more is tried.
#[tokio::test(start_paused = true)]
async fn a_breaker_that_opens_between_two_attempts_leaves_the_last_outcome() {
    let rules = BreakerRules {
        failures: 2,
        ..breaker()
    };
    let service = Upstream {
        breaker: Some(rules),
        retry: Some(retry(9)),
        ..service(1)
    };
    let world = world(service, |_, _| Act::Status(502));
    let (outcome, trail) = world.send(Method::GET).await;
    assert_eq!(
        (outcome.expect("an answer").status().as_u16(), trail.attempts),
        (502, 2)
    );
}

/// It would only come back to what the client could have had at once.
#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_retry_that_an_open_breaker_will_refuse() {
    let rules = BreakerRules {
        failures: 1,
        ..breaker()
    };
    let service = Upstream {
        breaker: Some(rules),
        retry: Some(retry(9)),
        ..service(1)
    };
    let world = world(service, |_, _| Act::Ask("1"));
    let began = Instant::now();
    let (outcome, trail) = world.send(Method::GET).await;
    let status = outcome.expect("an answer").status().as_u16();
    assert_eq!((status, trail.attempts, began.elapsed()), (503, 1, Duration::ZERO));
}

/// Its `timeout` is ten seconds in all, and five calls that hang end ten seconds apart.
#[tokio::test(start_paused = true)]
async fn the_usual_breaker_opens_on_a_service_that_hangs() {
    let usual = BreakerRules {
        failures: 5,
        ..breaker()
    };
    let service = Upstream {
        breaker: Some(usual),
        ..service(1)
    };
    let mut world = world(service, |_, _| Act::Slow(Duration::from_secs(3_600), 200));
    world.call.timeout = Duration::from_secs(10);
    for _ in 0..5 {
        world.send(Method::GET).await.0.expect_err("no answer");
    }
    let began = Instant::now();
    world.send(Method::GET).await.0.expect_err("no call");
    assert_eq!((world.seen(), began.elapsed()), (5, Duration::ZERO));
}

/// A route may have less time than its service gives one attempt.
#[tokio::test(start_paused = true)]
async fn a_short_route_is_a_witness_too() {
    let service = Upstream {
        breaker: Some(breaker()),
        attempt_timeout: Some(Duration::from_secs(2)),
        ..service(1)
    };
    let mut world = world(service, |_, _| Act::Slow(Duration::from_secs(3_600), 200));
    world.call.timeout = Duration::from_millis(500);
    for _ in 0..4 {
        world.send(Method::GET).await.0.expect_err("no answer");
    }
    assert_eq!(world.seen(), 3);
}

/// One that drains says so of itself.
#[tokio::test(start_paused = true)]
async fn retry_after_holds_for_the_target_that_said_it() {
    let draining = |name: &str, _| match name {
        "a" => Act::Ask("120"),
        _ => Act::Status(200),
    };
    let both = world(
        Upstream {
            retry: Some(retry(2)),
            ..service(2)
        },
        draining,
    );
    for _ in 0..4 {
        assert_eq!(both.status().await, 200);
    }
    let alone = world(
        Upstream {
            retry: Some(retry(2)),
            ..service(1)
        },
        draining,
    );
    assert_eq!((alone.status().await, alone.seen()), (503, 1));
}

#[tokio::test(start_paused = true)]
async fn breakers_are_the_targets_own() {
    let service = Upstream {
        breaker: Some(breaker()),
        ..service(2)
    };
    let world = world(service, |name, _| Act::Status(if name == "a" { 500 } else { 200 }));
    for _ in 0..6 {
        world.status().await;
    }
    for _ in 0..20 {
        assert_eq!(world.status().await, 200, "only b is asked");
    }
    assert_eq!(world.seen(), 26);
}
