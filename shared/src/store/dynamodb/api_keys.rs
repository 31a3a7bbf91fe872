//! Administration of API keys: for `tollgate keys`, and for whatever else may change the config table.
//!
//! No operation scans. Every write is one item and is safe to repeat: when a repetition finds what the first one wrote, that
//! is its success. All but `keep` have a condition.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::admin_error::AdminError;
use super::admin_table::{AdminTable, Called, Page};
use super::api_key_item::{self, ACTIVE, PREFIX, REVOKED, hash_value, pk};
use super::item::{Attributes, number, text};
use super::key_change::ApiKeyChange;
use super::key_terms::NewApiKey;
use super::table::key;
use crate::api_key::{ApiKey, ApiKeyRecord, KeyHash, KeyStatus};
use crate::clock::Timestamp;

/// The index that finds an owner's keys: partition key `owner`, sort key `pk`, every attribute.
pub const OWNER_INDEX: &str = "owner";

/// The API keys of one config table. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ApiKeys(AdminTable);

/// What became of a key that was to be revoked: it is revoked in both cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// It was good until now.
    Now,
    /// It had been revoked before.
    Before,
}

impl ApiKeys {
    /// In this table. Calls are repeated as the client's settings for retries say, but not by the client.
    pub fn new(client: Client, table: &str) -> Self {
        Self(AdminTable::new(&client, table))
    }

    /// Makes a key. Its text is shown nowhere else and cannot be had again.
    pub async fn create(&self, new: NewApiKey, now: Timestamp) -> Result<(ApiKey, ApiKeyRecord), AdminError> {
        let key = ApiKey::generate()?;
        let record = new.record(&key, now)?;
        self.insert(key, record).await
    }

