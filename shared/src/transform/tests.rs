//! Reshaping, from three sides: what rules do to a document, what they do to an answer, and both against a naive
//! model on random documents.

mod answers;
mod fields;
mod model;
mod paths;

use super::{BodyRules, FieldPath};

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
