//! Rules for queries.

use std::collections::HashSet;

use crate::config::check::templates::Scope;
use crate::config::decode::{Field, List, Map, Text};
use crate::config::raw;
use crate::config::report::Report;
use crate::config::tree::quote;
use crate::template::QueryTemplate;
use crate::transform::{QueryChanges, Rule};

pub(super) fn changes(raw: &raw::transform::QueryChanges, scope: Scope<'_>, report: &mut Report) -> QueryChanges {
    let allow = raw.allow.given().map(|list| {
        let names = names(&raw.allow, report);
        Rule {
            at: report.pointer(list.place),
            says: names.into_iter().map(|rule| rule.says).collect(),
        }
    });
    QueryChanges {
        allow,
        remove: names(&raw.remove, report),
        set: settings(&raw.set, scope, report),
    }
}

fn names(list: &Field<List<Text>>, report: &mut Report) -> Vec<Rule<String>> {
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    for text in list.given().map_or(&[][..], |list| &list.items) {
        let Some(says) = text.parse("the name of a parameter", report, parameter) else {
            continue;
        };
        if !seen.insert(says.clone()) {
            report.mistake(text.place, format!("{} is here twice", text.quoted()));
        }
        let at = report.pointer(text.place);
        names.push(Rule { at, says });
    }
    names
}

fn settings(map: &Field<Map<Text>>, scope: Scope<'_>, report: &mut Report) -> Vec<Rule<(String, QueryTemplate)>> {
    let mut rules = Vec::new();
    for entry in map.given().map_or(&[][..], |map| &map.entries) {
        if let Err(reason) = parameter(&entry.name) {
            report.mistake(entry.place, reason);
        }
        let text = entry.value.given();
        let text = text.and_then(|text| scope.template(text, "a query value", QueryTemplate::parse, report));
        let at = report.pointer(entry.place);
        rules.extend(text.map(|text| Rule {
            at,
            says: (entry.name.clone(), text),
        }));
    }
    rules
}

/// The decoded name of a parameter.
fn parameter(text: &str) -> Result<String, String> {
    let why = match text {
        "" => "is no name: it is empty",
        "*" => "stands for nothing: write each name out, or leave the key out to let all through",
        _ => return Ok(text.to_owned()),
    };
    Err(format!("{} {why}", quote(text)))
}
