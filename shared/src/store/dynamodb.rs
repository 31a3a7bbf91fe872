//! The store in DynamoDB: one client, three tables. Only here, below, and in [`crate::aws`] are AWS crates named.
//!
//! The gateway's SDK must not retry by itself: a step is not idempotent, and only the caller knows its budget. How a failed
//! call counts is decided in [`failure`].

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, IdentityCache, Region, StalledStreamProtectionConfig};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use bytes::Bytes;

pub use self::admin_error::AdminError;
pub use self::admin_table::{LARGEST_PAGE, Page};
pub use self::api_keys::{ApiKeys, OWNER_INDEX, Revocation};
use self::counter::Expression;
pub use self::counters::{Counted, CounterName, Counters};
pub use self::key_change::{ApiKeyChange, Patch};
pub use self::key_terms::{NewApiKey, check_label};
pub use self::plans::Plans;
pub use self::sessions::Sessions;
pub use self::settings::DynamoDbSettings;
use self::table::Table;
pub use self::trust::read_ca_bundle;
use crate::api_key::ApiKeyRecord;
use crate::cache::CacheKey;
use crate::clock::Timestamp;
use crate::limit::PlanRecord;
use crate::store::{
    Charge, ChargeOutcome, CounterKey, CounterState, Refund, SessionHash, SessionRecord, Store, StoreError,
    StoredKeySet, TableKind,
};
use crate::upstream::hyper_client::HyperClient;

mod admin_error;
mod admin_table;
mod api_key_item;
mod api_keys;
mod connector;
mod counter;
mod counters;
mod failure;
mod item;
mod key_change;
mod key_terms;
mod plan_item;
mod plans;
mod sessions;
mod settings;
mod state_item;
mod table;
mod trust;

/// How long a connection is kept that nobody uses: DynamoDB keeps it longer, and opening another one is most of a call.
const KEPT: Duration = Duration::from_secs(90);

/// The one call during init, when nobody waits yet.
const WARM_TIMEOUT: Duration = Duration::from_millis(300);

/// Opening a connection for an administrator.
const ADMIN_CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// One call for an administrator. Three of them end before an HTTP API gives up.
const ADMIN_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// Between the first two attempts for an administrator.
const ADMIN_PAUSE: Duration = Duration::from_millis(200);

/// The gateway's tables. Cheap to clone: clones share the client and its connections.
#[derive(Clone, Debug)]
pub struct DynamoDbStore {
    quota: Option<Table>,
    config: Option<Table>,
    state: Option<Table>,
}

impl DynamoDbStore {
    /// Builds the client; opens no connection yet. The error says which trust root cannot be read, ready to be shown.
    pub fn new(settings: DynamoDbSettings) -> Result<Self, String> {
        let client = client(&settings, RetryConfig::disabled())?;
        let table = |name: Option<String>| name.map(|name| Table::new(client.clone(), &name));
        Ok(Self {
            quota: table(settings.quota_table),
            config: table(settings.config_table),
            state: table(settings.state_table),
        })
    }

    fn table(&self, kind: TableKind) -> Result<&Table, StoreError> {
        let table = match kind {
            TableKind::Quota => &self.quota,
            TableKind::Config => &self.config,
            TableKind::State => &self.state,
        };
        table.as_ref().ok_or(StoreError::NoTable(kind.variable()))
    }
}

impl DynamoDbSettings {
    /// A client for administration, which is about one item at a time, and whose writes are safe to repeat: unlike a
    /// gateway's it waits for as long as a person would, and [`ApiKeys`] and its like make its calls up to three times.
    /// Opens no connection yet. The error says which trust root cannot be read, ready to be shown.
    pub fn admin_client(&self) -> Result<Client, String> {
        let patient = self.clone().with_timeouts(ADMIN_CONNECT_TIMEOUT, ADMIN_ATTEMPT_TIMEOUT);
        client(&patient, RetryConfig::standard().with_initial_backoff(ADMIN_PAUSE))
    }
}

fn client(settings: &DynamoDbSettings, retries: RetryConfig) -> Result<Client, String> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(settings.connect_timeout)
        .operation_attempt_timeout(settings.attempt_timeout)
        .build();
    let tls = trust::tls(settings.ca_bundle.as_deref())?;
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(settings.region.clone()))
        .credentials_provider(settings.credentials.clone())
        // Credentials of a function never change while it runs: nothing to cache or to refresh.
        .identity_cache(IdentityCache::no_cache())
        .retry_config(retries)
        .timeout_config(timeouts)
        // Watches long downloads; these answers are a few hundred bytes under a time-out of their own.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(connector::sending_by(HyperClient::keeping(tls, KEPT)));
    config.set_endpoint_url(settings.endpoint.clone());
    Ok(Client::from_conf(config.build()))
}

