//! What a change of an API key asks for, and the one write that makes it.
//!
//! Only what is named is written, and it does not depend on what stood there: changes of different attributes at the same
//! time all hold, and writing one twice does no harm. Hash and status are never among them, so a change cannot
//! undo a rotation or a revocation.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::admin_error::AdminError;
use super::api_key_item::ACTIVE;
use super::item::{Attributes, number, text};
use super::key_terms::{Terms, each_once};
use crate::clock::Timestamp;
use crate::limit::PlanDocument;

/// What becomes of something that a key has or has not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// This takes its place.
    Set(T),
    /// It is taken away.
    Remove,
}

/// What is to change about a key; the values are those of [`NewApiKey`](super::NewApiKey). Id and owner never change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiKeyChange {
    /// The usage plan. An end that an earlier plan had goes with that plan.
    pub plan: Patch<String>,
    /// From then on the plan is over, and whoever shows the key is refused where plans count (whole seconds). An end needs a plan: one that it has, or one that is set with it.
    pub plan_expires_at: Patch<Timestamp>,
    /// Limits of its own, in place of the plan's: as a whole.
    pub limits: Patch<PlanDocument>,
    /// What it may do: all of it.
    pub scopes: Patch<Vec<String>>,
    /// From then on it is refused (whole seconds). A key that has expired is good again with a later end.
    pub expires_at: Patch<Timestamp>,
    /// What people call it.
    pub name: Patch<String>,
}

impl<T> Patch<T> {
    /// What is set.
    fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Remove => None,
        }
    }

    /// The same with another value, where one is set.
    pub fn map<U>(self, into: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Set(value) => Patch::Set(into(value)),
            Self::Remove => Patch::Remove,
        }
    }

    /// The same with another value, where one is set and can be had.
    ///
    /// # Errors
    /// Those of `into`.
    pub fn try_map<U, E>(self, into: impl FnOnce(T) -> Result<U, E>) -> Result<Patch<U>, E> {
        match self {
            Self::Keep => Ok(Patch::Keep),
            Self::Set(value) => into(value).map(Patch::Set),
            Self::Remove => Ok(Patch::Remove),
        }
    }
}

/// A change as DynamoDB takes it.
#[derive(Debug)]
pub(super) struct Update {
    pub(super) expression: String,
    pub(super) condition: &'static str,
    pub(super) names: HashMap<String, String>,
    pub(super) values: Attributes,
}

impl ApiKeyChange {
    /// The write that makes this change, on a key that has not been revoked.
    pub(super) fn update(self, now: Timestamp) -> Result<Update, AdminError> {
        self.check(now).map_err(AdminError::Invalid)?;
        let mut draft = Draft::default();
        draft.name("status");
        let condition = if self.needs_a_plan() {
            draft.name("plan");
            "#status = :active AND attribute_exists(#plan)"
        } else {
            "#status = :active"
        };
        let plan_end = self.plan_end();
        let scopes = match self.scopes {
            Patch::Set(scopes) if scopes.is_empty() => Patch::Remove, // DynamoDB knows no empty set
            scopes => scopes,
        };
        draft.patch("plan", self.plan.map(text));
        draft.patch("plan_expires_at", plan_end.map(seconds));
        draft.patch("limits", self.limits.map(|limits| text(limits.text())));
        draft.patch("scopes", scopes.map(|scopes| AttributeValue::Ss(each_once(scopes))));
        draft.patch("expires_at", self.expires_at.map(seconds));
        draft.patch("name", self.name.map(text));
        Ok(draft.on(condition))
    }

    /// Whether a plan must be there already.
    pub(super) fn needs_a_plan(&self) -> bool {
        self.plan == Patch::Keep && self.plan_expires_at.value().is_some()
    }

    fn check(&self, now: Timestamp) -> Result<(), String> {
        if *self == Self::default() {
            return Err("nothing is named that is to change".to_owned());
        }
        if self.plan == Patch::Remove && self.plan_expires_at.value().is_some() {
            return Err("a plan that is taken away has no end".to_owned());
        }
        let terms = Terms {
            plan: self.plan.value(),
            plan_expires_at: self.plan_expires_at.value().copied(),
            scopes: self.scopes.value().map_or(&[], Vec::as_slice),
            expires_at: self.expires_at.value().copied(),
            name: self.name.value(),
        };
        terms.check(now)
    }

    /// A plan's end was agreed for that plan: another one, or none, does not inherit it.
    fn plan_end(&self) -> Patch<Timestamp> {
        match (&self.plan, &self.plan_expires_at) {
            (Patch::Set(_) | Patch::Remove, Patch::Keep) => Patch::Remove,
            (_, end) => end.clone(),
        }
    }
}

fn seconds(time: Timestamp) -> AttributeValue {
    number(time.secs())
}

/// Every attribute goes by a placeholder: some of their names are reserved words. DynamoDB refuses placeholders that no
/// expression uses.
#[derive(Debug, Default)]
struct Draft {
    set: Vec<String>,
    remove: Vec<String>,
    names: HashMap<String, String>,
    values: Attributes,
}

impl Draft {
    fn patch(&mut self, name: &'static str, patch: Patch<AttributeValue>) {
        match patch {
            Patch::Keep => return,
            Patch::Set(value) => {
                self.set.push(format!("#{name} = :{name}"));
                self.values.insert(format!(":{name}"), value);
            }
            Patch::Remove => self.remove.push(format!("#{name}")),
        }
        self.name(name);
    }

    fn name(&mut self, name: &'static str) {
        self.names.insert(format!("#{name}"), name.to_owned());
    }

    fn on(mut self, condition: &'static str) -> Update {
        self.values.insert(":active".to_owned(), text(ACTIVE));
        let clauses = [("SET", self.set), ("REMOVE", self.remove)].into_iter();
        let clauses = clauses.filter(|(_, parts)| !parts.is_empty());
        let clauses: Vec<String> = clauses
            .map(|(verb, parts)| format!("{verb} {}", parts.join(", ")))
            .collect();
        Update {
            expression: clauses.join(" "),
            condition,
            names: self.names,
            values: self.values,
        }
    }
}

#[cfg(test)]
mod tests;
