//! A charge as one conditional `UpdateItem`, and what its answer says.

use std::collections::HashMap;
use std::fmt::Write as _;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::failure;
use super::item::{Attributes, number, text};
use super::table::Table;
use crate::limit::{BucketName, Window};
use crate::store::{
    BucketCharge, BucketStep, Charge, ChargeOutcome, CounterKey, CounterState, Leftovers, Refund, StoreError,
};

/// A charge in DynamoDB's words. Buckets and windows stand in it by their own names, which are plain words and not
/// reserved.
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
        if let Some(charged) = charge.bucket {
            expression.bucket(charged);
        }
        expression.windows(charge);
        expression.remove(&charge.over);
        expression
    }

    /// A refund in DynamoDB's words: what is not there, or less than was taken, is left alone.
    pub(super) fn back(refund: &Refund) -> Self {
        let mut expression = Self {
            update: String::new(),
            condition: String::from("attribute_exists(pk)"),
            values: HashMap::new(),
        };
        if let Some((bucket, taken)) = refund.bucket {
            // Writing to a `String` cannot fail, here and below.
            let _ = write!(expression.update, "SET {bucket} = {bucket} - :taken");
            let _ = write!(expression.condition, " AND {bucket} >= :taken");
            expression.values.extend([value(":taken", taken)]);
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

    /// The call that makes this change, and shows what it came to.
    pub(super) fn on(self, table: &Table, item: &CounterKey) -> UpdateItemFluentBuilder {
        let request = table.client.update_item().table_name(&*table.name);
        request
            .set_key(Some(key(item)))
            .update_expression(self.update)
            .set_condition_expression(Some(self.condition).filter(|condition| !condition.is_empty()))
            .set_expression_attribute_values(Some(self.values))
            .return_values(ReturnValue::AllNew)
    }

    fn bucket(&mut self, BucketCharge { bucket, step }: BucketCharge) {
        match step {
            BucketStep::Busy { now, cost, max } => {
                let _ = write!(self.update, ", {bucket} = {bucket} + :cost");
                self.hold(&format!("{bucket} > :now AND {bucket} <= :max"));
                self.values
                    .extend([value(":now", now), value(":cost", cost), value(":max", max)]);
            }
            BucketStep::Idle { now, cost } => {
                let _ = write!(self.update, ", {bucket} = :next");
                self.hold(&format!("(attribute_not_exists({bucket}) OR {bucket} <= :now)"));
                self.values
                    .extend([value(":now", now), value(":next", now.saturating_add(cost))]);
            }
        }
    }

    /// One condition more.
    fn hold(&mut self, condition: &str) {
        let and = if self.condition.is_empty() { "" } else { " AND " };
        let _ = write!(self.condition, "{and}{condition}");
    }

    fn windows(&mut self, charge: &Charge) {
        for (place, charged) in charge.windows.iter().enumerate() {
            let window = charged.window;
            let separator = if place == 0 { " ADD " } else { ", " };
            let _ = write!(self.update, "{separator}{window} :n");
            self.hold(&format!("(attribute_not_exists({window}) OR {window} <= :room{place})"));
            self.values.extend([value(&format!(":room{place}"), charged.room)]);
        }
        if !charge.windows.is_empty() {
            self.values.extend([value(":n", charge.cost)]);
        }
    }

    /// A bucket only where it is still full: others may have used it since it was seen.
    fn remove(&mut self, over: &Leftovers) {
        let mut separator = " REMOVE ";
        for window in &over.windows {
            let _ = write!(self.update, "{separator}{window}");
            separator = ", ";
        }
        for bucket in &over.buckets {
            let _ = write!(self.update, "{separator}{bucket}");
            separator = ", ";
            self.hold(&format!("(attribute_not_exists({bucket}) OR {bucket} <= :full)"));
        }
        if !over.buckets.is_empty() {
            self.values.extend([value(":full", over.full_by)]);
        }
    }
}

/// The primary key of a counter.
pub(super) fn key(CounterKey { pk, sk }: &CounterKey) -> Attributes {
    Attributes::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
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
    let bucket = charge.bucket.map(|charged| charged.bucket);
    if let Some(missing) = bucket.filter(|bucket| state.tat(*bucket).is_none()) {
        Err(format!("an answer without `{missing}`"))
    } else if let Some(missing) = windows.find(|window| !counted(window)) {
        Err(format!("an answer without `{missing}`"))
    } else {
        Ok(state)
    }
}

/// Reads an item; no item is an empty state. Attributes by other names mean nothing here.
pub(super) fn state(item: Option<&HashMap<String, AttributeValue>>) -> Result<CounterState, String> {
    let mut state = CounterState::default();
    for (name, value) in item.into_iter().flatten() {
        let number = || {
            let number = value.as_n().ok().and_then(|number| number.parse().ok());
            number.ok_or_else(|| format!("the item's `{name}` is not a whole number of 64 bits"))
        };
        if let Some(window) = Window::parse(name) {
            state.windows.push((window, number()?));
        } else if let Some(bucket) = BucketName::parse(name) {
            state.buckets.push((bucket, number()?));
        }
    }
    Ok(state)
}
