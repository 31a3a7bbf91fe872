//! Merging, for any JSON at all. The stage as a whole is tested with the gateway (`gateway/tests/aggregate`).

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::freshness::Freshness;
use super::run::{Outcome, PartAnswer};
use super::*;
use crate::config::{self, Target};

fn aggregate(merge: &str) -> Aggregate {
    let document = format!(
        "routes:\n  - path: /a\n    auth: none\n    aggregate:\n      a: {{ upstream: \"http://x\", path: /a }}\n      \
         b: {{ upstream: \"http://x\", path: /b, fallback: {{ stood: in }} }}\n      c: {{ upstream: \"http://x\", path: /c }}\n{merge}"
    );
    let checked = config::parse("test.yaml", &document, &|_| None).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    match &checked.config.routes[0].target {
        Target::Aggregate(aggregate) => Aggregate::clone(aggregate),
        other => panic!("{other:?}"),
    }
}

fn ended(json: Option<&Value>) -> Option<Outcome> {
    let answer = json.map(|json| PartAnswer {
        json: json.to_string().into(),
        freshness: Freshness::default(),
    });
    Some(Outcome {
        answer: answer.ok_or(GatewayError::DeadlineExceeded),
        status: None,
        elapsed: Duration::ZERO,
    })
}

fn merged(merge: &str, parts: &[Option<Value>]) -> Value {
    let outcomes: Vec<Option<Outcome>> = parts.iter().map(|part| ended(part.as_ref())).collect();
    let answer = merge::merge(&aggregate(merge), &outcomes).expect("an answer");
    serde_json::from_slice(answer.body()).expect("valid JSON")
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-d_\"\\\\]{0,2}", inner), 0..4)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn any_object() -> impl Strategy<Value = Value> {
    prop::collection::vec(("[a-d_\"\\\\]{0,2}", any_json()), 0..4)
        .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>()))
}

proptest! {
    #[test]
    fn every_part_is_found_under_its_name(parts in prop::collection::vec(prop::option::of(any_json()), 3)) {
        let answer = merged("", &parts);
        let stood = serde_json::json!({ "stood": "in" });
        prop_assert_eq!(answer.get("a"), parts[0].as_ref());
        prop_assert_eq!(answer.get("b"), parts[1].as_ref().or(Some(&stood)));
        prop_assert_eq!(answer.get("c"), parts[2].as_ref());
    }

    #[test]
    fn every_part_is_found_in_its_place(parts in prop::collection::vec(prop::option::of(any_json()), 3)) {
        let answer = merged("    merge: list\n", &parts);
        prop_assert_eq!(answer.as_array().map(Vec::len), Some(3));
        prop_assert_eq!(&answer[0], parts[0].as_ref().unwrap_or(&Value::Null));
        prop_assert_eq!(&answer[2], parts[2].as_ref().unwrap_or(&Value::Null));
    }

    #[test]
    fn spreading_is_what_putting_members_in_one_by_one_is(parts in prop::collection::vec(any_object(), 3)) {
        let given: Vec<Option<Value>> = parts.iter().cloned().map(Some).collect();
        let mut first = Map::new();
        let mut last = Map::new();
        for (name, value) in parts.iter().filter_map(Value::as_object).flatten() {
            first.entry(name).or_insert_with(|| value.clone());
            last.insert(name.clone(), value.clone());
        }
        prop_assert_eq!(merged("    merge: spread\n    on_conflict: first\n", &given), Value::from(first));
        prop_assert_eq!(merged("    merge: spread\n    on_conflict: last\n", &given), Value::from(last));
    }
}

/// What the answer says when two parts say so.
fn kept(parts: [&[(&str, &str)]; 2]) -> (String, String) {
    let said = parts.map(|lines| Freshness::of(&crate::testing::headers(lines)));
    let mut headers = http::HeaderMap::new();
    Freshness::stamp(said.iter(), &mut headers);
    let text = |name: &str| {
        headers
            .get(name)
            .map_or(String::new(), |value| value.to_str().expect("text").to_owned())
    };
    (text("cache-control"), text("vary"))
}

#[test]
fn an_answer_is_kept_as_long_as_the_part_that_is_kept_least() {
    let cache = |one: &str, other: &str| kept([&[("cache-control", one)], &[("cache-control", other)]]).0;
    for (one, other, expected) in [
        ("max-age=60", "max-age=30, public", "max-age=30"),
        ("max-age=60, s-maxage=5", "max-age=30", "max-age=5"),
        ("MAX-AGE=\"7\"", "max-age=30", "max-age=7"),
        ("max-age=x", "max-age=30", "max-age=0"),
        ("max-age=60", "", "no-cache"),
        ("max-age=60", "private", "private, no-cache"),
        ("", "", ""),
        ("no-store", "max-age=60", "no-store"),
        (
            "no-cache, max-age=9",
            "max-age=60, must-revalidate",
            "no-cache, must-revalidate, max-age=9",
        ),
        ("immutable", "public", ""),
        ("private; max-age=60", "max-age=60", "private, max-age=0"),
        ("private, x=\u{e9}", "max-age=60", "private, no-cache"),
        ("x=\"a, no-store", "max-age=60", "no-store"),
    ] {
        assert_eq!(cache(one, other), expected, "{one} | {other}");
    }
    let aged = kept([
        &[("cache-control", "max-age=60"), ("age", "50")],
        &[("cache-control", "max-age=60")],
    ]);
    assert_eq!(aged.0, "max-age=10");
    let older = kept([
        &[("cache-control", "max-age=60"), ("age", "61")],
        &[("cache-control", "max-age=60")],
    ]);
    assert_eq!(older.0, "max-age=0");
    let unreadable = kept([
        &[("cache-control", "max-age=60"), ("age", "1, 2")],
        &[("cache-control", "max-age=60")],
    ]);
    assert_eq!(unreadable.0, "max-age=0");
    assert_eq!(kept([&[("set-cookie", "a=1")], &[]]).0, "no-store");
    assert_eq!(
        kept([&[("expires", "Thu, 01 Jan 1970 00:00:00 GMT")], &[]]).0,
        "no-cache"
    );
}

#[test]
fn an_answer_varies_by_what_any_part_varies_by() {
    let vary = |one: &'static str, other: &'static str| kept([&[("vary", one)], &[("vary", other)]]);
    assert_eq!(
        vary("Accept-Language, Origin", "origin,X-A").1,
        "accept-language, origin, x-a"
    );
    assert_eq!(vary("*", "Origin"), ("no-store".into(), "*, origin".into()));
    assert_eq!(vary("\u{e9}, *", "Origin").0, "no-store");
}
