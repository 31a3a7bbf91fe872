//! Sessions, key sets and kept answers as items of the state table. `docs/keys.md` has the layout of a session.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;

use super::item::{Attributes, Item, number, text};
use super::table;
use crate::cache::CacheKey;
use crate::clock::Timestamp;
use crate::hex;
use crate::sha256::sha256;
use crate::store::{SessionHash, SessionRecord, StoreError, StoredKeySet};

/// The partition key of a session.
pub(super) fn session_pk(hash: &SessionHash) -> String {
    format!("SESSION#{}", hash.as_str())
}

/// Reads a session.
pub(super) fn read_session(item: &Item) -> Result<SessionRecord, StoreError> {
    let claims = item.needed("claims", Item::text)?;
    Ok(SessionRecord {
        claims: serde_json::from_str(claims).map_err(|_| item.malformed("claims", "is not a JSON object"))?,
        created_at: item.needed("created_at", Item::seconds)?,
        seen_at: item.needed("seen_at", Item::seconds)?,
        expires_at: item.needed("expires_at", Item::seconds)?,
    })
}

/// The item of a session. It may be deleted once the session is over.
pub(super) fn write_session(hash: &SessionHash, session: &SessionRecord) -> Attributes {
    let claims = serde_json::Value::Object(session.claims.clone());
    table::record(
        &session_pk(hash),
        [
            ("claims", text(claims.to_string())),
            ("created_at", number(session.created_at.secs())),
            ("seen_at", number(session.seen_at.secs())),
            ("expires_at", number(session.expires_at.secs())),
            ("ttl", number(session.expires_at.secs())),
        ],
    )
}

/// The partition key of a key set. Hashed, because a URI may be longer than a key.
pub(super) fn key_set_pk(name: &str) -> String {
    format!("JWKS#{}", hex::of(&sha256(name.as_bytes())))
}

/// Reads a key set.
pub(super) fn read_key_set(item: &Item) -> Result<StoredKeySet, StoreError> {
    Ok(StoredKeySet {
        body: item.needed("body", Item::text)?.to_owned(),
        fetched_at: item.needed("fetched_at", Item::millis)?,
    })
}

/// The item of a key set.
pub(super) fn write_key_set(name: &str, set: &StoredKeySet, expires_at: Timestamp) -> Attributes {
    table::record(
        &key_set_pk(name),
        [
            ("body", text(&set.body)),
            ("fetched_at", number(set.fetched_at.micros() / 1_000)),
            ("ttl", number(expires_at.secs())),
        ],
    )
}

/// The partition key of what the cache keeps.
pub(super) fn cached_pk(key: &CacheKey) -> String {
    format!("CACHE#{}", key.text())
}

/// Reads what the cache has written.
pub(super) fn read_cached(item: &Item) -> Result<Bytes, StoreError> {
    item.needed("answer", Item::bytes).map(Bytes::copy_from_slice)
}

/// The item of what the cache keeps.
pub(super) fn write_cached(key: &CacheKey, bytes: &Bytes, expires_at: Timestamp) -> Attributes {
    table::record(
        &cached_pk(key),
        [
            ("answer", AttributeValue::B(Blob::new(bytes.as_ref()))),
            ("ttl", number(expires_at.secs())),
        ],
    )
}
