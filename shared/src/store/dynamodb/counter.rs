//! A step on a counter as one conditional `UpdateItem`, and what its answer says.

use std::collections::HashMap;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::AttributeValue;

use super::failure;
use crate::store::{CounterState, Step, StepOutcome, StoreError};

/// The bucket's theoretical arrival time: microseconds since the epoch, N.
pub(super) const TAT: &str = "tat";

/// A step in DynamoDB's words.
pub(super) struct Expression {
    pub(super) update: &'static str,
    pub(super) condition: &'static str,
    numbers: [Option<(&'static str, u64)>; 3],
}

impl Expression {
    pub(super) fn of(step: Step) -> Self {
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

    pub(super) fn values(&self, expires_at: u64) -> HashMap<String, AttributeValue> {
        let numbers = self.numbers.iter().flatten().copied().chain([(":ttl", expires_at)]);
        numbers
            .map(|(name, number)| (name.to_owned(), AttributeValue::N(number.to_string())))
            .collect()
    }
}

/// Reads an answer.
pub(super) fn outcome(
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
            _ => Err(failure::classify_step(table, &error)),
        },
    }
}

/// Reads an item; no item is an empty state.
pub(super) fn state(item: Option<&HashMap<String, AttributeValue>>) -> Result<CounterState, String> {
    let Some(value) = item.and_then(|item| item.get(TAT)) else {
        return Ok(CounterState::default());
    };
    let tat = value.as_n().ok().and_then(|number| number.parse().ok());
    match tat {
        Some(tat) => Ok(CounterState { tat: Some(tat) }),
        None => Err(format!("the item's `{TAT}` is not a whole number of microseconds")),
    }
}
