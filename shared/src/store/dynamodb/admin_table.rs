//! A table as administrators use it: calls are made again where that may help, and what came of the attempts before the
//! last one is remembered.
//!
//! The SDK's own retries are switched off here, because it tells of the last attempt alone. A write that was made, and
//! whose answer was lost, would pass for one that was not made as soon as the attempt after it was throttled.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use super::admin_error::AdminError;
use super::api_keys::OWNER_INDEX;
use super::failure;
use super::item::{Attributes, Item, text};
use super::table::{Table, key};
use crate::store::StoreError;

/// Entries on a page of a listing, at most.
pub const LARGEST_PAGE: u8 = 100;

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct AdminTable {
    table: Table,
    /// How often a call is made, at most.
    attempts: u32,
    /// Before the second attempt; twice as long before each one after it.
    pause: Duration,
}

/// What came of a call that was made once or more.
#[derive(Debug)]
pub(super) struct Called<T, E> {
    /// The answer to the last attempt.
    pub(super) last: Result<T, SdkError<E, HttpResponse>>,
    /// Of an attempt before it that may have been applied: why nobody knows.
    pub(super) unclear: Option<String>,
}

/// A part of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// By name; API keys by id.
    pub records: Vec<T>,
    /// The names of those among them whose items cannot be read: the others are shown nonetheless.
    pub unreadable: Vec<String>,
    /// The name after which the next page begins; `None`: this is the last.
    pub next: Option<String>,
}

impl AdminTable {
    /// How often a call is made, and after what pause, is taken from the client's own settings for retries.
    pub(super) fn new(client: &Client, name: &str) -> Self {
        let retries = client.config().retry_config().cloned();
        let retries = retries.unwrap_or_else(RetryConfig::standard);
        let config = client.config().to_builder().retry_config(RetryConfig::disabled());
        Self {
            table: Table::new(Client::from_conf(config.build()), name),
            attempts: retries.max_attempts(),
            pause: retries.initial_backoff(),
        }
    }

    /// Makes a call that is safe to repeat.
    pub(super) async fn call<T, E, F>(&self, send: impl Fn() -> F) -> Called<T, E>
    where
        E: ProvideErrorMetadata,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let mut unclear = None;
        let mut pause = self.pause;
        let mut left = self.attempts;
        loop {
            let last = send().await;
            left = left.saturating_sub(1);
            match &last {
                Err(error) if left > 0 && !failure::is_final(error) => {
                    if !failure::surely_not_applied(error) {
                        unclear.get_or_insert_with(|| failure::describe(error));
                    }
                }
                _ => return Called { last, unclear },
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
        }
    }

    /// The answer to a call; the error is what all attempts together mean.
    pub(super) fn answer<T, E: ProvideErrorMetadata>(&self, called: Called<T, E>) -> Result<T, AdminError> {
        let Called { last, unclear } = called;
        last.map_err(|error| self.failed(&error, unclear))
    }

    /// What a failed call means: it was not applied only where no attempt may have been.
    pub(super) fn failed<E: ProvideErrorMetadata>(
        &self,
        error: &SdkError<E, HttpResponse>,
        unclear: Option<String>,
    ) -> AdminError {
        let why = failure::describe(error);
        match unclear {
            Some(first) => self.unclear(&format!("{first}, and at last {why}")).into(),
            None if failure::is_final(error) => AdminError::Refused(format!("table {}: {why}", self.name)),
            None => self.table.failed(error).into(),
        }
    }

    /// Of a write that may have been applied.
    pub(super) fn unclear(&self, why: &str) -> StoreError {
        StoreError::Ambiguous(format!("table {}: {why}", self.name))
    }

    /// The record as it stands now, never as it was before.
    pub(super) async fn get(&self, pk: String) -> Result<Option<Item>, AdminError> {
        let called = self.call(|| self.get_once(&pk)).await;
        let output = self.answer(called)?;
        Ok(output.item.map(|attributes| self.item(pk, attributes)))
    }

    /// Writes a record, whatever stood in its place.
    pub(super) async fn put(&self, item: Attributes) -> Result<(), AdminError> {
        let request = self.client.put_item().table_name(&*self.name).set_item(Some(item));
        let called = self.call(|| request.clone().send()).await;
        self.answer(called).map(drop)
    }

    /// The records of an owner whose partition keys begin like this, `most` (1 to [`LARGEST_PAGE`]) of them after the one
    /// that has the name `after`. The index follows the table: what was changed a moment ago may not show yet.
    pub(super) async fn of_owner<T>(
        &self,
        owner: &str,
        prefix: &str,
        after: Option<&str>,
        most: u8,
        read: impl Fn(&Item) -> Result<T, StoreError>,
    ) -> Result<Page<T>, AdminError> {
        let start = after.map(|name| {
            let mut start = key(&format!("{prefix}{name}"));
            start.insert("owner".to_owned(), text(owner));
            start
        });
        let request = self.client.query().table_name(&*self.name).index_name(OWNER_INDEX);
        let request = request
            // Records of several kinds may have the same owner.
            .key_condition_expression("#owner = :owner AND begins_with(pk, :prefix)")
            .expression_attribute_names("#owner", "owner") // a reserved word
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":prefix", text(prefix))
            .set_exclusive_start_key(start)
            .limit(most.clamp(1, LARGEST_PAGE).into());
        let called = self.call(|| request.clone().send()).await;
        let answer = self.answer(called)?;
        let mut page = Page {
            records: Vec::new(),
            unreadable: Vec::new(),
            next: None,
        };
        for item in answer.items.unwrap_or_default() {
            let item = self.found(item);
            match read(&item) {
                Ok(record) => page.records.push(record),
                Err(_) => page.unreadable.push(item.name(prefix).to_owned()),
            }
            let more = answer.last_evaluated_key.is_some();
            page.next = more.then(|| item.name(prefix).to_owned());
        }
        Ok(page)
    }
}

impl Deref for AdminTable {
    type Target = Table;

    fn deref(&self) -> &Table {
        &self.table
    }
}

/// Its name.
impl fmt::Debug for AdminTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table.fmt(f)
    }
}

#[cfg(test)]
mod tests;
