//! What rules do to a document.

use super::super::rewrite::{Failure, MAX_DEPTH, rewrite};
use super::super::scan::Scanner;
use super::super::{BodyRules, MAX_STEPS};
use super::{path, rules};

fn rewritten(rules: &BodyRules, text: &str) -> String {
    serde_json::from_str::<serde::de::IgnoredAny>(text).expect("the test's own document is valid");
    let out = rewrite(rules, text.as_bytes()).expect("is followed");
    String::from_utf8(out).expect("stays UTF-8")
}

fn check(rules: &BodyRules, cases: &[(&str, &str)]) {
    for (before, after) in cases {
        assert_eq!(rewritten(rules, before), *after, "from {before}");
    }
}

#[test]
fn the_example_of_the_grammar() {
    let rules = rules(&["internal_id", "db_shard"], &[], &[("email_address", "email")]);
    check(
        &rules,
        &[
            (
                r#"{"id":1,"internal_id":"x","email_address":"a@b","db_shard":3,"name":"A"}"#,
                r#"{"id":1,"email":"a@b","name":"A"}"#,
            ),
            (
                r#"[{"internal_id":1,"id":2},{"email_address":"c"}]"#,
                r#"[{"id":2},{"email":"c"}]"#,
            ),
            (r#"{"user":{"internal_id":1}}"#, r#"{"user":{"internal_id":1}}"#),
            ("{}", "{}"),
            ("[]", "[]"),
            ("12", "12"),
            (r#""internal_id""#, r#""internal_id""#),
        ],
    );
}

#[test]
fn removal_reaches_into_arrays() {
    check(
        &rules(&["a.b"], &[], &[]),
        &[
            (r#"{"a":{"b":1,"c":2}}"#, r#"{"a":{"c":2}}"#),
            (r#"{"a":[{"b":1},{"c":2},3]}"#, r#"{"a":[{},{"c":2},3]}"#),
            (r#"[[{"a":[[{"b":1}]]}]]"#, r#"[[{"a":[[{}]]}]]"#),
            (r#"{"a":"b"}"#, r#"{"a":"b"}"#),
            (r#"{"b":1}"#, r#"{"b":1}"#),
        ],
    );
}

#[test]
fn a_star_is_any_member_or_index() {
    check(
        &rules(&["a.*.b"], &[], &[]),
        &[
            (
                r#"{"a":{"x":{"b":1},"y":{"b":2,"c":3}}}"#,
                r#"{"a":{"x":{},"y":{"c":3}}}"#,
            ),
            (r#"{"a":[{"b":1},{"x":{"b":2,"c":3}}]}"#, r#"{"a":[{},{"x":{"c":3}}]}"#),
            (r#"{"a":{"b":1}}"#, r#"{"a":{"b":1}}"#),
            (r#"{"a":{"b":{"b":1}}}"#, r#"{"a":{"b":{}}}"#),
        ],
    );
    check(
        &rules(&["*"], &[], &[]),
        &[(r#"{"a":1,"b":[]}"#, "{}"), (r#"[1,{"a":1},[2]]"#, "[]"), ("1", "1")],
    );
    check(&rules(&[r"\*"], &[], &[]), &[(r#"{"*":1,"a":2}"#, r#"{"a":2}"#)]);
    check(
        &rules(&[r"a\.b"], &[], &[]),
        &[(r#"{"a.b":1,"a":{"b":2}}"#, r#"{"a":{"b":2}}"#)],
    );
}

#[test]
fn only_what_is_kept_survives() {
    check(
        &rules(&[], &["id", "user.name"], &[]),
        &[
            (
                r#"{"id":1,"x":2,"user":{"name":"A","mail":"m"},"secret":{"id":3}}"#,
                r#"{"id":1,"user":{"name":"A"}}"#,
            ),
            (r#"[{"id":{"any":[1]},"x":1},7]"#, r#"[{"id":{"any":[1]}}]"#),
            (r#"{"user":[{"name":1,"x":2},"text",null]}"#, r#"{"user":[{"name":1}]}"#),
            (r#"{"user":"not an object"}"#, "{}"),
            (r#"{"user":null,"x":{}}"#, "{}"),
            (r#"{"user":{}}"#, r#"{"user":{}}"#),
            (r#""secret""#, "null"),
        ],
    );
    check(
        &rules(&[], &["*.id"], &[]),
        &[
            (r#"{"a":{"id":1,"x":2},"b":3}"#, r#"{"a":{"id":1}}"#),
            (r#"[{"id":1,"x":2}]"#, r#"[{"id":1}]"#),
        ],
    );
}

#[test]
fn removal_wins_over_keeping() {
    check(
        &rules(&["user.mail", "tags.*"], &["user", "tags"], &[]),
        &[(
            r#"{"user":{"mail":1,"name":2},"tags":[1,2],"x":3}"#,
            r#"{"user":{"name":2},"tags":[]}"#,
        )],
    );
    check(&rules(&["a"], &["a.b"], &[]), &[(r#"{"a":{"b":1}}"#, "{}")]);
}

#[test]
fn rules_go_by_original_names() {
    check(
        &rules(&["a"], &["b", "c"], &[("b", "a"), ("a", "c")]),
        &[(r#"{"a":1,"b":2,"d":3}"#, r#"{"a":2}"#)],
    );
    check(
        &rules(&["b.x"], &[], &[("a", "b"), ("a.x", "y")]),
        &[(r#"{"a":{"x":1}}"#, r#"{"b":{"y":1}}"#)],
    );
    check(
        &rules(&[], &[], &[("a", "b"), ("b", "a")]),
        &[(r#"{"a":1,"b":2}"#, r#"{"b":1,"a":2}"#)],
    );
    check(&rules(&[], &[], &[("a", "a")]), &[(r#"{"a":1}"#, r#"{"a":1}"#)]);
}

#[test]
fn a_rename_keeps_its_place_and_takes_the_name() {
    check(
        &rules(&[], &[], &[("old", "new")]),
        &[
            (r#"{"x":1,"old":2,"y":3}"#, r#"{"x":1,"new":2,"y":3}"#),
            (r#"{"new":1,"old":2}"#, r#"{"new":2}"#),
            (r#"{"old":2,"x":0,"new":1,"new":4}"#, r#"{"new":2,"x":0}"#),
            (r#"{"n\u0065w":1,"old":2}"#, r#"{"new":2}"#),
            (r#"{"new":1}"#, r#"{"new":1}"#),
            (r#"[{"new":1},{"old":2}]"#, r#"[{"new":1},{"new":2}]"#),
        ],
    );
    check(
        &rules(&[], &[], &[("a", "c"), ("b", "c")]),
        &[(r#"{"b":1,"a":2}"#, r#"{"c":1}"#), (r#"{"a":2,"c":3}"#, r#"{"c":2}"#)],
    );
    // A member that does not survive takes no name away.
    check(
        &rules(&["old"], &[], &[("old", "new")]),
        &[(r#"{"new":1,"old":2}"#, r#"{"new":1}"#)],
    );
    // The first rule that is written holds.
    check(
        &rules(&[], &[], &[("*.a", "x"), ("b.a", "y")]),
        &[(r#"{"b":{"a":1}}"#, r#"{"b":{"x":1}}"#)],
    );
    check(&rules(&[], &[], &[("a", "q\"\n")]), &[(r#"{"a":1}"#, r#"{"q\"\n":1}"#)]);
    check(
        &rules(&[], &[], &[("a.b", r"x\.y")]),
        &[(r#"{"a":{"b":1}}"#, r#"{"a":{"x.y":1}}"#)],
    );
}

#[test]
fn every_duplicate_is_treated() {
    check(
        &rules(&["a", "o.s"], &[], &[("r", "t")]),
        &[(
            r#"{"a":1,"o":{"s":1},"a":2,"r":3,"o":[{"s":2}],"r":4,"b":5,"b":6}"#,
            r#"{"o":{},"t":3,"o":[{}],"t":4,"b":5,"b":6}"#,
        )],
    );
}

#[test]
fn names_are_compared_without_their_escapes() {
    check(
        &rules(&["secret", "ключ", "🔑", "q\"", "/"], &[], &[]),
        &[
            (
                r#"{"s\u0065cret":1,"\u0073\u0065\u0063\u0072\u0065\u0074":2,"Secret":3}"#,
                r#"{"Secret":3}"#,
            ),
            (
                r#"{"\u043a\u043B\u044e\u0447":1,"\uD83D\uDD11":2,"🔑":3,"q\"":4,"\u002f":5,"\/":6}"#,
                "{}",
            ),
            // A lone surrogate is no Unicode text: no name spells it, and it is no reason to give up the rest.
            (r#"{"secret\ud800":1,"secret":2}"#, r#"{"secret\ud800":1}"#),
            (r#"{"secret\u0000":1,"secret ":2}"#, r#"{"secret\u0000":1,"secret ":2}"#),
        ],
    );
    check(&rules(&["*"], &[], &[]), &[(r#"{"\ud800":1}"#, "{}")]);
    check(&rules(&[], &["a"], &[]), &[(r#"{"\ud800":1,"a":2}"#, r#"{"a":2}"#)]);
}

#[test]
fn what_no_rule_names_keeps_its_bytes() {
    let odd = r#"[1e400,-0,1.0,123456789012345678901234567890,0.10,1E+2, "\u0041\/\ud800" , {"k" : [ ] ,"k":1}]"#;
    let document = format!(" {{ \"a\" : {odd} , \"b\":1 ,\"c\":{{\"b\":-0.0}} }} ");
    let after = format!(r#"{{"a":{odd},"c":{{"b":-0.0}}}}"#);
    check(&rules(&["b"], &[], &[]), &[(&document, &after)]);
    check(
        &rules(&["x.y"], &[], &[]),
        &[(r#"{"x":1e400,"z":-0}"#, r#"{"x":1e400,"z":-0}"#)],
    );
}

#[test]
fn depth_beside_the_rules_does_not_count() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let objects = format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    let document = format!(r#"{{"x":{deep},"y":{objects},"a":1}}"#);
    let after = format!(r#"{{"x":{deep},"y":{objects}}}"#);
    check(&rules(&["a"], &[], &[]), &[(&document, &after)]);
}

#[test]
fn depth_where_rules_look_is_bounded() {
    let nest = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    for rules in [
        rules(&["a"], &[], &[]),
        rules(&["*.*.a"], &[], &[]),
        rules(&[], &["*.a"], &[]),
    ] {
        for levels in [MAX_DEPTH + 1, 500_000] {
            assert_eq!(
                rewrite(&rules, nest(levels).as_bytes()),
                Err(Failure::TooDeep),
                "{levels} levels"
            );
        }
    }
    check(&rules(&["a"], &[], &[]), &[(&nest(MAX_DEPTH), &nest(MAX_DEPTH))]);
    let deepest = vec!["a"; MAX_STEPS].join(".");
    let objects = format!("{}1{}", r#"{"a":"#.repeat(1000), "}".repeat(1000));
    let after = format!("{}{{}}{}", r#"{"a":"#.repeat(MAX_STEPS - 1), "}".repeat(MAX_STEPS - 1));
    check(&rules(&[&deepest], &[], &[]), &[(&objects, &after)]);
}

/// Overlapping stars in nested arrays: without care the places to look at would double with each level.
#[test]
fn stars_in_nested_arrays_do_not_multiply() {
    let stars = vec!["*"; MAX_STEPS - 1].join(".");
    let rules = rules(&[&format!("{stars}.a")], &[], &[]);
    let mut place = rules.root();
    for level in 1..12 {
        place = rules.element(&place).expect("nothing is removed here");
        assert_eq!(place.nodes.len(), level + 1);
    }
}

#[test]
fn text_that_is_not_json_ends_in_an_answer_too() {
    let rules = rules(&["a.b"], &[], &[("c", "d")]);
    let broken = [
        "",
        " ",
        "{",
        "[",
        "\"",
        "\"\\",
        "{\"",
        "{\"a",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":}",
        "{a:1}",
        "[1",
        "[1,",
        "]",
        "}",
        ",",
        "{\"c\":1",
        "{\"c\":[}",
        "{\"c\" 1}",
    ];
    for text in broken {
        assert_eq!(rewrite(&rules, text.as_bytes()), Err(Failure::Malformed), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn the_scanner_takes_any_bytes(text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..60)) {
        if let Ok(value) = Scanner::new(&text).value() {
            proptest::prop_assert!(!value.is_empty());
        }
        let _ = rewrite(&rules(&["a.*"], &["b"], &[("c", "d")]), &text);
    }

    #[test]
    fn any_name_can_be_spelled(name in "\\PC{1,8}") {
        let spelled = name.replace('\\', r"\\").replace('.', r"\.").replace('*', r"\*");
        proptest::prop_assert_eq!(path(&spelled).to_string(), spelled.clone());
        let document = format!("{{{}:1}}", serde_json::Value::from(name));
        proptest::prop_assert_eq!(rewritten(&rules(&[&spelled], &[], &[]), &document), "{}");
    }
}
