//! An API key as an item of the config table. Operators read it in the console: names are whole words, times are
//! epoch seconds. `docs/keys.md` has the layout.

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::Item;
use crate::api_key::{ApiKeyRecord, KeyHash, KeyStatus, PreviousKey};
use crate::store::StoreError;

/// What a partition key begins with.
const PREFIX: &str = "KEY#";
/// The values of `status`.
const ACTIVE: &str = "active";
/// See [`ACTIVE`].
const REVOKED: &str = "revoked";

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
    item.read(
        name,
        "is not a SHA-256 (32 bytes, or their base64url)",
        |value| match value {
            AttributeValue::B(bytes) => KeyHash::from_bytes(bytes.as_ref()),
            AttributeValue::S(text) => KeyHash::from_base64url(text),
            _ => None,
        },
    )
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
