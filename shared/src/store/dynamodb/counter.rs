//! A charge as one conditional `UpdateItem`, and what its answer says.

use std::collections::HashMap;
use std::fmt::Write as _;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::AttributeValue;

use super::failure;
use super::item::number;
use crate::limit::Window;
use crate::store::{BucketStep, Charge, ChargeOutcome, CounterState, Refund, StoreError};

/// The bucket's theoretical arrival time: microseconds since the epoch, N.
pub(super) const TAT: &str = "tat";

/// A charge in DynamoDB's words. Windows stand in it by their own names, which are plain words and not reserved.
#[derive(Debug)]
pub(super) struct Expression {
    pub(super) update: String,
    /// Empty: there is nothing to hold.
    pub(super) condition: String,
    pub(super) values: HashMap<String, AttributeValue>,
}

impl Expression {
    pub(super) fn of(charge: &Charge) -> Self {
        let mut expression = Self {
            update: String::from("SET #ttl = :ttl"),
            condition: String::new(),
            values: HashMap::from([value(":ttl", charge.expires_at)]),
        };
        if let Some(step) = charge.bucket {
            expression.bucket(step);
        }
        expression.windows(charge);
        for (place, window) in charge.over.iter().enumerate() {
            let separator = if place == 0 { " REMOVE " } else { ", " };
            // Writing to a `String` cannot fail, here and below.
            let _ = write!(expression.update, "{separator}{window}");
        }
        expression
    }

    /// A refund in DynamoDB's words: what is not there, or less than was taken, is left alone.
    pub(super) fn back(refund: &Refund) -> Self {
        let mut expression = Self {
            update: String::new(),
            condition: String::from("attribute_exists(pk)"),
            values: HashMap::new(),
        };
        if let Some(tat) = refund.tat {
            expression.update.push_str("SET tat = tat - :tat");
            expression.condition.push_str(" AND tat >= :tat");
            expression.values.extend([value(":tat", tat)]);
        }
        for (place, window) in refund.windows.iter().enumerate() {
            let separator = if place == 0 { " ADD " } else { ", " };
            let _ = write!(expression.update, "{separator}{window} :back");
            let _ = write!(expression.condition, " AND {window} >= :cost");
        }
        if !refund.windows.is_empty() {
            let back = AttributeValue::N(format!("-{}", refund.cost));
            expression
                .values
                .extend([(":back".to_owned(), back), value(":cost", refund.cost)]);
        }
        expression
    }

    fn bucket(&mut self, step: BucketStep) {
        let (update, condition, values) = match step {
            BucketStep::Busy { now, cost, max } => (
                ", tat = tat + :cost",
                "tat > :now AND tat <= :max",
                vec![value(":now", now), value(":cost", cost), value(":max", max)],
            ),
            BucketStep::Foreign { now, cost, above } => (
                ", tat = :next",
                "tat > :above",
                vec![value(":above", above), value(":next", now.saturating_add(cost))],
            ),
            BucketStep::Idle { now, cost } => (
                ", tat = :next",
                "(attribute_not_exists(tat) OR tat <= :now)",
                vec![value(":now", now), value(":next", now.saturating_add(cost))],
            ),
        };
        self.update.push_str(update);
        self.condition.push_str(condition);
        self.values.extend(values);
    }

    fn windows(&mut self, charge: &Charge) {
        for (place, charged) in charge.windows.iter().enumerate() {
            let window = charged.window;
            let separator = if place == 0 { " ADD " } else { ", " };
            let _ = write!(self.update, "{separator}{window} :n");
            let and = if self.condition.is_empty() { "" } else { " AND " };
            let _ = write!(
                self.condition,
                "{and}(attribute_not_exists({window}) OR {window} <= :room{place})"
            );
            self.values.extend([value(&format!(":room{place}"), charged.room)]);
        }
        if !charge.windows.is_empty() {
            self.values.extend([value(":n", charge.cost)]);
        }
    }
}

fn value(name: &str, value: u64) -> (String, AttributeValue) {
    (name.to_owned(), number(value))
}

/// Reads an answer.
pub(super) fn outcome(
    table: &str,
    charge: &Charge,
    result: Result<UpdateItemOutput, SdkError<UpdateItemError, HttpResponse>>,
) -> Result<ChargeOutcome, StoreError> {
    let within = |why: String| format!("table {table}: {why}");
    match result {
        // An engine that answers, but not as DynamoDB does: whether it wrote anything cannot be known.
        Ok(output) => match state(output.attributes()).and_then(|state| charged(charge, state)) {
            Ok(state) => Ok(ChargeOutcome::Applied(state)),
            Err(why) => Err(StoreError::Ambiguous(within(why))),
        },
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => match state(refused.item()) {
                Ok(state) => Ok(ChargeOutcome::Refused(state)),
                Err(why) => Err(StoreError::Malformed(within(why))),
            },
            _ => Err(failure::classify_charge(table, &error)),
        },
    }
}

/// Reads the answer to a refund.
pub(super) fn refunded(
    table: &str,
    result: Result<UpdateItemOutput, SdkError<UpdateItemError, HttpResponse>>,
) -> Result<Option<CounterState>, StoreError> {
    match result {
        Ok(output) => match state(output.attributes()) {
            Ok(state) => Ok(Some(state)),
            Err(why) => Err(StoreError::Ambiguous(format!("table {table}: {why}"))),
        },
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
            _ => Err(failure::classify_charge(table, &error)),
        },
    }
}

/// A state that has all that a charge leaves.
fn charged(charge: &Charge, state: CounterState) -> Result<CounterState, String> {
    let counted = |window: &Window| state.windows.iter().any(|(counted, _)| counted == window);
    let mut windows = charge.windows.iter().map(|charged| charged.window);
    if charge.bucket.is_some() && state.tat.is_none() {
        Err(format!("an answer without `{TAT}`"))
    } else if let Some(missing) = windows.find(|window| !counted(window)) {
        Err(format!("an answer without `{missing}`"))
    } else {
        Ok(state)
    }
}

/// Reads an item; no item is an empty state.
pub(super) fn state(item: Option<&HashMap<String, AttributeValue>>) -> Result<CounterState, String> {
    let mut state = CounterState::default();
    for (name, value) in item.into_iter().flatten() {
        let window = Window::parse(name);
        if window.is_none() && name != TAT {
            continue;
        }
        let count = value.as_n().ok().and_then(|number| number.parse().ok());
        let count = count.ok_or_else(|| format!("the item's `{name}` is not a whole number of 64 bits"))?;
        match window {
            Some(window) => state.windows.push((window, count)),
            None => state.tat = Some(count),
        }
    }
    Ok(state)
}
