//! A plan as an item of the config table. `limits` is a section of the config's `plans`, as JSON. `docs/limits.md` has
//! the layout.

use super::item::Item;
use crate::limit::PlanRecord;
use crate::store::StoreError;

/// What a partition key begins with.
pub(super) const PREFIX: &str = "PLAN#";

/// Whom all plans belong to, so that an index finds them. An owner of API keys may be called so, too: their partition keys
/// begin otherwise.
pub(super) const OWNER: &str = "plans";

/// The partition key of the plan of this name.
pub(super) fn pk(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// Reads an item.
pub(super) fn read(item: &Item) -> Result<PlanRecord, StoreError> {
    let name = item.pk().strip_prefix(PREFIX);
    let name = name.ok_or_else(|| item.malformed("pk", "is not that of a plan"))?;
    let limits = item.limits("limits", name)?;
    Ok(PlanRecord {
        limits: limits.ok_or_else(|| item.malformed("limits", "is missing"))?,
        created_at: item.needed("created_at", Item::seconds)?,
        updated_at: item.needed("updated_at", Item::seconds)?,
        name: name.to_owned(),
    })
}
