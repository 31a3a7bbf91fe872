//! The gateway's own 504 comes before the platform's time-out, whatever services, retries and routes there are.

use proptest::prelude::*;
use tokio::time::{Instant, sleep};

use super::*;

/// What the gateway keeps back to write its answer, in milliseconds.
const RESERVE: u64 = 250;

/// Does one thing after the other, and the last one ever after.
#[derive(Debug)]
struct Slow {
    acts: Mutex<Vec<(Duration, Act)>>,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Answer(u16),
    Ask(u16),
    Refuse,
    Break,
}

#[async_trait]
impl HttpClient for Slow {
    async fn send(&self, _: http::Request<Bytes>, limits: CallLimits) -> Result<Response<Bytes>, CallError> {
        let (takes, act) = {
            let mut acts = self.acts.lock().expect("unpoisoned");
            if acts.len() > 1 { acts.remove(0) } else { acts[0] }
        };
        let answer = async {
            sleep(takes).await;
            let mut answer = Response::new(Bytes::new());
            match act {
                Act::Answer(status) => *answer.status_mut() = StatusCode::from_u16(status).expect("a status"),
                Act::Ask(seconds) => {
                    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                    answer.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
                }
                Act::Refuse => return Err(CallError::Connect("refused".into())),
                Act::Break => return Err(CallError::Broken("reset".into())),
            }
            Ok(answer)
        };
        limits.keep(answer).await
    }
}

fn act() -> impl Strategy<Value = (Duration, Act)> {
    let act = prop_oneof![
        4 => Just(Act::Answer(503)),
        2 => Just(Act::Answer(200)),
        1 => (0..20_u16).prop_map(Act::Ask),
        1 => Just(Act::Refuse),
        1 => Just(Act::Break),
    ];
    (
        prop_oneof![0..100_u64, 0..40_000_u64].prop_map(Duration::from_millis),
        act,
    )
}

/// A document with one service of so many targets.
fn document() -> impl Strategy<Value = Value> {
    let service = (1..4_usize, 2..=10_u32, 0..10_000_u64, 1..=100_u32, any::<bool>());
    let times = (2..60_000_u64, 1..60_000_u64, prop::option::of(1..60_000_u64));
    (service, times).prop_map(
        |((targets, attempts, backoff, budget, breaker), (timeout, attempt, own))| {
            let targets = (0..targets).map(|number| json!({ "url": format!("http://t{number}") }));
            let mut service = json!({
                "targets": targets.collect::<Vec<_>>(),
                "timeout": format!("{timeout}ms"),
                "attempt_timeout": format!("{}ms", attempt.min(timeout - 1)),
                "retry": {
                    "attempts": attempts, "backoff": format!("{backoff}ms"), "budget": format!("{budget}%"),
                    "when": ["connect_failure", "timeout", "broken", 503],
                },
            });
            if breaker {
                service["circuit_breaker"] = json!({ "failures": 3 });
            }
            let mut route = json!({ "path": "/api/**", "upstream": "slow", "auth": "none" });
            if let Some(own) = own {
                route["timeout"] = json!(format!("{own}ms"));
            }
            json!({ "upstreams": { "slow": service }, "routes": [route] })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn an_answer_comes_before_the_platforms_time_out(
        config in document(), acts in prop::collection::vec(act(), 1..12), deadlines in prop::collection::vec(1..40_000_u64, 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let checked = config::parse("test.json", &config.to_string(), &|_| None).expect("a right config");
            let client: Arc<dyn HttpClient> = Arc::new(Slow { acts: Mutex::new(acts) });
            let seams = Seams {
                clock: Arc::new(FixedClock),
                upstreams: Arc::clone(&client),
                issuers: client,
                store: Arc::new(Store { down: false }),
            };
            let gateway = Gateway::new(checked.config, None, seams);
            let event = event("/api/x", json!({ "host": "api.example.com" }));
            for deadline in deadlines {
                let began = Instant::now();
                let answer = gateway.handle(&event, NOW.plus(Duration::from_millis(deadline))).await.expect("HTTP");
                let took = began.elapsed();
                // An HTTP API waits for 29 s; timers are whole milliseconds, rounded up.
                let left = deadline.min(29_000).saturating_sub(RESERVE) + 1;
                prop_assert!(took <= Duration::from_millis(left), "{took:?} of {deadline} ms");
                let log: Value = serde_json::from_str(&answer.log).expect("JSON");
                prop_assert_ne!(&log["status"], 500);
            }
            Ok(())
        })?;
    }
}
