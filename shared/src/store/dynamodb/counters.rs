//! What was counted of somebody, for administrators: looked at, and taken back to nothing. The gateway has no part in it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;

use super::admin_error::AdminError;
use super::admin_table::AdminTable;
use super::counter;
use super::item::{Attributes, text};
use crate::clock::Timestamp;
use crate::limit::{Counter, KeyValues, Partition};

/// What was counted of somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// What could be read.
    pub counters: Vec<Counter>,
    /// Which items could not be: the others are shown nonetheless.
    pub unreadable: Vec<CounterName>,
}

/// Which of somebody's counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterName {
    /// What is counted by, as [`Counter`] has it.
    pub by: String,
    /// Which rule set: the same.
    pub rule: String,
}

/// The counters of one quota table. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Counters(AdminTable);

impl Counters {
    /// In this table. Calls are repeated as the client's settings for retries say, but not by the client.
    pub fn new(client: Client, table: &str) -> Self {
        Self(AdminTable::new(&client, table))
    }

    /// All that was counted of whoever has these values, by their key itself and by plans. What environments hold of
    /// leases counts as used.
    pub async fn of(&self, values: &KeyValues, now: Timestamp) -> Result<Counted, AdminError> {
        let mut counted = Counted::default();
        for Partition { by, pk } in values.partitions() {
            for item in self.items(self.query(&pk).consistent_read(true)).await? {
                match counter::state(Some(&item)) {
                    Ok(state) => counted.counters.push(Counter::of(&by, sort_key(&item), &state, now)),
                    Err(_) => counted.unreadable.push(CounterName {
                        by: by.clone(),
                        rule: Counter::rule_of(sort_key(&item)).to_owned(),
                    }),
                }
            }
        }
        Ok(counted)
    }

    /// Takes all of it back to nothing, whether it can be read or not, and returns how many items there were. Gateways may
    /// refuse by what they remember for 30 seconds more, and what is counted meanwhile is counted anew.
    pub async fn reset(&self, values: &KeyValues) -> Result<usize, AdminError> {
        let mut count = 0;
        match self.delete_all(values, &mut count).await {
            Ok(()) => Ok(count),
            // Whatever the last call says of itself, something was changed.
            Err(error) if count > 0 => {
                let why = format!("{count} counters are taken back to nothing, but not all: {error}");
                Err(self.0.unclear(&why).into())
            }
            Err(error) => Err(error),
        }
    }

    async fn delete_all(&self, values: &KeyValues, count: &mut usize) -> Result<(), AdminError> {
        for Partition { pk, .. } in values.partitions() {
            let keys = self.query(&pk).consistent_read(true).projection_expression("pk, sk");
            for key in self.items(keys).await? {
                let request = self.0.client.delete_item().table_name(&*self.0.name);
                let request = request.set_key(Some(key));
                let called = self.0.call(|| request.clone().send()).await;
                self.0.answer(called)?;
                *count += 1;
            }
        }
        Ok(())
    }

    fn query(&self, pk: &str) -> QueryFluentBuilder {
        let request = self.0.client.query().table_name(&*self.0.name);
        request
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":prefix", text(Counter::SORT_KEY_PREFIX))
    }

    /// All pages of it: one item for each rule set of a config, a few hundred at the very most.
    async fn items(&self, query: QueryFluentBuilder) -> Result<Vec<Attributes>, AdminError> {
        let (mut items, mut after) = (Vec::new(), None);
        loop {
            let page = query.clone().set_exclusive_start_key(after);
            let called = self.0.call(|| page.clone().send()).await;
            let answer = self.0.answer(called)?;
            items.extend(answer.items.unwrap_or_default());
            after = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if after.is_none() {
                return Ok(items);
            }
        }
    }
}

/// A query by sort key finds no item without one.
fn sort_key(item: &Attributes) -> &str {
    let text = item.get("sk").and_then(|value| value.as_s().ok());
    text.map_or("", String::as_str)
}
