//! What a caller must have been granted, and must be: `scopes` and `claims` of a route.

use crate::auth::registered::is_scope;
use crate::auth::{ClaimPath, ClaimRule, ClaimTest, ScopeRule};
use crate::config::decode::{Map, Named};
use crate::config::raw::auth::route::{self, Scopes};
use crate::config::report::Report;
use crate::config::tree::{Place, quote};

pub(super) fn scope_rule(scopes: &Scopes, report: &mut Report) -> Option<ScopeRule> {
    let (list, any) = match scopes {
        Scopes::All(list) => (list, false),
        Scopes::Any(rule) => (rule.any.given()?, true),
    };
    list.refuse_empty("at least one scope is needed: leave scopes out to ask for none", report);
    let scopes: Vec<String> = list
        .items
        .iter()
        .filter_map(|text| text.parse("a scope", report, scope))
        .collect();
    Some(ScopeRule {
        pointer: report.pointer(list.place),
        scopes,
        any,
    })
}

fn scope(text: &str) -> Result<String, String> {
    match is_scope(text) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "{} is not a scope: visible ASCII without spaces, quotes and backslashes",
            quote(text)
        )),
    }
}

pub(super) fn claim_rules(map: &Map<route::ClaimTest>, report: &mut Report) -> Vec<ClaimRule> {
    map.entries
        .iter()
        .filter_map(|entry| claim_rule(entry, report))
        .collect()
}

fn claim_rule(entry: &Named<route::ClaimTest>, report: &mut Report) -> Option<ClaimRule> {
    let test = entry.value.given()?;
    let path = match ClaimPath::parse(&entry.name) {
        Ok(path) => path,
        Err(why) => {
            report.mistake(entry.place, why);
            return None;
        }
    };
    Some(ClaimRule {
        pointer: report.pointer(entry.place),
        path,
        test: claim_test(test, entry.place, report)?,
    })
}

fn claim_test(test: &route::ClaimTest, place: Place, report: &mut Report) -> Option<ClaimTest> {
    match test {
        route::ClaimTest::Equals(value) => Some(ClaimTest::OneOf(vec![value.value.0.clone()])),
        route::ClaimTest::OneOf(list) => {
            list.refuse_empty("at least one value is needed: no claim is one of none", report);
            Some(ClaimTest::OneOf(
                list.items.iter().map(|item| item.value.0.clone()).collect(),
            ))
        }
        route::ClaimTest::Presence(presence) => presence.present.given().map(|given| ClaimTest::Present(given.value)),
    }
    .filter(|_| !report.is_spoiled(place))
}
