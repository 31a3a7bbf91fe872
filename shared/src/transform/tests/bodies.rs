//! The rules of a `body` together: their order, their texts, and that what they do not touch keeps its bytes.

use bytes::Bytes;
use http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::model::{Json, a_document, parse, text_of};
use super::transform;
use crate::edits::{Edits, Operation, Stage};
use crate::template::Values;
use crate::testing::request;

fn changed(rules: &Value, text: &str) -> String {
    told(rules, text, &mut Edits::default())
}

fn told(rules: &Value, text: &str, edits: &mut Edits) -> String {
    let rules = transform(&json!({ "response": { "body": rules } }))
        .response
        .expect("rules");
    let mut request = request(Method::GET, "/v1/o 7/of/x");
    request.query = "page=2&q=%22".into();
    let values = Values {
        request: &request,
        identity: None,
        parts: &[],
    };
    let settings = rules.body.fill_what_is_there(&values);
    let text = Bytes::copy_from_slice(text.as_bytes());
    let out = rules
        .body
        .apply(&text, &settings, Stage::TransformResponse, edits)
        .expect("is followed");
    String::from_utf8(out.to_vec()).expect("stays UTF-8")
}

fn check(rules: &Value, cases: &[(&str, &str)]) {
    for (before, after) in cases {
        assert_eq!(changed(rules, before), *after, "{rules} from {before}");
    }
}

