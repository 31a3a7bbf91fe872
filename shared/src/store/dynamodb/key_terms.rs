//! What a key is given when it is made, and what may be given to it later; how people call things.

use super::admin_error::AdminError;
use crate::api_key::{ApiKey, ApiKeyRecord, KeyStatus};
use crate::auth::registered::is_scope;
use crate::clock::Timestamp;
use crate::limit::PlanDocument;

/// The longest owner, plan, scope and name, in characters, as a JSON Schema counts them. Of a plan's name an index takes
/// 1,024 bytes with what stands before it; owners end up in headers.
const LONGEST: usize = 250;

/// What a new key is to be.
#[derive(Clone, Debug, Default)]
pub struct NewApiKey {
    /// Whom it is given to: 1 to 250 characters without control characters.
    pub owner: String,
    /// The usage plan: the same.
    pub plan: Option<String>,
    /// From then on the plan is over, and whoever shows the key is refused where plans count (whole seconds); `None`: for good.
    pub plan_expires_at: Option<Timestamp>,
    /// Limits of its own, in place of the plan's.
    pub limits: Option<PlanDocument>,
    /// What it may do: each a `scope-token` of RFC 6749 section 3.3.
    pub scopes: Vec<String>,
    /// From then on it is refused (whole seconds); `None`: never.
    pub expires_at: Option<Timestamp>,
    /// What people call it: as the owner.
    pub name: Option<String>,
}

impl NewApiKey {
    /// The record of a key that is made now. The error is ready to be shown.
    pub fn record(self, key: &ApiKey, now: Timestamp) -> Result<ApiKeyRecord, AdminError> {
        self.check(now).map_err(AdminError::Invalid)?;
        Ok(ApiKeyRecord {
            id: key.id().to_owned(),
            hash: key.hash(),
            previous: None,
            status: KeyStatus::Active,
            owner: self.owner,
            plan: self.plan,
            plan_expires_at: self.plan_expires_at.map(Timestamp::whole_seconds),
            limits: self.limits,
            scopes: each_once(self.scopes),
            expires_at: self.expires_at.map(Timestamp::whole_seconds),
            created_at: now.whole_seconds(),
            name: self.name,
        })
    }

    fn check(&self, now: Timestamp) -> Result<(), String> {
        check_label("owner", &self.owner)?;
        if self.plan.is_none() && self.plan_expires_at.is_some() {
            return Err("an end of the plan needs a plan".to_owned());
        }
        let terms = Terms {
            plan: self.plan.as_ref(),
            plan_expires_at: self.plan_expires_at,
            scopes: &self.scopes,
            expires_at: self.expires_at,
            name: self.name.as_ref(),
        };
        terms.check(now)
    }
}

/// What is given to a new key, and to one that is changed.
pub(super) struct Terms<'a> {
    pub(super) plan: Option<&'a String>,
    pub(super) plan_expires_at: Option<Timestamp>,
    pub(super) scopes: &'a [String],
    pub(super) expires_at: Option<Timestamp>,
    pub(super) name: Option<&'a String>,
}

impl Terms<'_> {
    /// The error is ready to be shown.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), String> {
        for (what, text) in [("plan", self.plan), ("name", self.name)] {
            text.map_or(Ok(()), |text| check_label(what, text))?;
        }
        if let Some(scope) = self
            .scopes
            .iter()
            .find(|scope| !(is_scope(scope) && scope.len() <= LONGEST))
        {
            return Err(format!(
                "{scope:?} is no scope: 1 to {LONGEST} visible ASCII characters but \" and \\"
            ));
        }
        if self.expires_at.is_some_and(|end| end <= now) {
            return Err("the key would have expired already".to_owned());
        }
        if self.plan_expires_at.is_some_and(|end| end <= now) {
            return Err("the plan would have ended already".to_owned());
        }
        Ok(())
    }
}

/// Sorted, as listings show them.
pub(super) fn each_once(mut scopes: Vec<String>) -> Vec<String> {
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

/// What people call something. The error is ready to be shown.
pub fn check_label(what: &str, text: &str) -> Result<(), String> {
    match (1..=LONGEST).contains(&text.chars().count()) && !text.contains(char::is_control) {
        true => Ok(()),
        false => Err(format!(
            "the {what} must have 1 to {LONGEST} characters and no control characters"
        )),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn new() -> NewApiKey {
        NewApiKey {
            owner: "ann".into(),
            ..NewApiKey::default()
        }
    }

    fn why(new: NewApiKey) -> String {
        let key = ApiKey::generate().unwrap();
        new.record(&key, NOW).unwrap_err().to_string()
    }

    #[test]
    fn a_new_key_is_active_and_keeps_each_scope_once() {
        let key = ApiKey::generate().unwrap();
        let new = NewApiKey {
            scopes: ["b", "a", "b"].map(String::from).to_vec(),
            expires_at: Some(NOW.plus(std::time::Duration::from_secs(1))),
            ..new()
        };
        let record = new.record(&key, NOW).unwrap();
        assert_eq!(record.scopes, ["a", "b"]);
        assert_eq!(record.status, KeyStatus::Active);
        assert_eq!((record.created_at, &*record.id), (NOW, key.id()));
        assert_eq!(key.verify(Some(&record), NOW), Ok(&record));
    }

    #[test]
    fn what_cannot_be_is_said() {
        let owner = |owner: &str| NewApiKey {
            owner: owner.into(),
            ..new()
        };
        assert_snapshot!(why(owner("")), @"the owner must have 1 to 250 characters and no control characters");
        assert!(owner(&"\u{1f511}".repeat(250)).check(NOW).is_ok());
        for wrong in ["a\nb", "\0", "\u{85}", &"x".repeat(251), &"\u{1f511}".repeat(251)] {
            assert!(why(owner(wrong)).starts_with("the owner must"), "{wrong}");
        }
        let plan = NewApiKey {
            plan: Some(String::new()),
            ..new()
        };
        assert_snapshot!(why(plan), @"the plan must have 1 to 250 characters and no control characters");
        let name = NewApiKey {
            name: Some("\u{1b}[2J".into()),
            ..new()
        };
        assert_snapshot!(why(name), @"the name must have 1 to 250 characters and no control characters");
        for scope in ["", "a b", "a\"b", "a\\b", "\u{e4}", "a\n", &"x".repeat(251)] {
            let scopes = NewApiKey {
                scopes: vec!["ok".into(), scope.into()],
                ..new()
            };
            assert!(why(scopes).contains("is no scope"), "{scope}");
        }
        let over = NewApiKey {
            expires_at: Some(NOW),
            ..new()
        };
        assert_snapshot!(why(over), @"the key would have expired already");
        let endless = NewApiKey {
            plan_expires_at: Some(NOW.plus(std::time::Duration::from_secs(1))),
            ..new()
        };
        assert_snapshot!(why(endless), @"an end of the plan needs a plan");
    }
}
