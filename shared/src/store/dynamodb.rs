//! The counters in DynamoDB: each step is one conditional `UpdateItem`. Only here (and below) are AWS crates named.
//!
//! The SDK must not retry by itself: a step is not idempotent, and only the caller knows its budget. How a failed
//! call counts is decided in [`failure`].

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, IdentityCache, Region, StalledStreamProtectionConfig};
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

pub use self::settings::DynamoDbSettings;
pub use self::trust::read_ca_bundle;
use crate::store::{CounterKey, CounterState, CounterStore, Step, StepOutcome, StoreError};

mod failure;
mod settings;
mod thaw;
mod trust;

/// The one call during init, when nobody waits yet.
const WARM_TIMEOUT: Duration = Duration::from_millis(300);

/// The bucket's theoretical arrival time: microseconds since the epoch, N.
const TAT: &str = "tat";

/// One quota table. Cheap to clone: clones share the client and its connections.
#[derive(Clone)]
pub struct DynamoDbStore {
    client: Client,
    table: Arc<str>,
}

impl DynamoDbStore {
    /// Builds the client; opens no connection yet. The error says which trust root cannot be read, ready to be shown.
    pub fn new(settings: DynamoDbSettings) -> Result<Self, String> {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(settings.connect_timeout)
            .operation_attempt_timeout(settings.attempt_timeout)
            .build();
        let http = trust::https_client(settings.ca_bundle.as_deref())?;
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(settings.region))
            .credentials_provider(settings.credentials)
            // Credentials of a function never change while it runs: nothing to cache or to refresh.
            .identity_cache(IdentityCache::no_cache())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            // Watches long downloads; these answers are a few hundred bytes under a time-out of their own.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(thaw::after_a_turn(http));
        config.set_endpoint_url(settings.endpoint);
        Ok(Self {
            client: Client::from_conf(config.build()),
            table: settings.table.into(),
        })
    }
}

#[async_trait]
impl CounterStore for DynamoDbStore {
    async fn step(&self, key: &CounterKey, step: Step, expires_at: u64) -> Result<StepOutcome, StoreError> {
        let expression = Expression::of(step);
        let result = self
            .client
            .update_item()
            .table_name(&*self.table)
            .key("pk", AttributeValue::S(key.pk.clone()))
            .key("sk", AttributeValue::S(key.sk.clone()))
            .update_expression(expression.update)
            .condition_expression(expression.condition)
            .expression_attribute_names("#ttl", "ttl") // a reserved word
            .set_expression_attribute_values(Some(expression.values(expires_at)))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        outcome(&self.table, result)
    }

    async fn warm(&self) {
        // The connect time-out must stay: another one would open a connection in a pool of its own.
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(WARM_TIMEOUT).build();
        let result = self
            .client
            .get_item()
            .table_name(&*self.table)
            .key("pk", AttributeValue::S("Q#warm".into()))
            .key("sk", AttributeValue::S("L#warm".into()))
            .customize()
            .config_override(Config::builder().timeout_config(timeouts))
            .send()
            .await;
        if let Err(error) = result {
            tracing::warn!(
                table = &*self.table,
                error = failure::describe(&error),
                "the counter table does not answer yet"
            );
        }
    }
}

/// Leaves the client out: its own form is pages long.
impl fmt::Debug for DynamoDbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoDbStore")
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

/// A step in DynamoDB's words.
struct Expression {
    update: &'static str,
    condition: &'static str,
    numbers: [Option<(&'static str, u64)>; 3],
}

impl Expression {
    fn of(step: Step) -> Self {
        match step {
            Step::Busy { now, cost, max } => Self {
                update: "SET tat = tat + :cost, #ttl = :ttl",
                condition: "tat > :now AND tat <= :max",
                numbers: [Some((":now", now)), Some((":cost", cost)), Some((":max", max))],
            },
            Step::Foreign { now, cost, above } => Self {
                update: "SET tat = :next, #ttl = :ttl",
                condition: "tat > :above",
                numbers: [Some((":above", above)), Some((":next", now.saturating_add(cost))), None],
            },
            Step::Idle { now, cost } => Self {
                update: "SET tat = :next, #ttl = :ttl",
                condition: "attribute_not_exists(tat) OR tat <= :now",
                numbers: [Some((":now", now)), Some((":next", now.saturating_add(cost))), None],
            },
        }
    }

    fn values(&self, expires_at: u64) -> HashMap<String, AttributeValue> {
        let numbers = self.numbers.iter().flatten().copied().chain([(":ttl", expires_at)]);
        numbers
            .map(|(name, number)| (name.to_owned(), AttributeValue::N(number.to_string())))
            .collect()
    }
}

/// Reads an answer.
fn outcome(
    table: &str,
    result: Result<UpdateItemOutput, SdkError<UpdateItemError, HttpResponse>>,
) -> Result<StepOutcome, StoreError> {
    let within = |why: String| format!("table {table}: {why}");
    match result {
        Ok(output) => match state(output.attributes()) {
            Ok(state @ CounterState { tat: Some(_) }) => Ok(StepOutcome::Applied(state)),
            // It answers, but not as DynamoDB does: whether it wrote anything cannot be known.
            Ok(_) => Err(StoreError::Ambiguous(within(format!("an answer without `{TAT}`")))),
            Err(why) => Err(StoreError::Ambiguous(within(why))),
        },
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => match state(refused.item()) {
                Ok(state) => Ok(StepOutcome::Refused(state)),
                Err(why) => Err(StoreError::NotApplied(within(why))),
            },
            _ => Err(failure::classify(table, &error)),
        },
    }
}

/// Reads an item; no item is an empty state.
fn state(item: Option<&HashMap<String, AttributeValue>>) -> Result<CounterState, String> {
    let Some(value) = item.and_then(|item| item.get(TAT)) else {
        return Ok(CounterState::default());
    };
    let tat = value.as_n().ok().and_then(|number| number.parse().ok());
    match tat {
        Some(tat) => Ok(CounterState { tat: Some(tat) }),
        None => Err(format!("the item's `{TAT}` is not a whole number of microseconds")),
    }
}

#[cfg(test)]
mod tests;
