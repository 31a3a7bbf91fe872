//! A table, and its records. Each is one item: `pk` says kind and name, as in `KEY#4f...`; `sk` is `META`.

use std::fmt;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::get_item::{GetItemError, GetItemOutput};
use aws_sdk_dynamodb::types::AttributeValue;

use super::failure;
use super::item::{Attributes, Item, text};
use crate::store::StoreError;

/// The sort key of every record.
const META: &str = "META";

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Table {
    pub(super) client: Client,
    pub(super) name: Arc<str>,
}

impl Table {
    pub(super) fn new(client: Client, name: &str) -> Self {
        Self {
            client,
            name: name.into(),
        }
    }

    /// The record as it stands now, never as it was before. Asked once more where that may help and takes little time:
    /// reading twice does no harm.
    pub(super) async fn get(&self, pk: String) -> Result<Option<Item>, StoreError> {
        let answer = match self.get_once(&pk).await {
            Err(error) if failure::may_pass(&error) => self.get_once(&pk).await,
            answer => answer,
        };
        match answer {
            Ok(output) => Ok(output.item.map(|attributes| self.item(pk, attributes))),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// The same, asked once.
    pub(super) async fn get_once(&self, pk: &str) -> Result<GetItemOutput, SdkError<GetItemError, HttpResponse>> {
        let request = self.client.get_item().table_name(&*self.name).consistent_read(true);
        request.set_key(Some(key(pk))).send().await
    }

    /// Writes a record, whatever stood in its place.
    pub(super) async fn put(&self, item: Attributes) -> Result<(), StoreError> {
        let request = self.client.put_item().table_name(&*self.name).set_item(Some(item));
        request.send().await.map(drop).map_err(|error| self.failed(&error))
    }

    /// Attributes that were found under this key.
    pub(super) fn item(&self, pk: String, attributes: Attributes) -> Item {
        Item::new(&self.name, pk, attributes)
    }

    /// Attributes that a query found, their key among them.
    pub(super) fn found(&self, attributes: Attributes) -> Item {
        let pk = attributes.get("pk").and_then(|pk| pk.as_s().ok());
        Item::new(&self.name, pk.cloned().unwrap_or_default(), attributes)
    }

    /// What a failed call of this table means.
    pub(super) fn failed<E: ProvideErrorMetadata>(&self, error: &SdkError<E, HttpResponse>) -> StoreError {
        failure::classify(&self.name, error)
    }
}

/// Leaves the client out: its own form is pages long.
impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

/// The primary key of a record.
pub(super) fn key(pk: &str) -> Attributes {
    Attributes::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(META))])
}

/// The attributes of a new record.
pub(super) fn record<const N: usize>(pk: &str, attributes: [(&str, AttributeValue); N]) -> Attributes {
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value));
    key(pk).into_iter().chain(attributes).collect()
}
