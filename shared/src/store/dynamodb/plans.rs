//! Administration of plans: for `tollgate plans`, and for whatever else may change the config table.
//!
//! No operation scans: all plans have one owner, and are found by the index that finds an owner's keys. Every write is one
//! item and is safe to repeat.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::ReturnValue;

use super::admin_error::AdminError;
use super::admin_table::{AdminTable, Page};
use super::item::{number, text};
use super::key_terms::check_label;
use super::plan_item::{self, OWNER, PREFIX, pk};
use super::table::key;
use crate::clock::Timestamp;
use crate::limit::{PlanDocument, PlanRecord};

/// The plans of one config table. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Plans(AdminTable);

impl Plans {
    /// In this table. Calls are repeated as the client's settings for retries say, but not by the client.
    pub fn new(client: Client, table: &str) -> Self {
        Self(AdminTable::new(&client, table))
    }

    /// Makes a plan, or changes what the one of this name lets through: `limits` is a section of a config's `plans`, as
    /// JSON. Gateways hear of a change when what they remember is too old: within 30 seconds.
    pub async fn set(&self, name: &str, limits: &str, now: Timestamp) -> Result<PlanRecord, AdminError> {
        check_label("plan's name", name).map_err(AdminError::Invalid)?;
        let limits = PlanDocument::parse(name, "limits", limits).map_err(AdminError::Invalid)?;
        let request = self.0.client.update_item().table_name(&*self.0.name);
        let request = request
            .set_key(Some(key(&pk(name))))
            .update_expression(
                "SET limits = :limits, #owner = :owner, updated_at = :now, created_at = if_not_exists(created_at, :now)",
            )
            .expression_attribute_names("#owner", "owner") // a reserved word
            .expression_attribute_values(":limits", text(limits.text()))
            .expression_attribute_values(":owner", text(OWNER))
            .expression_attribute_values(":now", number(now.secs()))
            .return_values(ReturnValue::AllNew);
        let called = self.0.call(|| request.clone().send()).await;
        let answer = self.0.answer(called)?;
        let item = self.0.item(pk(name), answer.attributes.unwrap_or_default());
        Ok(plan_item::read(&item)?)
    }

    /// A plan as it stands now.
    pub async fn get(&self, name: &str) -> Result<Option<PlanRecord>, AdminError> {
        let item = self.0.get(pk(name)).await?;
        Ok(item.as_ref().map(plan_item::read).transpose()?)
    }

    /// All plans, a page at a time: `most` (1 to [`LARGEST_PAGE`](super::LARGEST_PAGE)) of them after the last page's `next`.
    /// The index follows the table: what was changed a moment ago may not show yet.
    pub async fn list(&self, after: Option<&str>, most: u8) -> Result<Page<PlanRecord>, AdminError> {
        self.0.of_owner(OWNER, PREFIX, after, most, plan_item::read).await
    }

    /// Takes a plan away. Whoever still has it is refused then, within 30 seconds. `false`: there was none.
    pub async fn delete(&self, name: &str) -> Result<bool, AdminError> {
        let request = self.0.client.delete_item().table_name(&*self.0.name);
        let request = request.set_key(Some(key(&pk(name)))).return_values(ReturnValue::AllOld);
        let called = self.0.call(|| request.clone().send()).await;
        // After an attempt without an answer, that one took it away, as far as anybody knows.
        let unclear = called.unclear.is_some();
        let before = self.0.answer(called)?;
        Ok(before.attributes.is_some() || unclear)
    }
}
