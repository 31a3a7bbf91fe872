//! Which plan holds for a caller, and what it lets through.
//!
//! An API key names its plan, or has limits of its own; for everybody else a claim does, or the default. What a name stands
//! for is in the config, or else in the config table, where it is read at most once in [`FOUND_FOR`](crate::recent::FOUND_FOR).
//! While the table does not answer, a plan that was read is what it was, and is looked for once a second.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::{Patience, RuleSet};
use crate::auth::{ClaimPath, Identity, claim_text};
use crate::clock::{Clock, Timestamp};
use crate::config::{self, Pointer};
use crate::error::GatewayError;
use crate::look_up::LookUps;
use crate::recent::{OVERHEAD, Recent};
use crate::store::{Store, StoreError};

#[cfg(test)]
mod tests;

/// `plans`, and what names one.
#[derive(Clone, Debug, Default)]
pub struct PlanRules {
    /// Those of the config; the config table has others.
    pub named: BTreeMap<String, Arc<RuleSet>>,
    /// The claim that names a caller's plan.
    pub claim: Option<ClaimPath>,
    /// For callers who have none.
    pub default: Option<Arc<RuleSet>>,
}

/// What a plan lets through, as it was written and as it is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanDocument {
    text: Arc<str>,
    rules: Arc<RuleSet>,
}

impl PlanDocument {
    /// Reads a section of `plans`, as JSON without placeholders. `item` is where it is kept, such as `PLAN#free`: the log
    /// names it in the place of a pointer into the config.
    ///
    /// # Errors
    /// Every mistake at once, ready to be shown.
    pub fn parse(name: &str, item: &str, text: &str) -> Result<Self, String> {
        // The config's reader takes everything else for YAML, and the admin API shows what is kept as JSON.
        if !text.trim_start().starts_with('{') {
            return Err(format!("{item}: this is no JSON object"));
        }
        let rules = config::plan(name, item, text).map_err(|mistakes| mistakes.to_string())?;
        Ok(Self {
            text: text.into(),
            rules: Arc::new(rules),
        })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As it is counted.
    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }
}

/// A plan in the config table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanRecord {
    /// By this credentials know it.
    pub name: String,
    /// What it lets through.
    pub limits: PlanDocument,
    /// When it was made (whole seconds).
    pub created_at: Timestamp,
    /// When it was changed last (whole seconds).
    pub updated_at: Timestamp,
}

/// Why a caller's plan lets nothing through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanTrouble {
    /// There is no plan of this name.
    Unknown,
    /// The time for which the key has it is over.
    Expired,
    /// One request of the route costs more than it ever has.
    TooSmall,
}

/// Finds callers' plans. What it read outlives requests.
#[derive(Debug)]
pub(crate) struct Plans {
    rules: Option<PlanRules>,
    recent: Recent<String, Arc<RuleSet>>,
    look_ups: LookUps,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl Plans {
    /// Reads nothing yet. `look_ups` are those of the config table.
    pub(crate) fn new(
        rules: Option<PlanRules>,
        look_ups: LookUps,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            rules,
            recent: Recent::default(),
            look_ups,
            store,
            clock,
        }
    }

    /// The plan of this caller, which takes a request of this cost; `None`: there is none. To read it may take what is
    /// left of the request's patience.
    ///
    /// # Errors
    /// `PlanRefused`; `LimitStoreUnavailable` where it cannot be read and never was.
    pub(crate) async fn of(
        &self,
        identity: &Identity,
        cost: u32,
        patience: &mut Patience,
    ) -> Result<Option<Arc<RuleSet>>, GatewayError> {
        let Some(rules) = &self.rules else {
            return Ok(None);
        };
        let plan = match self.named_by_key(identity)? {
            Some(plan) => Some(plan),
            None => self.named_by_claim(rules, identity),
        };
        let plan = match plan {
            Some(Plan::Own(own)) => own,
            Some(Plan::Named(name)) => self.find(rules, name, patience).await?,
            None => match &rules.default {
                Some(default) => Arc::clone(default),
                None => return Ok(None),
            },
        };
        if !plan.takes(cost) {
            let why = format!(
                "a request of cost {cost} is more than {} ever lets through",
                plan.pointer.as_str()
            );
            return Err(refused(PlanTrouble::TooSmall, why));
        }
        Ok(Some(plan))
    }

