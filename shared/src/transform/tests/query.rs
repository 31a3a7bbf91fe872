//! What rules do to queries.

use http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::transform;
use crate::edits::{Edits, Operation};
use crate::template::Values;
use crate::testing::request;

fn after(rules: &Value, query: &str) -> String {
    told(rules, query, &mut Edits::default())
}

fn told(rules: &Value, query: &str, edits: &mut Edits) -> String {
    let rules = transform(&json!({ "request": { "query": rules } }))
        .request
        .expect("rules");
    let mut request = request(Method::GET, "/v1/o 7/of/x");
    request.query = query.into();
    let values = Values {
        request: &request,
        identity: None,
        parts: &[],
    };
    rules.query.apply(query, &values, edits).expect("filled")
}

#[test]
fn what_is_not_named_stays_byte_for_byte() {
    let rules = json!({ "remove": ["debug"] });
    for query in [
        "",
        "a",
        "a=1&&b=%zz&c=+%2B&=x&d[]=1&a=2&",
        "a={b}|c^`\\",
        "Debug=1&debug2=1",
    ] {
        assert_eq!(after(&rules, query), query);
    }
}

#[test]
fn names_are_compared_decoded() {
    let rules = json!({ "remove": ["debug", "a b", "ü"] });
    let query = "x=1&debug=1&%64ebug&d%65bug=2&a+b=1&a%20b&%C3%BC=1&y";
    assert_eq!(after(&rules, query), "x=1&y");
    let rules = json!({ "allow": ["x", "y z"] });
    assert_eq!(after(&rules, "a=1&x&b&y+z=2&=&&x=%26&%FF=1"), "x&y+z=2&x=%26");
    assert_eq!(after(&json!({ "allow": [] }), "a=1&&b"), "");
}

#[test]
fn a_setting_takes_the_place_of_the_first_and_the_others_go() {
    let rules = json!({ "set": { "id": "{id}", "n&m": "a=b&c" } });
    assert_eq!(after(&rules, "a=1&id=x&b=2&%69d=y"), "a=1&id=o%207&b=2&n%26m=a%3Db%26c");
    assert_eq!(after(&rules, ""), "id=o%207&n%26m=a%3Db%26c");
}

/// What the client says of it must not pass for what the config says.
#[test]
fn a_value_that_is_missing_leaves_no_parameter() {
    let rules = json!({ "set": { "tenant": "{header.X-Tenant}" } });
    assert_eq!(after(&rules, "a=1&tenant=forged"), "a=1");
    assert_eq!(after(&rules, "a=1"), "a=1");
}

#[test]
fn the_order_is_allow_remove_set() {
    let rules = json!({ "allow": ["a", "b"], "remove": ["b", "c"], "set": { "c": "set" } });
    assert_eq!(after(&rules, "b=1&c=2&a=3&d=4"), "c=set&a=3");
}

/// Some servers read `;` as `&`: nothing hides behind it.
#[test]
fn a_semicolon_separates_nothing() {
    assert_eq!(
        after(&json!({ "remove": ["debug"] }), "a=1;debug=1&b"),
        "a=1%3Bdebug=1&b"
    );
    assert_eq!(
        after(&json!({ "allow": ["a"] }), "a=1;debug=1&a;debug=1"),
        "a=1%3Bdebug=1"
    );
}

#[test]
fn each_change_is_told_with_its_rule() {
    let rules = json!({ "allow": ["a"], "remove": ["b"], "set": { "c": "{kind}", "d": "{query.none}" } });
    let mut edits = Edits::kept();
    told(&rules, "a&b=1&x=2&d=3", &mut edits);
    let found: Vec<(String, Operation)> = edits
        .into_list()
        .into_iter()
        .map(|edit| (edit.at.expect("a place").as_str().to_owned(), edit.operation))
        .collect();
    let removed = |name: &str| Operation::RemoveQuery(name.into());
    let expected = [
        ("/remove/0", removed("b")),
        ("/allow", removed("x")),
        ("/set/d", removed("d")),
        ("/set/c", Operation::SetQuery("c".into(), "x".into())),
    ];
    let expected = expected.map(|(at, operation)| (format!("/routes/0/transform/request/query{at}"), operation));
    assert_eq!(found, expected);
}

proptest! {
    /// As a reader of forms finds it: what is removed is not there in any spelling, all else is, in its order.
    #[test]
    fn a_reader_finds_what_is_let_through(
        pairs in prop::collection::vec(("[ab%6 1+&=]{0,4}", "[a;%2B+= ]{0,3}"), 0..6),
    ) {
        let query = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
        let found = after(&json!({ "remove": ["a", "ab"] }), &query);
        let read = |query: &str| -> Vec<(String, String)> {
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
        };
        let mut expected = read(&query);
        expected.retain(|(name, _)| name != "a" && name != "ab");
        prop_assert_eq!(read(&found), expected);
        prop_assert!(!found.contains(';'));
    }
}