#[test]
fn unwrap_takes_the_member_where_it_is() {
    check(
        &json!({ "unwrap": "data" }),
        &[
            (r#"{ "data" : [1.0, {"a" : 1E5}] , "meta": 1}"#, r#"[1.0, {"a" : 1E5}]"#),
            (r#"{"d\u0061ta":"x"}"#, r#""x""#),
            (r#"{"data":1,"data":2}"#, "2"),
            (r#"{"error":"data"}"#, r#"{"error":"data"}"#),
            ("[]", "[]"),
            ("{}", "{}"),
            (r#"[{"data":1}]"#, r#"[{"data":1}]"#),
        ],
    );
    check(
        &json!({ "unwrap": "data.a\\.b" }),
        &[
            (r#"{"data":{"a.b":{}}}"#, "{}"),
            (r#"{"data":{"a":{"b":1}}}"#, r#"{"data":{"a":{"b":1}}}"#),
            (r#"{"data":[{"a.b":1}]}"#, r#"{"data":[{"a.b":1}]}"#),
        ],
    );
}

#[test]
fn wrap_puts_the_document_below_its_names() {
    check(
        &json!({ "wrap": "data" }),
        &[("[1.0]", r#"{"data":[1.0]}"#), ("null", r#"{"data":null}"#)],
    );
    check(&json!({ "wrap": "a.b\\.\"" }), &[("1", r#"{"a":{"b.\"":1}}"#)]);
}

#[test]
fn set_gives_a_member_its_value() {
    check(
        &json!({ "set": { "a": 1, "b.c": "{id}" } }),
        &[
            ("{}", r#"{"a":1,"b":{"c":"o 7"}}"#),
            (r#"{"a":{"x":1},"z":1.0}"#, r#"{"a":1,"z":1.0,"b":{"c":"o 7"}}"#),
            (r#"{"b":{"d":1,"c":2},"a":3}"#, r#"{"b":{"d":1,"c":"o 7"},"a":1}"#),
            (r#"{"b":null,"a":0,"a":2}"#, r#"{"b":{"c":"o 7"},"a":1}"#),
            (
                r#"{"b":[{},[{"c":1}],"x"]}"#,
                r#"{"b":[{"c":"o 7"},[{"c":"o 7"}],"x"],"a":1}"#,
            ),
            (r#"{"b":[]}"#, r#"{"b":[],"a":1}"#),
            (r#"[{"b":5},7]"#, r#"[{"b":{"c":"o 7"},"a":1},7]"#),
            ("12", "12"),
            (r#""a""#, r#""a""#),
        ],
    );
}

#[test]
fn values_are_any_json_with_texts_filled() {
    let value = json!({ "n": 1.0, "t": "p{query.page}", "list": ["{query.page}", "{query.none}", true, null], "q": "{query.q}", "gone": "{query.none}" });
    check(
        &json!({ "set": { "x": value } }),
        &[("{}", r#"{"x":{"list":["2",true,null],"n":1.0,"q":"\"","t":"p2"}}"#)],
    );
    let long = r#"{"a":12345678901234567890123.10,"b":1E5}"#;
    let document = format!(
        r#"{{"routes":[{{"path":"/a","upstream":"http://u","auth":"none","transform":{{"response":{{"body":{{"set":{{"x":{long}}}}}}}}}}}]}}"#
    );
    let config = crate::config::parse("test.json", &document, &|_| None)
        .expect("right")
        .config;
    let rules = config.routes[0].transform.response.clone().expect("rules");
    let request = request(Method::GET, "/a");
    let values = Values {
        request: &request,
        identity: None,
        parts: &[],
    };
    let settings = rules.body.fill_what_is_there(&values);
    assert_eq!(settings, [Some(long.to_owned())], "numbers keep their text");
}

/// What a service said under the name must not pass for what the config says.
#[test]
fn a_value_that_is_missing_leaves_no_member() {
    check(
        &json!({ "set": { "a": "{query.none}", "b.c": "{query.none}" } }),
        &[
            (r#"{"a":1,"b":{"c":1,"d":2}}"#, r#"{"b":{"d":2}}"#),
            (r#"{"x":1,"a":1,"y":2,"b":3}"#, r#"{"x":1,"y":2,"b":3}"#),
        ],
    );
}

#[test]
fn the_order_is_unwrap_remove_keep_rename_set_wrap() {
    let rules = json!({
        "wrap": "out", "set": { "b": "set", "n": 1 }, "rename_fields": { "a": "b" }, "keep_fields": ["a", "b", "c"],
        "remove_fields": ["c", "in"], "unwrap": "in",
    });
    check(
        &rules,
        &[
            (r#"{"in":{"a":1,"c":2,"d":3},"b":4}"#, r#"{"out":{"b":"set","n":1}}"#),
            (r#"{"a":1,"d":2}"#, r#"{"out":{"b":"set","n":1}}"#),
        ],
    );
}

#[test]
fn each_rule_that_makes_a_difference_is_told() {
    let rules = json!({
        "unwrap": "in", "remove_fields": ["x", "none"], "keep_fields": ["a", "x", "deep.*"], "rename_fields": { "a": "b", "z": "y" },
        "set": { "n": 1, "m": "{query.none}" }, "wrap": "out",
    });
    let mut edits = Edits::kept();
    told(&rules, r#"{ "in": { "a": 1, "x": "a b \" c", "q": 2 } }"#, &mut edits);
    let found: Vec<(String, Operation)> = edits
        .into_list()
        .into_iter()
        .map(|edit| (edit.at.expect("a place").as_str().to_owned(), edit.operation))
        .collect();
    let expected = [
        ("unwrap", Operation::Unwrap("in".into())),
        ("remove_fields/0", Operation::RemoveField("x".into())),
        ("keep_fields", Operation::KeepFields),
        ("rename_fields/a", Operation::RenameField("a".into(), "b".into())),
        ("set/n", Operation::SetField("n".into())),
        ("wrap", Operation::Wrap("out".into())),
    ];
    let expected = expected.map(|(at, operation)| (format!("/routes/0/transform/response/body/{at}"), operation));
    assert_eq!(found, expected);
}

#[test]
fn telling_changes_nothing() {
    let rules = json!({ "remove_fields": ["a.b"], "rename_fields": { "c": "d" }, "set": { "e": [1] } });
    for text in ["[]", r#"{ "a" : { "b":1 , "x" : 2 } , "c":"\"" }"#, "7"] {
        assert_eq!(told(&rules, text, &mut Edits::kept()), changed(&rules, text));
    }
}

/// All scalars of a document, as they are written.
fn scalars(document: &Json) -> Vec<&str> {
    match document {
        Json::Scalar(text) => vec![text],
        Json::Array(elements) => elements.iter().flat_map(scalars).collect(),
        Json::Object(members) => members.iter().flat_map(|(_, value)| scalars(value)).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Every kind of rule, about names that no document has: all numbers, texts and members stay as they were written.
    #[test]
    fn what_no_rule_names_keeps_its_bytes(document in a_document(), style: u32) {
        let rules = json!({
            "unwrap": "no", "remove_fields": ["no.a"], "rename_fields": { "no.b": "c" }, "set": { "no": "{query.none}" }, "wrap": "w",
        });
        let text = text_of(&document, style);
        let out = changed(&rules, text.trim());
        let Json::Object(mut outer) = parse(&out) else { panic!("{out}") };
        let (name, inner) = outer.pop().expect("one member");
        prop_assert_eq!(name, "w");
        prop_assert_eq!(scalars(&inner), scalars(&document));
        prop_assert_eq!(inner, document);
    }
}
