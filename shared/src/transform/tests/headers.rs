//! What rules do to headers.

use http::header::HeaderMap;
use http::{HeaderName, HeaderValue, Method};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::transform;
use crate::edits::{Edits, Operation, Stage};
use crate::template::Values;
use crate::testing::{headers, request};

/// The headers of an answer after these rules, as lines.
fn answered(rules: &Value, before: &[(&str, &str)]) -> Vec<String> {
    lines(&told(rules, before, &mut Edits::default()))
}

fn told(rules: &Value, before: &[(&str, &str)], edits: &mut Edits) -> HeaderMap {
    let rules = transform(&json!({ "response": { "headers": rules } }));
    let mut request = request(Method::GET, "/v1/o 7/of/x");
    request.headers = headers(&[("x-asked", "yes")]);
    let values = Values {
        request: &request,
        identity: None,
        parts: &[],
    };
    let mut after = headers(before);
    let rules = rules.response.expect("rules");
    rules
        .headers
        .apply(&mut after, &values, Stage::TransformResponse, edits);
    after
}

fn lines(headers: &HeaderMap) -> Vec<String> {
    let line = |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().expect("text"));
    let mut lines: Vec<String> = headers.iter().map(line).collect();
    lines.sort();
    lines
}

#[test]
fn every_value_of_a_name_goes() {
    let rules = json!({ "remove": ["Server", "X-Powered-By", "X-None"] });
    let before = [("server", "a"), ("server", "b"), ("x-powered-by", "c"), ("x-kept", "d")];
    assert_eq!(answered(&rules, &before), ["x-kept: d"]);
}

#[test]
fn a_rename_takes_every_value_and_the_place_of_what_was_called_so() {
    let rules = json!({ "rename": { "X-Old": "X-New", "X-None": "X-Kept" } });
    let before = [("x-old", "a"), ("x-old", "b"), ("x-new", "gone"), ("x-kept", "c")];
    assert_eq!(answered(&rules, &before), ["x-kept: c", "x-new: a", "x-new: b"]);
}

#[test]
fn two_headers_can_change_places() {
    let rules = json!({ "rename": { "X-A": "X-B", "X-B": "X-A" } });
    assert_eq!(answered(&rules, &[("x-a", "1"), ("x-b", "2")]), ["x-a: 2", "x-b: 1"]);
    assert_eq!(answered(&rules, &[("x-a", "1")]), ["x-b: 1"]);
}

#[test]
fn texts_are_filled_from_the_request() {
    let rules = json!({ "set": { "X-Id": "{id}/{kind}", "X-Asked": "{header.X-Asked}!" }, "add": { "Link": "</v2>; rel=next" } });
    let before = [("x-id", "theirs"), ("x-id", "too"), ("link", "<a>")];
    let after = ["link: </v2>; rel=next", "link: <a>", "x-asked: yes!", "x-id: o 7/x"];
    assert_eq!(answered(&rules, &before), after);
}

/// What is there of another's must not pass for what the config says.
#[test]
fn a_value_that_is_missing_leaves_no_header() {
    let rules = json!({ "set": { "X-Tenant": "{query.tenant}" }, "add": { "X-More": "{query.more}" } });
    assert_eq!(
        answered(&rules, &[("x-tenant", "forged"), ("x-more", "a")]),
        ["x-more: a"]
    );
}

#[test]
fn the_order_is_remove_rename_set_add() {
    let rules = json!({
        "add": { "X-C": "added" },
        "set": { "X-C": "set", "X-D": "set" },
        "rename": { "X-A": "X-B", "X-Gone": "X-E" },
        "remove": ["X-B", "X-Gone"],
    });
    let before = [("x-a", "1"), ("x-b", "2"), ("x-gone", "3"), ("x-c", "4")];
    assert_eq!(
        answered(&rules, &before),
        ["x-b: 1", "x-c: added", "x-c: set", "x-d: set"]
    );
}

#[test]
fn each_change_is_told_with_its_rule() {
    let rules = json!({ "remove": ["Server", "X-None"], "rename": { "X-A": "X-B" }, "set": { "X-C": "{id}" }, "add": { "X-D": "1" } });
    let mut edits = Edits::kept();
    told(&rules, &[("server", "s"), ("x-a", "a")], &mut edits);
    let name = HeaderName::from_static;
    let value = |text| vec![HeaderValue::from_static(text)];
    let expected = [
        ("/remove/0", Operation::RemoveHeader(name("server"))),
        ("/rename/X-A", Operation::RemoveHeader(name("x-a"))),
        ("/rename/X-A", Operation::SetHeader(name("x-b"), value("a"))),
        ("/set/X-C", Operation::SetHeader(name("x-c"), value("o 7"))),
        ("/add/X-D", Operation::SetHeader(name("x-d"), value("1"))),
    ];
    let found: Vec<(String, Operation)> = edits
        .into_list()
        .into_iter()
        .map(|edit| (edit.at.expect("a place").as_str().to_owned(), edit.operation))
        .collect();
    let expected = expected.map(|(at, operation)| (format!("/routes/0/transform/response/headers{at}"), operation));
    assert_eq!(found, expected);
}

proptest! {
    /// However often and in whatever order headers come: what is removed is gone, what no rule names stays.
    #[test]
    fn what_no_rule_names_stays(names in prop::collection::vec(0_usize..5, 0..12)) {
        let known = ["x-removed", "x-old", "x-new", "x-set", "x-kept"];
        let before: Vec<(&str, String)> =
            names.iter().enumerate().map(|(at, &name)| (known[name], at.to_string())).collect();
        let before: Vec<(&str, &str)> = before.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let rules = json!({ "remove": ["X-Removed"], "rename": { "X-Old": "X-New" }, "set": { "X-Set": "s" } });
        let after = told(&rules, &before, &mut Edits::default());
        let of = |map: &HeaderMap, name: &str| -> Vec<HeaderValue> { map.get_all(name).iter().cloned().collect() };
        let before = headers(&before);
        prop_assert!(!after.contains_key("x-removed") && !after.contains_key("x-old"));
        prop_assert_eq!(of(&after, "x-kept"), of(&before, "x-kept"));
        prop_assert_eq!(of(&after, "x-set"), [HeaderValue::from_static("s")]);
        let renamed = if before.contains_key("x-old") { "x-old" } else { "x-new" };
        prop_assert_eq!(of(&after, "x-new"), of(&before, renamed));
    }
}