    fn named_by_key(&self, identity: &Identity) -> Result<Option<Plan>, GatewayError> {
        let Some(key) = identity.api_key() else {
            return Ok(None);
        };
        if key.plan_expires_at.is_some_and(|end| self.clock.now() >= end) {
            return Err(refused(PlanTrouble::Expired, format!("of API key {}", key.id)));
        }
        let own = key.limits.as_ref().map(|limits| Plan::Own(Arc::clone(limits.rules())));
        Ok(own.or_else(|| key.plan.clone().map(Plan::Named)))
    }

    fn named_by_claim(&self, rules: &PlanRules, identity: &Identity) -> Option<Plan> {
        let claim = identity.claim(rules.claim.as_ref()?)?;
        claim_text(claim).map(Plan::Named)
    }

    async fn find(
        &self,
        rules: &PlanRules,
        name: String,
        patience: &mut Patience,
    ) -> Result<Arc<RuleSet>, GatewayError> {
        if let Some(plan) = rules.named.get(&name) {
            return Ok(Arc::clone(plan));
        }
        let (now, weight) = (self.clock.now(), OVERHEAD + name.len());
        let mut known = None;
        if let Some(last) = self.recent.last(&name) {
            match &last.record {
                Some(plan) if last.may_admit(now) || last.is_put_off() => return Ok(Arc::clone(plan)),
                None if last.may_refuse(now) => return Err(unknown(&name)),
                Some(plan) => {
                    known = Some(Arc::clone(plan));
                    self.recent.put_off(name.clone(), last, weight);
                }
                None => {}
            }
        }
        let plan = match self.read(&name, patience).await {
            Ok(plan) => plan.map(|plan| Arc::clone(plan.limits.rules())),
            // Nobody keeps plans anywhere but in the config.
            Err(StoreError::NoTable(_)) => None,
            Err(error) => {
                let plan = known.ok_or_else(|| GatewayError::LimitStoreUnavailable { why: error.to_string() })?;
                // What it was is a better guess than that nobody may call.
                tracing::warn!(%error, plan = name, "a plan is used as it was, because it cannot be read again");
                return Ok(plan);
            }
        };
        self.recent.note(name.clone(), plan.clone(), now, weight);
        plan.ok_or_else(|| unknown(&name))
    }

    async fn read(&self, name: &str, patience: &mut Patience) -> Result<Option<PlanRecord>, StoreError> {
        let started = Instant::now();
        let plan = self.look_ups.make(patience.0, self.store.plan(name)).await;
        patience.0 = patience.0.saturating_sub(started.elapsed());
        plan
    }
}

/// What a credential says of its plan.
enum Plan {
    Named(String),
    /// Limits of the key's own.
    Own(Arc<RuleSet>),
}

fn unknown(name: &str) -> GatewayError {
    refused(
        PlanTrouble::Unknown,
        format!("{name:?} is neither in the config nor in the config table"),
    )
}

fn refused(trouble: PlanTrouble, why: String) -> GatewayError {
    GatewayError::PlanRefused {
        trouble,
        why,
        at: Pointer::new("/plans"),
    }
}

impl PlanTrouble {
    /// The stable code of the error.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "plan_unknown",
            Self::Expired => "plan_expired",
            Self::TooSmall => "plan_too_small",
        }
    }

    /// For whoever called.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Unknown => "The plan of this credential is not known here.",
            Self::Expired => "The plan of this credential has ended.",
            Self::TooSmall => "The plan of this credential has no room for a request like this.",
        }
    }
}
