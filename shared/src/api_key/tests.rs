//! Keys that are made, mistyped, made up, and held against a record.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn key() -> ApiKey {
    ApiKey::generate().unwrap()
}

fn record(key: &ApiKey) -> ApiKeyRecord {
    ApiKeyRecord {
        id: key.id().to_owned(),
        hash: key.hash(),
        previous: None,
        status: KeyStatus::Active,
        owner: "ann".into(),
        plan: None,
        plan_expires_at: None,
        limits: None,
        scopes: Vec::new(),
        expires_at: None,
        created_at: NOW,
        name: None,
    }
}

/// The key that a rotation of this one would make.
fn rotated(key: &ApiKey, until: Timestamp) -> (ApiKey, ApiKeyRecord) {
    let new = ApiKey::of_id(key.id()).unwrap();
    let previous = Some(PreviousKey {
        hash: key.hash(),
        until,
    });
    let record = ApiKeyRecord {
        previous,
        ..record(&new)
    };
    (new, record)
}

fn later(seconds: u64) -> Timestamp {
    Timestamp::from_secs(NOW.secs() + seconds)
}

#[test]
fn a_key_has_the_form_that_is_documented() {
    // Anybody can compute it: `printf tg_..._... | sha256sum`, the first 16 digits, modulo 62^6.
    let text = "tg_0123456789AB_abcdefghijklmnopqrstuvwxyzABCDEF_";
    let checksum = String::from_utf8(checksum(&text[..text.len() - 1]).to_vec()).unwrap();
    assert_eq!(checksum, "hLSfXg");
    let key = ApiKey::parse(&format!("{text}{checksum}")).unwrap();
    assert_eq!(key.id(), "0123456789AB");
}

#[test]
fn no_two_keys_are_alike_and_a_rotation_keeps_the_id() {
    let (first, second) = (key(), key());
    assert_ne!(first.id(), second.id());
    let third = ApiKey::of_id(first.id()).unwrap();
    assert_eq!(third.id(), first.id());
    assert_ne!(third.secret_text(), first.secret_text());
    assert!(ApiKey::parse(third.secret_text()).is_ok());
}

#[test]
fn every_typo_and_every_transposition_is_refused() {
    let key = key();
    let right = key.secret_text().as_bytes();
    let refused = |text: Vec<u8>| {
        let text = String::from_utf8(text).unwrap();
        assert!(ApiKey::parse(&text).is_err(), "{text} for {}", key.secret_text());
    };
    for place in 0..right.len() {
        for typed in (0..128).filter(|typed| *typed != right[place]) {
            let mut text = right.to_vec();
            text[place] = typed;
            refused(text);
        }
        if place > 0 && right[place - 1] != right[place] {
            let mut text = right.to_vec();
            text.swap(place - 1, place);
            refused(text);
        }
        let mut missing = right.to_vec();
        missing.remove(place);
        refused(missing);
        let mut doubled = right.to_vec();
        doubled.insert(place, right[place]);
        refused(doubled);
    }
}

#[test]
fn what_only_looks_like_a_key_is_malformed() {
    let right = key().secret_text().to_owned();
    let blank = |place: usize| format!("{}\u{e4}{}", &right[..place], &right[place + 2..]);
    for text in [
        "",
        "tg_",
        "tg___",
        &right[..54],
        &format!("{right}x"),
        &format!(" {right}"),
        &format!("{right} "),
        &format!("{right}\n"),
        &format!("{right}\0"),
        &format!("Bearer {right}"),
        &format!("\"{right}\""),
        &format!("{right},{right}"),
        &right.replacen("tg_", "TG_", 1),
        &right.replacen("tg_", "tg-", 1),
        &right.replacen('_', "%5F", 3),
        &right.replace('_', "."),
        &"_".repeat(55),
        &"\u{1f511}".repeat(14)[..52],
        // Two bytes for two: the right length, no character at every border.
        &blank(2),
        &blank(14),
        &blank(47),
        &blank(53),
        &"x".repeat(1 << 20),
    ] {
        assert_eq!(ApiKey::parse(text).unwrap_err(), Refusal::Malformed, "{text:.80}");
    }
}

