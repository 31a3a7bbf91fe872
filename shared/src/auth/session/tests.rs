use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::auth::refusal::AuthSource;
use crate::auth::testing::{
    BUDGET, Issuer, ManualClock, MemoryStore, Signer, claims, down, jwt, keys_of, request, seams,
};
use crate::clock::{Clock, Timestamp};
use crate::store::{SessionHash, SessionRecord};
use crate::testing::headers;

const ID: &str = "q3VzZXIgdG9sZCB1cyBub3RoaW5n";
const MINUTE: Duration = Duration::from_secs(60);

struct World {
    verifier: SessionVerifier,
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
}

impl World {
    /// Sessions of half an hour without use, and of two hours at most.
    fn kept() -> Self {
        Self::new(
            SessionProof::Kept {
                idle: 30 * MINUTE,
                absolute: 120 * MINUTE,
            },
            Issuer::new(down()),
        )
    }

    fn new(proof: SessionProof, issuer: Arc<Issuer>) -> Self {
        let (store, clock) = (Arc::new(MemoryStore::default()), ManualClock::new());
        let rules = SessionRules {
            cookie: "sid".to_owned(),
            proof,
            origins: Vec::new(),
        };
        let verifier = SessionVerifier::new(Arc::new(rules), &seams(&issuer, &clock, &store), &LookUps::default());
        Self { verifier, store, clock }
    }

    fn log_in(&self, id: &str) {
        let now = self.clock.now();
        let session = SessionRecord {
            claims: [("sub".to_owned(), json!("ann"))].into_iter().collect(),
            created_at: now,
            seen_at: now,
            expires_at: now.plus(600 * MINUTE),
        };
        self.store.sessions.lock().unwrap().insert(SessionHash::of(id), session);
    }

    fn log_out(&self) {
        self.store.sessions.lock().unwrap().clear();
    }

    async fn send(&self, cookies: &[&str]) -> Result<Value, Refusal> {
        self.verify(&asking(cookies)).await
    }

    async fn verify(&self, request: &Request) -> Result<Value, Refusal> {
        self.verifier.verify(request, BUDGET).await.map(|claims| json!(*claims))
    }

    async fn present(&self) -> Result<Value, Refusal> {
        self.send(&[&format!("a=1; sid={ID}")]).await
    }
}

fn asking(cookies: &[&str]) -> Request {
    let lines: Vec<(&str, &str)> = cookies.iter().map(|line| ("cookie", *line)).collect();
    Request {
        headers: headers(&lines),
        ..request(&[])
    }
}

