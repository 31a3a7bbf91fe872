//! What a plan, or a key by itself, lets through: a section of a config's `plans`, as JSON. Its shape is that of the
//! config's own schema.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tollgate::limit::PlanDocument;
use tollgate::record::bounded;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::input::LONGEST_REASON;

/// The schema of the config, as it is committed and held current beside it.
const CONFIG_SCHEMA: &str = include_str!("../../../docs/config.schema.json");

/// Where the schema of a plan stands in it.
const PLAN: &str = "/properties/plans/additionalProperties";

/// The most mistakes that are told of one body.
const MOST_MISTAKES: usize = 20;

/// What a rate is per, and the highest: a million a second, or what fits into its type.
const RATES: [(&str, u32); 4] = [
    ("requests_per_second", 1_000_000),
    ("requests_per_minute", 60_000_000),
    ("requests_per_hour", 3_600_000_000),
    ("requests_per_day", u32::MAX),
];

/// Limits as a request has them. Their text is kept as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(value_type = Object)] // what is in it: `schema`
pub(crate) struct Limits(Box<RawValue>);

/// Limits as an answer shows them.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(value_type = Object)]
pub(crate) struct LimitsView(Value);

impl Limits {
    /// The same, understood; `name` is what `RateLimit` headers call it.
    pub(crate) fn document(&self, name: &str) -> Result<PlanDocument, ApiError> {
        PlanDocument::parse(name, "limits", self.0.get()).map_err(|why| ApiError::Invalid { why: first_of(&why) })
    }
}

impl LimitsView {
    /// Of what is kept, which was read as JSON.
    pub(crate) fn of(limits: &PlanDocument) -> Self {
        Self(serde_json::from_str(limits.text()).unwrap_or_default())
    }
}

/// So many mistakes at most, none of them endless: a body may be full of them, and they repeat what it says.
fn first_of(mistakes: &str) -> String {
    let mut lines = mistakes.lines();
    let first = lines.by_ref().take(MOST_MISTAKES);
    let mut told: Vec<String> = first.map(|line| bounded(line, LONGEST_REASON).into_owned()).collect();
    match lines.count() {
        0 => {}
        more => told.push(format!("and {more} more")),
    }
    told.join("\n")
}

/// The JSON Schema of [`Limits`]: the config's, without the placeholders that only a config knows.
pub(crate) fn schema() -> Value {
    let config: Value = serde_json::from_str(CONFIG_SCHEMA).unwrap_or_default();
    let mut plan = config.pointer(PLAN).cloned().unwrap_or_default();
    without_placeholders(&mut plan);
    // What the config's reader asks for besides.
    plan["anyOf"] = json!([{ "required": ["rate_limit"] }, { "required": ["quota"] }]);
    let rates = RATES.map(|(rate, most)| {
        plan["properties"]["rate_limit"]["properties"][rate]["maximum"] = most.into();
        json!({ "required": [rate] })
    });
    plan["properties"]["rate_limit"]["oneOf"] = rates.to_vec().into();
    plan
}

fn without_placeholders(schema: &mut Value) {
    let is_placeholder = |one: &Value| one["pattern"] == r"\$\{";
    if let Some(Value::Array(alternatives)) = schema.get_mut("anyOf") {
        alternatives.retain(|one| !is_placeholder(one));
        if let [_] = alternatives[..] {
            let only = alternatives.remove(0);
            join(schema, only);
        }
    }
    match schema {
        Value::Object(members) => members.values_mut().for_each(without_placeholders),
        Value::Array(items) => items.iter_mut().for_each(without_placeholders),
        _ => {}
    }
}

/// Puts the one alternative that is left in the place of the choice.
fn join(schema: &mut Value, only: Value) {
    if let (Value::Object(members), Value::Object(more)) = (schema, only) {
        members.remove("anyOf");
        members.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Effect;

    #[test]
    fn the_schema_is_the_config_s_without_placeholders() {
        let schema = schema();
        assert_eq!(schema["additionalProperties"], false);
        let rate = &schema["properties"]["rate_limit"]["properties"]["requests_per_second"];
        let expected =
            json!({ "type": "integer", "minimum": 1, "maximum": 1_000_000, "description": "So many each second." });
        assert_eq!(rate, &expected);
        let quota = &schema["properties"]["quota"]["anyOf"];
        assert_eq!(
            (&quota[0]["type"], &quota[1]["type"]),
            (&json!("object"), &json!("array"))
        );
        assert!(!schema.to_string().contains(r"\$"), "{schema}");
    }

    #[test]
    fn the_highest_rates_are_right() {
        for (rate, most) in RATES {
            let limits = |number: u64| {
                let text = json!({ "rate_limit": { rate: number } }).to_string();
                serde_json::from_str::<Limits>(&text).unwrap().document("gold")
            };
            assert!(limits(most.into()).is_ok(), "{rate}");
            assert!(limits(u64::from(most) + 1).is_err(), "{rate}");
        }
    }

    #[test]
    fn of_many_mistakes_some_are_told_and_the_others_counted() {
        let many = |count: usize| {
            let quotas = vec![json!({}); count];
            let text = json!({ "quota": quotas }).to_string();
            let refused = serde_json::from_str::<Limits>(&text).unwrap().document("gold");
            refused.unwrap_err().message(Effect::Write)
        };
        assert!(!many(1).contains(" more"), "{}", many(1));
        let why = many(20_000);
        assert_eq!(why.lines().count(), MOST_MISTAKES + 1);
        assert!(
            why.lines().last().unwrap().starts_with("and ") && why.ends_with(" more"),
            "{why}"
        );
        let long = format!(r#"{{"{}":1}}"#, "x".repeat(60_000));
        let refused = serde_json::from_str::<Limits>(&long).unwrap().document("gold");
        assert!(refused.unwrap_err().message(Effect::Write).len() < 1_000);
    }

    #[test]
    fn every_mistake_is_told() {
        let limits = |text: &str| serde_json::from_str::<Limits>(text).unwrap().document("gold");
        assert!(limits(r#"{"quota":{"requests":1,"per":"day"}}"#).is_ok());
        let why = limits(r#"{"quota":{"requests":0,"per":"dya"}}"#)
            .unwrap_err()
            .message(Effect::Write);
        insta::assert_snapshot!(why);
        for wrong in [
            "null",
            "[]",
            "{}",
            "5",
            r#""quota""#,
            r#"{"quota":{"requests":1,"requests":2,"per":"day"}}"#,
        ] {
            assert!(limits(wrong).is_err(), "{wrong}");
        }
    }
}
