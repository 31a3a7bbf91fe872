//! Tokens that come again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::auth::JwtRules;
use crate::auth::jwt::JwtVerifier;
use crate::auth::refusal::Refusal;
use crate::auth::testing::{
    Answer, BUDGET, Issuer, ManualClock, MemoryStore, NOW, Signer, claims, claims_with, down, jwt, keys_of, seams,
};
use crate::lock::lock;

struct World {
    verifier: JwtVerifier,
    issuer: Arc<Issuer>,
    clock: Arc<ManualClock>,
}

impl World {
    fn new(answer: Answer) -> Self {
        Self::with(answer, jwt())
    }

    fn with(answer: Answer, rules: JwtRules) -> Self {
        let (issuer, clock) = (Issuer::new(answer), ManualClock::new());
        let seams = seams(&issuer, &clock, &Arc::new(MemoryStore::default()));
        Self {
            verifier: JwtVerifier::new(Arc::new(rules), &seams),
            issuer,
            clock,
        }
    }

    async fn present(&self, token: &str) -> Result<(), Refusal> {
        self.verifier.verify(token, BUDGET).await.map(drop)
    }

    async fn refuses(&self, token: &str) -> bool {
        matches!(self.present(token).await, Err(Refusal::Invalid { .. }))
    }

    fn remembered(&self) -> usize {
        self.verifier.seen.as_ref().map_or(0, |seen| lock(&seen.0).len())
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_remembered_until_it_expires_and_not_by_the_skew_longer() {
    let signer = Signer::ed25519("a");
    let world = World::new(keys_of([&signer]));
    let token = signer.token(&claims_with("exp", Some(json!(NOW + 30))));
    for second in 0..90 {
        world.present(&token).await.unwrap();
        // Within the clock skew it still holds, but is verified each time.
        assert_eq!(world.remembered(), usize::from(second < 30), "{second}");
        world.clock.advance(Duration::from_secs(1));
    }
    assert!(world.refuses(&token).await);
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_not_remembered() {
    let signer = Signer::ed25519("a");
    let world = World::new(keys_of([&signer]));
    assert!(world.refuses(&signer.impostor().token(&claims())).await);
    assert!(world.refuses(&signer.token(&claims_with("aud", None))).await);
    assert_eq!(world.remembered(), 0);
}

/// The signature is part of what is remembered: another one over the same words is another token.
#[tokio::test(start_paused = true)]
async fn a_remembered_token_vouches_for_no_other() {
    let signer = Signer::ed25519("a");
    let world = World::new(keys_of([&signer]));
    let token = signer.token(&claims());
    world.present(&token).await.unwrap();
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = signer.impostor().token(&claims());
    let (_, signature) = forged.rsplit_once('.').unwrap();
    assert!(world.refuses(&format!("{signed}.{signature}")).await);
    assert!(world.refuses(&format!("{signed}.")).await);
    assert!(world.refuses(signed).await);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_forgotten_when_its_key_leaves_the_set() {
    let (old, new) = (Signer::ed25519("a"), Signer::ed25519("b"));
    let world = World::new(keys_of([&old, &new]));
    let token = old.token(&claims_with("exp", Some(json!(NOW + 10_000))));
    world.present(&token).await.unwrap();
    world.issuer.answers(keys_of([&new]));
    world.clock.advance(Duration::from_secs(599));
    world.present(&token).await.unwrap();
    world.clock.advance(Duration::from_secs(1));
    assert!(world.refuses(&token).await);
    assert_eq!(world.issuer.calls(), 2, "remembered tokens keep the set fresh");
}

#[tokio::test(start_paused = true)]
async fn another_key_of_the_same_name_does_not_inherit_its_tokens() {
    let old = Signer::ed25519("a");
    let world = World::new(keys_of([&old]));
    let token = old.token(&claims_with("exp", Some(json!(NOW + 10_000))));
    world.present(&token).await.unwrap();
    let new = old.impostor();
    world.issuer.answers(keys_of([&new]));
    world.clock.advance(Duration::from_secs(600));
    assert!(world.refuses(&token).await);
    assert_eq!(world.remembered(), 0);
    world
        .present(&new.token(&claims_with("exp", Some(json!(NOW + 10_000)))))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_same_key_in_a_newer_set_keeps_its_tokens() {
    let signer = Signer::rsa("a", jsonwebtoken::Algorithm::RS256);
    let world = World::new(keys_of([&signer]));
    let token = signer.token(&claims_with("exp", Some(json!(NOW + 10_000))));
    world.present(&token).await.unwrap();
    world.clock.advance(Duration::from_secs(600));
    world.present(&token).await.unwrap();
    assert_eq!((world.issuer.calls(), world.remembered()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn without_a_key_set_a_remembered_token_is_503_like_any_other() {
    let signer = Signer::ed25519("a");
    let world = World::new(keys_of([&signer]));
    let token = signer.token(&claims_with("exp", Some(json!(NOW + 1_000_000))));
    world.present(&token).await.unwrap();
    world.issuer.answers(down());
    world.clock.advance(Duration::from_secs(24 * 60 * 60 + 1));
    let outcome = world.present(&token).await;
    assert!(matches!(outcome, Err(Refusal::Unavailable { .. })), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn it_can_be_switched_off() {
    let signer = Signer::ed25519("a");
    let forgetful = JwtRules {
        token_cache: false,
        ..jwt()
    };
    let world = World::with(keys_of([&signer]), forgetful);
    for _ in 0..2 {
        world.present(&signer.token(&claims())).await.unwrap();
    }
    assert_eq!(world.remembered(), 0);
}