    /// Keeps a key that was made just now, by [`NewApiKey::record`].
    pub async fn insert(&self, key: ApiKey, record: ApiKeyRecord) -> Result<(ApiKey, ApiKeyRecord), AdminError> {
        let request = self.0.client.put_item().table_name(&*self.0.name);
        let request = request
            .set_item(Some(api_key_item::write(&record)))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Called { last, unclear } = self.0.call(|| request.clone().send()).await;
        let Err(error) = last else {
            return Ok((key, record));
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                let found = self.found(key.id(), refused.item.clone())?;
                self.own(key, found, unclear)
            }
            _ => Err(self.0.failed(&error, unclear)),
        }
    }

    /// Keeps what is known of a key that was made elsewhere, in the place of what was kept under its id.
    pub async fn keep(&self, record: &ApiKeyRecord) -> Result<(), AdminError> {
        self.0.put(api_key_item::write(record)).await
    }

    /// A key as it stands now.
    pub async fn get(&self, id: &str) -> Result<Option<ApiKeyRecord>, AdminError> {
        let item = self.0.get(pk(id)).await?;
        Ok(item.as_ref().map(api_key_item::read).transpose()?)
    }

    /// The keys of an owner, revoked and expired ones too, a page at a time: `most` (1 to [`LARGEST_PAGE`](super::LARGEST_PAGE))
    /// of them after the last page's `next`. The index follows the table: what was changed a moment ago may not show yet.
    pub async fn list(&self, owner: &str, after: Option<&str>, most: u8) -> Result<Page<ApiKeyRecord>, AdminError> {
        self.0.of_owner(owner, PREFIX, after, most, api_key_item::read).await
    }

    /// Changes what a key holds in place, and gives the key as it stands then. One that has expired can be changed, and with
    /// a later end it is good again: unlike a revoked one it was not taken back. Gateways hear of it when what they
    /// remember of the key is too old: within 30 seconds.
    pub async fn change(&self, id: &str, change: ApiKeyChange, now: Timestamp) -> Result<ApiKeyRecord, AdminError> {
        let needs_a_plan = change.needs_a_plan();
        let update = change.update(now)?;
        let request = self.0.client.update_item().table_name(&*self.0.name);
        let request = request
            .set_key(Some(key(&pk(id))))
            .update_expression(update.expression)
            .condition_expression(update.condition)
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Some(update.values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Called { last, unclear } = self.0.call(|| request.clone().send()).await;
        let error = match last {
            Ok(after) => return self.found(id, after.attributes),
            Err(error) => error,
        };
        let found = match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => self.found(id, refused.item.clone())?,
            _ => return Err(self.0.failed(&error, unclear)),
        };
        Err(match found.status {
            KeyStatus::Revoked => AdminError::Revoked(found.id),
            KeyStatus::Active if needs_a_plan => {
                AdminError::Invalid(format!("API key {id} has no plan that could end; set one with its end"))
            }
            KeyStatus::Active => self.changed(found, unclear),
        })
    }

    /// Takes a key back for good. Gateways hear of it when what they remember of the key is too old: within 30 seconds.
    pub async fn revoke(&self, id: &str) -> Result<Revocation, AdminError> {
        let request = self.0.client.update_item().table_name(&*self.0.name);
        let request = request
            .set_key(Some(key(&pk(id))))
            .update_expression("SET #status = :revoked")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#status", "status") // a reserved word
            .expression_attribute_values(":revoked", text(REVOKED))
            .return_values(ReturnValue::AllOld);
        let Called { last, unclear } = self.0.call(|| request.clone().send()).await;
        match last {
            // The rest of the item is not looked at: one that cannot be read must still be revocable.
            Ok(before) => match before.attributes.unwrap_or_default().get("status") {
                // After an attempt without an answer it is that one's own work, as far as anybody knows.
                Some(AttributeValue::S(status)) if status == REVOKED && unclear.is_none() => Ok(Revocation::Before),
                _ => Ok(Revocation::Now),
            },
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Err(AdminError::NoSuchKey(id.to_owned())),
                _ => Err(self.0.failed(&error, unclear)),
            },
        }
    }

    /// Puts a new key in the place of the old one, which stays good for `grace` (whole seconds). Id, owner and plan stay,
    /// and with them every counter. What an earlier rotation left is refused from now on.
    pub async fn rotate(
        &self,
        id: &str,
        grace: Duration,
        now: Timestamp,
    ) -> Result<(ApiKey, ApiKeyRecord), AdminError> {
        let absent = || AdminError::NoSuchKey(id.to_owned());
        if !ApiKey::is_id(id) {
            return Err(absent());
        }
        let old = self.get(id).await?.ok_or_else(absent)?;
        if old.expires_at.is_some_and(|end| now >= end) {
            return Err(AdminError::Expired(old.id));
        }
        let rotated = ApiKey::of_id(id)?;
        let request = self.replacement(&old, rotated.hash(), now.plus(grace));
        let Called { last, unclear } = self.0.call(|| request.clone().send()).await;
        let found = match last {
            Ok(after) => after.attributes,
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => refused.item.clone(),
                _ => return Err(self.0.failed(&error, unclear)),
            },
        };
        self.own(rotated, self.found(id, found)?, unclear)
    }

    /// On condition that the key is still the one that was read: of two rotations at once, one must not end the key
    /// that the other is about to show.
    fn replacement(&self, old: &ApiKeyRecord, new: KeyHash, until: Timestamp) -> UpdateItemFluentBuilder {
        let request = self.0.client.update_item().table_name(&*self.0.name);
        request
            .set_key(Some(key(&pk(&old.id))))
            .update_expression("SET #hash = :new, previous_hash = :old, previous_until = :until")
            .condition_expression("#hash = :old AND #status = :active")
            .expression_attribute_names("#hash", "hash") // both are reserved words
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":new", hash_value(new))
            .expression_attribute_values(":old", hash_value(old.hash))
            .expression_attribute_values(":until", number(until.secs()))
            .expression_attribute_values(":active", text(ACTIVE))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// What stands there, if anything does.
    fn found(&self, id: &str, attributes: Option<Attributes>) -> Result<ApiKeyRecord, AdminError> {
        let attributes = attributes.ok_or_else(|| AdminError::NoSuchKey(id.to_owned()))?;
        Ok(api_key_item::read(&self.0.item(pk(id), attributes))?)
    }

    /// A key and what stands under its id after it was written. A refused write may be the repetition of one that was
    /// applied: then what stands there is this key's.
    fn own(
        &self,
        key: ApiKey,
        found: ApiKeyRecord,
        unclear: Option<String>,
    ) -> Result<(ApiKey, ApiKeyRecord), AdminError> {
        if found.hash == key.hash() {
            Ok((key, found))
        } else if found.status == KeyStatus::Revoked {
            Err(AdminError::Revoked(found.id))
        } else {
            Err(self.changed(found, unclear))
        }
    }

    /// Somebody else was first, unless an attempt before the last one was applied and somebody else came after it.
    fn changed(&self, found: ApiKeyRecord, unclear: Option<String>) -> AdminError {
        match unclear {
            None => AdminError::Changed(found.id),
            Some(why) => self.0.unclear(&format!("{why}, and the key was changed since")).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;

    fn record(key: &ApiKey, status: KeyStatus) -> ApiKeyRecord {
        ApiKeyRecord {
            id: key.id().to_owned(),
            hash: key.hash(),
            previous: None,
            status,
            owner: "ann".into(),
            plan: None,
            plan_expires_at: None,
            limits: None,
            scopes: Vec::new(),
            expires_at: None,
            created_at: Timestamp::from_secs(1),
            name: None,
        }
    }

    fn keys() -> ApiKeys {
        ApiKeys(AdminTable::nowhere())
    }

    #[test]
    fn a_repeated_write_that_finds_itself_is_a_success() {
        let key = ApiKey::generate().unwrap();
        for status in [KeyStatus::Active, KeyStatus::Revoked] {
            for unclear in [None, Some("no answer in time".to_owned())] {
                let found = record(&key, status);
                let (_, kept) = keys().own(key.clone(), found.clone(), unclear).unwrap();
                assert_eq!(kept, found);
            }
        }
    }

    #[test]
    fn a_write_that_finds_another_key_says_so() {
        let (key, other) = (ApiKey::generate().unwrap(), ApiKey::generate().unwrap());
        let why = |status, unclear: Option<&str>| {
            let unclear = unclear.map(str::to_owned);
            keys().own(key.clone(), record(&other, status), unclear).unwrap_err()
        };
        let id = other.id().to_owned();
        assert_eq!(why(KeyStatus::Active, None), AdminError::Changed(id.clone()));
        assert_eq!(why(KeyStatus::Revoked, None), AdminError::Revoked(id));
        // It may have been this key's for a moment.
        let unclear = why(KeyStatus::Active, Some("no answer in time"));
        assert!(
            matches!(unclear, AdminError::Store(StoreError::Ambiguous(_))),
            "{unclear:?}"
        );
    }
}