#[async_trait]
impl Store for DynamoDbStore {
    async fn charge(&self, key: &CounterKey, charge: &Charge) -> Result<ChargeOutcome, StoreError> {
        let table = self.table(TableKind::Quota)?;
        let request = Expression::of(charge).on(table, key);
        let request = request
            .expression_attribute_names("#ttl", "ttl") // a reserved word
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        counter::outcome(&table.name, charge, request.send().await)
    }

    async fn counter(&self, key: &CounterKey) -> Result<CounterState, StoreError> {
        let table = self.table(TableKind::Quota)?;
        let request = table.client.get_item().table_name(&*table.name).consistent_read(true);
        let request = request.set_key(Some(counter::key(key)));
        let output = request.send().await.map_err(|error| table.failed(&error))?;
        let state = counter::state(output.item());
        state.map_err(|why| StoreError::Malformed(format!("table {}: {why}", table.name)))
    }

    async fn refund(&self, key: &CounterKey, refund: &Refund) -> Result<Option<CounterState>, StoreError> {
        let table = self.table(TableKind::Quota)?;
        let request = Expression::back(refund).on(table, key);
        counter::refunded(&table.name, request.send().await)
    }

    async fn api_key(&self, id: &str) -> Result<Option<ApiKeyRecord>, StoreError> {
        let item = self.table(TableKind::Config)?.get(api_key_item::pk(id)).await?;
        item.as_ref().map(api_key_item::read).transpose()
    }

    async fn plan(&self, name: &str) -> Result<Option<PlanRecord>, StoreError> {
        let item = self.table(TableKind::Config)?.get(plan_item::pk(name)).await?;
        item.as_ref().map(plan_item::read).transpose()
    }

    async fn key_set(&self, name: &str) -> Result<Option<StoredKeySet>, StoreError> {
        let item = self.table(TableKind::State)?.get(state_item::key_set_pk(name)).await?;
        item.as_ref().map(state_item::read_key_set).transpose()
    }

    async fn keep_key_set(&self, name: &str, set: &StoredKeySet, expires_at: Timestamp) -> Result<(), StoreError> {
        self.table(TableKind::State)?
            .put(state_item::write_key_set(name, set, expires_at))
            .await
    }

    async fn session(&self, hash: &SessionHash) -> Result<Option<SessionRecord>, StoreError> {
        let item = self.table(TableKind::State)?.get(state_item::session_pk(hash)).await?;
        item.as_ref().map(state_item::read_session).transpose()
    }

    async fn touch_session(
        &self,
        hash: &SessionHash,
        seen_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let table = self.table(TableKind::State)?;
        let result = table
            .client
            .update_item()
            .table_name(&*table.name)
            .set_key(Some(table::key(&state_item::session_pk(hash))))
            .update_expression("SET seen_at = :seen_at, #ttl = :ttl")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#ttl", "ttl") // a reserved word
            .expression_attribute_values(":seen_at", item::number(seen_at.secs()))
            .expression_attribute_values(":ttl", item::number(expires_at.secs()))
            .send()
            .await;
        match result {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(table.failed(&error)),
            },
        }
    }

    async fn cached(&self, key: &CacheKey) -> Result<Option<Bytes>, StoreError> {
        let item = self.table(TableKind::State)?.get(state_item::cached_pk(key)).await?;
        item.as_ref().map(state_item::read_cached).transpose()
    }

    async fn keep_cached(&self, key: &CacheKey, bytes: &Bytes, expires_at: Timestamp) -> Result<(), StoreError> {
        self.table(TableKind::State)?
            .put(state_item::write_cached(key, bytes, expires_at))
            .await
    }

    async fn warm(&self) {
        // Any of them: they share the connection.
        let tables = [&self.quota, &self.config, &self.state];
        let Some(Table { client, name }) = tables.into_iter().flatten().next() else {
            return;
        };
        // The connect time-out must stay: another one would open a connection in a pool of its own.
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(WARM_TIMEOUT).build();
        let result = client
            .get_item()
            .table_name(&**name)
            .key("pk", AttributeValue::S("Q#warm".into()))
            .key("sk", AttributeValue::S("L#warm".into()))
            .customize()
            .config_override(Config::builder().timeout_config(timeouts))
            .send()
            .await;
        if let Err(error) = result {
            tracing::warn!(
                table = &**name,
                error = failure::describe(&error),
                "the table does not answer yet"
            );
        }
    }
}

#[cfg(test)]
mod tests;