proptest! {
    #[test]
    fn what_is_made_is_read_again(_ in 0..256) {
        let key = key();
        prop_assert_eq!(key.secret_text().len(), LENGTH);
        prop_assert!(ApiKey::is_id(key.id()));
        let read = ApiKey::parse(key.secret_text()).unwrap();
        prop_assert_eq!(read.id(), key.id());
        prop_assert_eq!(read.hash(), key.hash());
    }

    #[test]
    fn any_text_is_refused_without_a_panic(text in ".{0,80}") {
        prop_assert_eq!(ApiKey::parse(&text).unwrap_err(), Refusal::Malformed);
        prop_assert!(!ApiKey::is_id(&text) || text.len() == 12);
    }

    #[test]
    fn a_made_up_key_fails_by_its_checksum(text in "tg_[0-9A-Za-z]{12}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}") {
        prop_assert_eq!(ApiKey::parse(&text).unwrap_err(), Refusal::Checksum);
    }

    #[test]
    fn words_of_two_keys_make_no_third(cut in 4..LENGTH - 1) {
        let (one, other) = (key(), key());
        let mixed = format!("{}{}", &one.secret_text()[..cut], &other.secret_text()[cut..]);
        // Near the ends both may have the same letter.
        prop_assume!(![one.secret_text(), other.secret_text()].contains(&&*mixed));
        prop_assert_eq!(ApiKey::parse(&mixed).unwrap_err(), Refusal::Checksum);
    }
}

#[test]
fn only_what_can_be_an_id_is_one() {
    for id in ["0123456789AB", "zzzzzzzzzzzz"] {
        assert!(ApiKey::is_id(id), "{id}");
    }
    for text in [
        "",
        "0123456789A",
        "0123456789ABC",
        "0123456789-B",
        "KEY#12345678",
        "\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}",
    ] {
        assert!(!ApiKey::is_id(text), "{text}");
    }
}

#[test]
fn a_key_is_good_until_its_time_is_over() {
    let key = key();
    let mut record = record(&key);
    assert!(key.verify(Some(&record), NOW).is_ok());
    record.expires_at = Some(later(10));
    assert!(key.verify(Some(&record), later(9)).is_ok());
    for seconds in [10, 11, 1 << 40] {
        assert_eq!(key.verify(Some(&record), later(seconds)), Err(Refusal::Expired));
    }
}

#[test]
fn each_refusal_says_why() {
    let key = key();
    assert_eq!(key.verify(None, NOW), Err(Refusal::Unknown));
    let guess = ApiKey::of_id(key.id()).unwrap();
    assert_eq!(guess.verify(Some(&record(&key)), NOW), Err(Refusal::Secret));
    let revoked = ApiKeyRecord {
        status: KeyStatus::Revoked,
        expires_at: Some(NOW),
        ..record(&key)
    };
    assert_eq!(key.verify(Some(&revoked), NOW), Err(Refusal::Revoked));
    // Only who knows the secret hears what became of the key.
    assert_eq!(guess.verify(Some(&revoked), NOW), Err(Refusal::Secret));
}

#[test]
fn a_rotation_leaves_the_old_key_good_for_its_grace() {
    let old = key();
    let (new, mut record) = rotated(&old, later(60));
    assert!(new.verify(Some(&record), NOW).is_ok());
    assert!(old.verify(Some(&record), later(59)).is_ok());
    assert_eq!(old.verify(Some(&record), later(60)), Err(Refusal::Replaced));
    assert!(new.verify(Some(&record), later(60)).is_ok());
    let guess = ApiKey::of_id(old.id()).unwrap();
    assert_eq!(guess.verify(Some(&record), NOW), Err(Refusal::Secret));

    // What ends the key ends both.
    record.expires_at = Some(later(5));
    assert_eq!(old.verify(Some(&record), later(5)), Err(Refusal::Expired));
    record.status = KeyStatus::Revoked;
    assert_eq!(old.verify(Some(&record), NOW), Err(Refusal::Revoked));
    assert_eq!(new.verify(Some(&record), NOW), Err(Refusal::Revoked));
}

#[test]
fn a_key_of_another_id_proves_nothing() {
    let (one, other) = (key(), key());
    assert_eq!(one.verify(Some(&record(&other)), NOW), Err(Refusal::Secret));
}

#[test]
fn a_key_proves_its_owner_and_what_it_may_do() {
    let key = key();
    let claims = |record: &ApiKeyRecord| serde_json::Value::Object(record.claims());
    let least = record(&key);
    assert_eq!(claims(&least), json!({ "sub": "ann", "key_id": key.id() }));
    let most = ApiKeyRecord {
        plan: Some("gold".into()),
        plan_expires_at: None,
        limits: None,
        scopes: vec!["orders:read".into(), "orders:write".into()],
        name: Some("nightly job".into()),
        ..least
    };
    assert_eq!(
        claims(&most),
        json!({
            "sub": "ann", "key_id": key.id(), "plan": "gold", "scope": "orders:read orders:write", "name": "nightly job",
        })
    );
}

#[test]
fn debug_output_shows_no_secret() {
    let key = key();
    assert_eq!(format!("{key:?}"), format!("ApiKey({:?})", key.id()));
    let shown = format!("{:?}", record(&key));
    let secret = &key.secret_text()[16..48];
    assert!(
        !shown.contains(secret) && !shown.contains(&key.hash().to_base64url()),
        "{shown}"
    );
}
