//! An API key as an item of the config table. Operators read it in the console: names are whole words, times are
//! epoch seconds. `docs/keys.md` has the layout.

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::{Attributes, Item, number, text};
use super::table;
use crate::api_key::{ApiKeyRecord, KeyHash, KeyStatus, PreviousKey};
use crate::store::StoreError;

/// What a partition key begins with.
pub(super) const PREFIX: &str = "KEY#";
/// The values of `status`.
pub(super) const ACTIVE: &str = "active";
/// See [`ACTIVE`].
pub(super) const REVOKED: &str = "revoked";

/// What `RateLimit` headers call the limits of a key's own.
const KEY_LIMITS: &str = "key";

/// The partition key of the key with this id.
pub(super) fn pk(id: &str) -> String {
    format!("{PREFIX}{id}")
}

/// Reads an item.
pub(super) fn read(item: &Item) -> Result<ApiKeyRecord, StoreError> {
    let id = item.pk().strip_prefix(PREFIX);
    Ok(ApiKeyRecord {
        id: id
            .ok_or_else(|| item.malformed("pk", "is not that of an API key"))?
            .to_owned(),
        hash: item.needed("hash", hash)?,
        previous: previous(item)?,
        status: item.needed("status", status)?,
        owner: item.needed("owner", Item::text)?.to_owned(),
        plan: item.text("plan")?.map(str::to_owned),
        plan_expires_at: item.seconds("plan_expires_at")?,
        limits: item.limits("limits", KEY_LIMITS)?,
        scopes: item.texts("scopes")?,
        expires_at: item.seconds("expires_at")?,
        created_at: item.needed("created_at", Item::seconds)?,
        name: item.text("name")?.map(str::to_owned),
    })
}

/// Both attributes or neither: half of a rotation must not be taken for none.
fn previous(item: &Item) -> Result<Option<PreviousKey>, StoreError> {
    match (hash(item, "previous_hash")?, item.seconds("previous_until")?) {
        (Some(hash), Some(until)) => Ok(Some(PreviousKey { hash, until })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(item.malformed("previous_until", "is missing")),
        (None, Some(_)) => Err(item.malformed("previous_hash", "is missing")),
    }
}

fn hash(item: &Item, name: &str) -> Result<Option<KeyHash>, StoreError> {
    let wrong = "is not a SHA-256 in base64url";
    item.read(name, wrong, |value| KeyHash::from_base64url(value.as_s().ok()?))
}

fn status(item: &Item, name: &str) -> Result<Option<KeyStatus>, StoreError> {
    item.read(name, "is neither `active` nor `revoked`", |value| {
        match value.as_s().map(String::as_str) {
            Ok(ACTIVE) => Some(KeyStatus::Active),
            Ok(REVOKED) => Some(KeyStatus::Revoked),
            _ => None,
        }
    })
}

/// The item of a record.
pub(super) fn write(record: &ApiKeyRecord) -> Attributes {
    let status = match record.status {
        KeyStatus::Active => ACTIVE,
        KeyStatus::Revoked => REVOKED,
    };
    let mut item = table::record(
        &pk(&record.id),
        [
            ("hash", hash_value(record.hash)),
            ("status", text(status)),
            ("owner", text(&record.owner)),
            ("created_at", number(record.created_at.secs())),
        ],
    );
    let mut put = |name: &str, value: AttributeValue| item.insert(name.to_owned(), value);
    if let Some(previous) = record.previous {
        put("previous_hash", hash_value(previous.hash));
        put("previous_until", number(previous.until.secs()));
    }
    if let Some(expires_at) = record.expires_at {
        put("expires_at", number(expires_at.secs()));
    }
    if let Some(plan) = &record.plan {
        put("plan", text(plan));
    }
    if let Some(end) = record.plan_expires_at {
        put("plan_expires_at", number(end.secs()));
    }
    if let Some(limits) = &record.limits {
        put("limits", text(limits.text()));
    }
    if let Some(name) = &record.name {
        put("name", text(name));
    }
    // DynamoDB knows no empty set.
    if !record.scopes.is_empty() {
        put("scopes", AttributeValue::Ss(record.scopes.clone()));
    }
    item
}

/// A hash as it is written.
pub(super) fn hash_value(hash: KeyHash) -> AttributeValue {
    text(hash.to_base64url())
}
