//! What a request says of a key that is to change.

use serde::{Deserialize, Deserializer};
use tollgate::clock::Timestamp;
use tollgate::store::dynamodb::{ApiKeyChange, Patch};
use utoipa::ToSchema;

use super::shapes::{Label, Scope, end, texts, whole_number};
use crate::error::ApiError;
use crate::input::member;
use crate::limits::Limits;

/// What is to change about a key: a member that is left out stays as it is, and null takes away what there was.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1)]
pub(super) struct KeyChange {
    /// The usage plan. The end that an earlier plan had goes with that plan. Limits of the key's own stay, in its place.
    #[serde(default, deserialize_with = "member")]
    #[schema(value_type = Option<Label>)]
    plan: Patch<Label>,
    /// For how many seconds from now it has the plan: the one that it has, or the one that is set here. Null: for good.
    #[serde(default, deserialize_with = "seconds")]
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 3_155_760_000_u64)]
    plan_expires_in: Patch<u64>,
    /// Limits of its own, in the place of a plan's: all of them.
    #[serde(default, deserialize_with = "member")]
    #[schema(value_type = Option<Limits>)]
    limits: Patch<Limits>,
    /// What it may do: all of it.
    #[serde(default, deserialize_with = "member")]
    #[schema(value_type = Option<Vec<Scope>>, max_items = 64)]
    scopes: Patch<Vec<Scope>>,
    /// For how many seconds from now it holds; one that has expired is good again. Null: until it is revoked.
    #[serde(default, deserialize_with = "seconds")]
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 3_155_760_000_u64)]
    expires_in: Patch<u64>,
    /// What to call it.
    #[serde(default, deserialize_with = "member")]
    #[schema(value_type = Option<Label>)]
    name: Patch<Label>,
}

impl KeyChange {
    /// The same for the store, which looks at the rest.
    pub(super) fn at(self, now: Timestamp) -> Result<ApiKeyChange, ApiError> {
        Ok(ApiKeyChange {
            plan: self.plan.map(|plan| plan.0),
            plan_expires_at: self
                .plan_expires_in
                .try_map(|seconds| end("plan_expires_in", seconds, now))?,
            limits: self.limits.try_map(|limits| limits.document("limits"))?,
            scopes: self.scopes.try_map(texts)?,
            expires_at: self.expires_in.try_map(|seconds| end("expires_in", seconds, now))?,
            name: self.name.map(|name| name.0),
        })
    }
}

fn seconds<'de, D: Deserializer<'de>>(given: D) -> Result<Patch<u64>, D::Error> {
    whole_number(given).map(|given| given.map_or(Patch::Remove, Patch::Set))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn read(text: &str) -> ApiKeyChange {
        serde_json::from_str::<KeyChange>(text).unwrap().at(NOW).unwrap()
    }

    #[test]
    fn what_is_left_out_stays() {
        assert_eq!(read("{}"), ApiKeyChange::default());
    }

    #[test]
    fn null_takes_away() {
        let all = r#"{"plan":null,"plan_expires_in":null,"limits":null,"scopes":null,"expires_in":null,"name":null}"#;
        let expected = ApiKeyChange {
            plan: Patch::Remove,
            plan_expires_at: Patch::Remove,
            limits: Patch::Remove,
            scopes: Patch::Remove,
            expires_at: Patch::Remove,
            name: Patch::Remove,
        };
        assert_eq!(read(all), expected);
    }

    #[test]
    fn values_are_set() {
        let all = r#"{"plan":"gold","plan_expires_in":60,"limits":{"quota":{"requests":5,"per":"day"}},"scopes":["a"],
            "expires_in":6e1,"name":"nightly job"}"#;
        let change = read(all);
        let Patch::Set(limits) = &change.limits else {
            panic!("{change:?}");
        };
        assert_eq!(limits.text(), r#"{"quota":{"requests":5,"per":"day"}}"#);
        let expected = ApiKeyChange {
            plan: Patch::Set("gold".into()),
            plan_expires_at: Patch::Set(Timestamp::from_secs(1_800_000_060)),
            limits: change.limits.clone(),
            scopes: Patch::Set(vec!["a".into()]),
            expires_at: Patch::Set(Timestamp::from_secs(1_800_000_060)),
            name: Patch::Set("nightly job".into()),
        };
        assert_eq!(change, expected);
    }
}
