//! What an issuer answers when it is asked for its keys.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tollgate_fuzz::{PAYLOAD, World, encode, field, good_field, x};

fuzz_target!(|bytes: &[u8]| {
    let mut world = World::new(Bytes::copy_from_slice(bytes));
    if world.lets_in(good_field()) {
        assert!(has_key(bytes), "verified by a key that is not there");
    }
    // Nobody has signed these: keys of these kinds are used, and must not find that they hold.
    for (algorithm, length) in [
        ("EdDSA", 64),
        ("ES256", 64),
        ("ES384", 96),
        ("RS256", 256),
        ("PS256", 256),
    ] {
        let header = format!(r#"{{"alg":"{algorithm}"}}"#);
        let token = format!("{}.{}.{}", encode(header), encode(PAYLOAD), encode(vec![1; length]));
        assert!(!world.lets_in(field(&token)), "{algorithm}: forged");
    }
});

fn has_key(bytes: &[u8]) -> bool {
    let document: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let keys = document["keys"].as_array();
    keys.is_some_and(|keys| keys.iter().any(|key| key["x"] == x()))
}
