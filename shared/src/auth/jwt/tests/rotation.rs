//! Keys rotate, issuers fail, environments come and go: whoever has a valid token gets in all the while.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use crate::auth::testing::{Issuer, ManualClock, MemoryStore, NOW, Signer, World, claims_with, down, keys_of, lenient};

fn token(signer: &Signer) -> String {
    signer.token(&claims_with("exp", Some(json!(NOW + 1_000_000))))
}

const KIDS: [&str; 12] = ["k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9", "k10", "k11"];

/// An hour in which the issuer has a new key every five minutes, beside the one before, and signs with the new one at
/// once. Three environments serve 16 callers each at the same time, and strangers come with made-up keys.
#[tokio::test(start_paused = true)]
async fn keys_rotate_under_load_and_no_valid_token_is_refused() {
    let signers: Vec<Signer> = KIDS.iter().map(|kid| Signer::ed25519(kid)).collect();
    let stranger = Signer::ed25519("made-up");
    let issuer = Issuer::with_keys([&signers[0]]);
    let (clock, store) = (ManualClock::new(), Arc::new(MemoryStore::default()));
    let environments: Vec<World> = (0..3)
        .map(|_| World::restarted(issuer.clone(), lenient(), clock.clone(), store.clone()))
        .collect();
    let (served, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    for (n, signer) in signers.iter().enumerate() {
        let previous = signers.get(n.wrapping_sub(1));
        issuer.answers(keys_of(previous.into_iter().chain([signer])));
        for _ in 0..10 {
            for world in &environments {
                let valid = (0..16).map(|caller| {
                    token(if caller % 2 == 0 {
                        signer
                    } else {
                        previous.unwrap_or(signer)
                    })
                });
                for outcome in world.present_all(valid.collect()).await {
                    assert!(outcome.is_ok(), "round {n}: {outcome:?}");
                    served.fetch_add(1, Ordering::Relaxed);
                }
                for outcome in world.present_all(vec![token(&stranger); 4]).await {
                    assert!(outcome.is_err());
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            }
            clock.advance(Duration::from_secs(30));
        }
    }
    assert_eq!(
        (served.into_inner(), refused.into_inner()),
        (12 * 10 * 3 * 16, 12 * 10 * 3 * 4)
    );
    // Strangers cost one fetch an interval and environment, at most; valid tokens hardly more.
    assert!(issuer.calls() <= 3 * (120 + 12), "{}", issuer.calls());
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_random_kids_costs_one_fetch_an_interval() {
    let signer = Signer::ed25519("a");
    let issuer = Issuer::with_keys([&signer]);
    let world = World::lenient(issuer.clone());
    assert!(world.present(&token(&signer)).await.is_ok());
    // 300 seconds are 10 intervals.
    for second in 0..300_u32 {
        let flood: Vec<String> = (0..20)
            .map(|n| {
                let header = json!({"alg": "EdDSA", "kid": format!("random-{second}-{n}")});
                signer.sign(
                    &header.to_string(),
                    &claims_with("exp", Some(json!(NOW + 1000))).to_string(),
                )
            })
            .collect();
        assert!(world.present_all(flood).await.iter().all(Result::is_err));
        assert!(world.present(&token(&signer)).await.is_ok());
        world.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(issuer.calls(), 1 + 10);
}

/// A stranger's made-up key a moment before each rotation: whoever has a token of the new key is told to come back, not
/// that the token is wrong, and is not held back for it.
#[tokio::test(start_paused = true)]
async fn a_stranger_before_a_rotation_makes_no_valid_token_wrong() {
    let signers: Vec<Signer> = KIDS.iter().map(|kid| Signer::ed25519(kid)).collect();
    let stranger = Signer::ed25519("made-up");
    let world = World::new(Issuer::with_keys([&signers[0]]));
    for pair in signers.windows(2) {
        assert!(world.present(&token(&stranger)).await.is_err());
        world.issuer.answers(keys_of(pair));
        let mut waited = Duration::ZERO;
        for _ in 0..40 {
            match world.present(&token(&pair[1])).await {
                Ok(_) => break,
                Err(error) => assert_eq!(error.status().as_u16(), 503, "{error:?}"),
            }
            assert!(world.present(&token(&pair[0])).await.is_ok());
            world.clock.advance(Duration::from_secs(1));
            waited += Duration::from_secs(1);
        }
        assert!(waited <= Duration::from_secs(30), "{waited:?}");
        world.clock.advance(Duration::from_secs(300));
    }
}

/// Ten minutes of virtual time without the issuer; then every environment starts anew, still without it.
#[tokio::test(start_paused = true)]
async fn known_keys_work_while_the_issuer_is_down_and_over_a_restart() {
    let signer = Signer::ed25519("a");
    let issuer = Issuer::with_keys([&signer]);
    let world = World::lenient(issuer.clone());
    assert!(world.present(&token(&signer)).await.is_ok());
    issuer.answers(down());
    for minute in 0..10 {
        world.clock.advance(Duration::from_secs(60));
        assert!(world.present(&token(&signer)).await.is_ok(), "minute {minute}");
    }
    let mut restarted = JoinSet::new();
    for _ in 0..8 {
        let world = World::restarted(issuer.clone(), lenient(), world.clock.clone(), world.store.clone());
        let token = token(&signer);
        restarted.spawn(async move { world.present(&token).await.is_ok() });
    }
    assert_eq!(restarted.join_all().await, [true; 8]);
    // The issuer comes back with a new key, and nobody has to wait for it.
    let new = Signer::ed25519("b");
    issuer.answers(keys_of([&signer, &new]));
    world.clock.advance(Duration::from_secs(30));
    assert!(world.present(&token(&new)).await.is_ok());
}
