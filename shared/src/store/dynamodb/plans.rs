//! Administration of plans: for `tollgate plans`, and for whatever else may change the config table.
//!
//! No operation scans: all plans have one owner, and are found by the index that finds an owner's keys. Every write is one
//! item and is safe to repeat.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::ReturnValue;

use super::admin::{AdminError, check_label};
use super::api_keys::OWNER_INDEX;
use super::item::{number, text};
use super::plan_item::{self, OWNER, PREFIX, pk};
use super::table::{Table, key};
use crate::clock::Timestamp;
use crate::limit::{PlanDocument, PlanRecord};

/// The plans of one config table. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Plans(Table);

/// A part of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanPage {
    /// By name.
    pub plans: Vec<PlanRecord>,
    /// The name after which the next page begins; `None`: this is the last.
    pub next: Option<String>,
}

impl Plans {
    /// Plans on a page of a listing, at most.
    pub const LARGEST_PAGE: u8 = 100;

    /// In this table. The client may retry by itself.
    pub fn new(client: Client, table: &str) -> Self {
        Self(Table::new(client, table))
    }

    /// Makes a plan, or changes what the one of this name lets through: `limits` is a section of a config's `plans`, as
    /// JSON. Gateways hear of a change when what they remember is too old: within 30 seconds.
    pub async fn set(&self, name: &str, limits: &str, now: Timestamp) -> Result<PlanRecord, AdminError> {
        check_label("plan's name", name).map_err(AdminError::Invalid)?;
        let limits = PlanDocument::parse(name, &pk(name), limits).map_err(AdminError::Invalid)?;
        let request = self.0.client.update_item().table_name(&*self.0.name);
        let answer = request
            .set_key(Some(key(&pk(name))))
            .update_expression(
                "SET limits = :limits, #owner = :owner, updated_at = :now, created_at = if_not_exists(created_at, :now)",
            )
            .expression_attribute_names("#owner", "owner") // a reserved word
            .expression_attribute_values(":limits", text(limits.text()))
            .expression_attribute_values(":owner", text(OWNER))
            .expression_attribute_values(":now", number(now.secs()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        let answer = answer.map_err(|error| self.0.failed(&error))?;
        let item = self.0.item(pk(name), answer.attributes.unwrap_or_default());
        Ok(plan_item::read(&item)?)
    }

    /// A plan as it stands now.
    pub async fn get(&self, name: &str) -> Result<Option<PlanRecord>, AdminError> {
        let item = self.0.get(pk(name)).await?;
        Ok(item.as_ref().map(plan_item::read).transpose()?)
    }

    /// All plans, a page at a time: `most` (1 to [`Self::LARGEST_PAGE`]) of them after the last page's `next`. The index follows the table: what was changed a
    /// moment ago may not show yet.
    pub async fn list(&self, after: Option<&str>, most: u8) -> Result<PlanPage, AdminError> {
        let start = after.map(|name| {
            let mut start = key(&pk(name));
            start.insert("owner".to_owned(), text(OWNER));
            start
        });
        let request = self.0.client.query().table_name(&*self.0.name).index_name(OWNER_INDEX);
        let answer = request
            .key_condition_expression("#owner = :owner AND begins_with(pk, :prefix)")
            .expression_attribute_names("#owner", "owner") // a reserved word
            .expression_attribute_values(":owner", text(OWNER))
            .expression_attribute_values(":prefix", text(PREFIX))
            .set_exclusive_start_key(start)
            .limit(most.clamp(1, Self::LARGEST_PAGE).into())
            .send()
            .await;
        let answer = answer.map_err(|error| self.0.failed(&error))?;
        let more = answer.last_evaluated_key.is_some();
        let items = answer.items.unwrap_or_default().into_iter();
        let plans: Result<Vec<_>, _> = items.map(|item| plan_item::read(&self.0.found(item))).collect();
        let plans = plans?;
        let next = plans.last().filter(|_| more).map(|last| last.name.clone());
        Ok(PlanPage { plans, next })
    }

    /// Takes a plan away. Whoever still has it is refused then, within 30 seconds. `false`: there was none.
    pub async fn delete(&self, name: &str) -> Result<bool, AdminError> {
        let request = self.0.client.delete_item().table_name(&*self.0.name);
        let answer = request
            .set_key(Some(key(&pk(name))))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        let before = answer.map_err(|error| self.0.failed(&error))?;
        Ok(before.attributes.is_some())
    }
}
