//! Reshaping, from three sides: what rules do to a document, what they do to an answer, and both against a naive
//! model on random documents.

mod answers;
mod bodies;
mod fields;
mod headers;
mod model;
mod paths;
mod query;
mod request_bodies;
mod requests;
mod set;

use serde_json::{Value, json};

use super::{BodyRules, FieldPath, TransformRules};
use crate::config;

fn path(text: &str) -> FieldPath {
    FieldPath::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

fn try_rules(remove: &[&str], keep: &[&str], rename: &[(&str, &str)]) -> Result<BodyRules, String> {
    let paths = |texts: &[&str]| texts.iter().map(|text| path(text)).collect::<Vec<_>>();
    let rename: Vec<_> = rename.iter().map(|(from, to)| (path(from), (*to).to_owned())).collect();
    BodyRules::compile(&paths(remove), &paths(keep), &rename)
}

fn rules(remove: &[&str], keep: &[&str], rename: &[(&str, &str)]) -> BodyRules {
    try_rules(remove, keep, rename).unwrap_or_else(|error| panic!("{error}"))
}

/// The rules of a route for `/v1/{id}/of/{kind}` that says so.
fn transform(rules: &Value) -> TransformRules {
    let document = json!({ "routes": [
        { "path": "/v1/{id}/of/{kind}", "upstream": "http://u", "auth": "none", "transform": rules },
    ] });
    let checked = config::parse("test.json", &document.to_string(), &|_| None);
    let config = checked.unwrap_or_else(|mistakes| panic!("{mistakes}")).config;
    config.routes[0].transform.clone()
}