/// The config key that it fails; panics when it is not refused.
fn key<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> &'static str {
    match outcome {
        Err(Refusal::Invalid { key, .. }) => key,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_kept_session_proves_its_claims() {
    let world = World::kept();
    world.log_in(ID);
    assert_eq!(world.present().await, Ok(json!({"sub": "ann"})));
}

#[tokio::test]
async fn every_other_cookie_is_refused_and_most_cost_no_read() {
    let world = World::kept();
    world.log_in(ID);
    for cookies in [
        vec!["sid=".to_owned()],
        vec!["sid=short".to_owned()],
        vec![format!("sid={}", "a".repeat(257))],
        vec![format!("sid=\"{ID} \"")],
        vec![format!("sid={ID}\u{e9}")],
        vec![format!("sid={ID}; sid={ID}")],
        vec![format!("sid={ID}"), format!("sid={ID}")],
        vec![format!("sid={ID}; sid=other-session-of-22-chars")],
    ] {
        let cookies: Vec<&str> = cookies.iter().map(String::as_str).collect();
        assert_eq!(key(world.send(&cookies).await), "cookie", "{cookies:?}");
    }
    assert_eq!(world.store.reads(), 0);
    for unknown in [ID.to_lowercase(), format!("{ID}a"), format!("\"{ID}\"")] {
        assert_eq!(key(world.send(&[&format!("sid={unknown}")]).await), "");
    }
    for absent in ["", "SID=x", "sids=x", "sid", "a=sid=x"] {
        assert!(!world.verifier.is_presented(&asking(&[absent])), "{absent}");
    }
}

#[tokio::test]
async fn a_session_that_is_not_used_ends() {
    let world = World::kept();
    world.log_in(ID);
    world.clock.advance(30 * MINUTE - Duration::from_micros(1));
    assert!(world.present().await.is_ok());
    world.clock.advance(30 * MINUTE);
    assert_eq!(key(world.present().await), "idle");
}

#[tokio::test]
async fn a_session_that_is_used_goes_on_until_its_end() {
    for (own_end, minutes) in [(600, 120), (45, 45)] {
        let world = World::kept();
        world.log_in(ID);
        let end = world.clock.now().plus(own_end * MINUTE);
        for session in world.store.sessions.lock().unwrap().values_mut() {
            session.expires_at = end;
        }
        for minute in 0..minutes {
            assert!(world.present().await.is_ok(), "{minute}");
            world.clock.advance(MINUTE);
        }
        assert_eq!(key(world.present().await), "absolute");
        // Its use is noted each tenth of the idle time: each third minute.
        assert_eq!(world.store.writes(), (minutes as usize - 1) / 3);
    }
}

#[tokio::test]
async fn environments_see_each_others_use() {
    let world = World::kept();
    world.log_in(ID);
    assert!(world.present().await.is_ok());
    world.clock.advance(29 * MINUTE);
    for session in world.store.sessions.lock().unwrap().values_mut() {
        session.seen_at = world.clock.now();
    }
    world.clock.advance(2 * MINUTE);
    assert!(world.present().await.is_ok());
}

#[tokio::test]
async fn logging_out_takes_effect_within_thirty_seconds_and_logging_in_within_five() {
    let world = World::kept();
    world.log_in(ID);
    assert!(world.present().await.is_ok());
    world.log_out();
    world.clock.advance(Duration::from_secs(29));
    assert!(world.present().await.is_ok());
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(key(world.present().await), "");
    world.log_in(ID);
    assert_eq!(key(world.present().await), "");
    world.clock.advance(Duration::from_secs(5));
    assert!(world.present().await.is_ok());
}

/// What is noted as used must not come back to life.
#[tokio::test]
async fn a_session_that_was_ended_meanwhile_is_not_used_on() {
    let world = World::kept();
    world.log_in(ID);
    world.clock.advance(10 * MINUTE);
    world.log_out();
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(key(world.present().await), "");
    assert!(world.store.sessions.lock().unwrap().is_empty());
}

#[tokio::test]
async fn while_the_table_is_down_nobody_is_logged_out() {
    let world = World::kept();
    world.log_in(ID);
    assert!(world.present().await.is_ok());
    world.store.goes_down();
    world.clock.advance(Duration::from_secs(20));
    assert!(world.present().await.is_ok());
    world.clock.advance(Duration::from_secs(10));
    let outcome = world.present().await;
    assert!(
        matches!(
            outcome,
            Err(Refusal::Unavailable {
                what: AuthSource::Sessions,
                ..
            })
        ),
        "{outcome:?}"
    );
    world.store.comes_back();
    assert!(world.present().await.is_ok());
}

/// Use alone must not keep alive what was read once: claims and ends change in the table.
#[tokio::test]
async fn what_changes_in_the_table_holds_within_thirty_seconds_also_under_steady_use() {
    let world = World::new(
        SessionProof::Kept {
            idle: MINUTE,
            absolute: 120 * MINUTE,
        },
        Issuer::new(down()),
    );
    world.log_in(ID);
    assert!(world.present().await.is_ok());
    let now = world.clock.now();
    for session in world.store.sessions.lock().unwrap().values_mut() {
        session.expires_at = now;
    }
    for _ in 0..29 {
        assert!(world.present().await.is_ok());
        world.clock.advance(Duration::from_secs(1));
    }
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(key(world.present().await), "absolute");
}

/// A table that is down is not waited for at each request of a session.
#[tokio::test]
async fn a_use_that_cannot_be_noted_is_not_tried_at_each_request() {
    let world = World::kept();
    world.log_in(ID);
    world.clock.advance(10 * MINUTE);
    assert!(world.present().await.is_ok());
    world.clock.advance(3 * MINUTE - Duration::from_secs(5));
    assert!(world.present().await.is_ok());
    world.store.goes_down();
    world.clock.advance(Duration::from_secs(5));
    let writes = world.store.writes();
    for _ in 0..10 {
        assert!(world.present().await.is_ok());
        world.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(world.store.writes(), writes + 1);
}

#[tokio::test(start_paused = true)]
async fn a_stall_costs_two_requests_150_milliseconds_and_then_one_a_second() {
    let world = World::kept();
    world.log_in(ID);
    assert!(world.present().await.is_ok());
    // From now on its use is to be noted, and it is not to be read yet.
    world.clock.advance(3 * MINUTE);
    assert!(world.present().await.is_ok());
    world.store.stalls();
    let mut waits = Vec::new();
    for n in 0..40 {
        let before = Instant::now();
        assert!(world.present().await.is_ok(), "remembered");
        let outcome = world.send(&[&format!("sid={ID}{}", n % 7)]).await;
        assert!(matches!(outcome, Err(Refusal::Unavailable { .. })), "{outcome:?}");
        waits.push(before.elapsed().as_millis());
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    assert_eq!(waits[..2], [150, 150]);
    let probes = waits[2..].iter().filter(|waited| **waited > 0).count();
    assert_eq!((probes, world.store.reads()), (3, 2 + 5), "{waits:?}");
}

/// Finding a session and noting its use are two calls of one request.
#[tokio::test(start_paused = true)]
async fn all_calls_of_a_request_end_within_150_milliseconds() {
    let world = World::kept();
    world.log_in(ID);
    assert!(world.present().await.is_ok());
    world.clock.advance(3 * MINUTE);
    world.store.takes(Duration::from_millis(100));
    let before = Instant::now();
    for _ in 0..10 {
        assert!(
            world.present().await.is_ok(),
            "that its use cannot be noted logs nobody out"
        );
    }
    assert_eq!(before.elapsed().as_millis(), 150);
    assert_eq!((world.store.reads(), world.store.writes()), (2, 1));
}

#[tokio::test]
async fn another_sites_request_does_not_even_look_the_session_up() {
    let world = World::kept();
    world.log_in(ID);
    let mut request = asking(&[&format!("sid={ID}")]);
    request.method = Method::POST;
    let outcome = world.verify(&request).await;
    assert!(matches!(outcome, Err(Refusal::CrossSite { .. })), "{outcome:?}");
    assert_eq!(world.store.reads(), 0);
    request.headers.insert("origin", "https://api.test".parse().unwrap());
    assert!(world.verify(&request).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_cookie_may_hold_a_token() {
    let signer = Signer::ed25519("a");
    let proof = SessionProof::Token {
        rules: Arc::new(jwt()),
        at: Pointer::new("/auth/methods/main"),
    };
    let world = World::new(proof, Issuer::new(keys_of([&signer])));
    let token = signer.token(&claims());
    assert_eq!(world.send(&[&format!("sid={token}")]).await, Ok(claims()));
    let forged = signer.impostor().token(&claims());
    assert_eq!(key(world.send(&[&format!("sid={forged}")]).await), "jwks_uri");
    assert_eq!(key(world.send(&["sid=a.b.c"]).await), "");
    assert_eq!(world.store.reads(), 1, "the key set, and no session");
    world.clock.set(Timestamp::from_secs(crate::auth::testing::NOW + 1_000));
    assert_eq!(key(world.send(&[&format!("sid={token}")]).await), "clock_skew");
}
