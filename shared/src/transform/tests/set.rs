//! `set` against a naive model on random documents.

use proptest::prelude::*;

use super::super::Rule;
use super::super::set::{SetRules, set};
use super::model::{Json, a_document, a_name, parse, text_of};
use crate::config::Pointer;
use crate::template::ValueTemplate;

/// Names, and the value; `None`: what cannot be filled.
type Setting = (Vec<String>, Option<String>);

fn compiled(settings: &[Setting]) -> (SetRules, Vec<Option<String>>) {
    let mut rules = SetRules::default();
    let mut values = Vec::new();
    for (names, value) in settings {
        let rule = Rule {
            at: Pointer::new("/set"),
            says: (names.clone(), ValueTemplate::Fixed("0".into())),
        };
        if rules.push(rule).is_ok() {
            values.push(value.clone());
        }
    }
    (rules, values)
}

/// Without those that meet one before in whole or in part.
fn apart(settings: Vec<Setting>) -> Vec<Setting> {
    let mut apart: Vec<Setting> = Vec::new();
    for (names, value) in settings {
        let meets = |(other, _): &Setting| other.starts_with(&names) || names.starts_with(other);
        if !apart.iter().any(meets) {
            apart.push((names, value));
        }
    }
    apart
}

fn beneath(settings: &[Setting], name: &str) -> Vec<Setting> {
    let inside = settings.iter().filter(|(names, _)| names.len() > 1 && names[0] == name);
    inside
        .map(|(names, value)| (names[1..].to_vec(), value.clone()))
        .collect()
}

/// What a member becomes whose value is neither object nor array, or that is not there.
fn made(settings: &[Setting]) -> Option<Json> {
    let mut members: Vec<(String, Json)> = Vec::new();
    for (names, value) in settings {
        if members.iter().any(|(name, _)| *name == names[0]) {
            continue;
        }
        let value = match names.len() {
            1 => value.clone().map(Json::Scalar),
            _ => made(&beneath(settings, &names[0])),
        };
        members.extend(value.map(|value| (names[0].clone(), value)));
    }
    (!members.is_empty()).then_some(Json::Object(members))
}

fn applied(settings: &[Setting], document: &Json) -> Json {
    match document {
        Json::Scalar(_) => document.clone(),
        Json::Array(elements) => Json::Array(elements.iter().map(|element| applied(settings, element)).collect()),
        Json::Object(members) => {
            let mut left: Vec<(String, Json)> = Vec::new();
            for (name, value) in members {
                let inside = beneath(settings, name);
                let whole = settings.iter().find(|(names, _)| names.len() == 1 && names[0] == *name);
                if let Some((_, new)) = whole {
                    let is_first = !left.iter().any(|(before, _)| before == name);
                    left.extend(
                        new.clone()
                            .filter(|_| is_first)
                            .map(|new| (name.clone(), Json::Scalar(new))),
                    );
                } else if inside.is_empty() {
                    left.push((name.clone(), value.clone()));
                } else {
                    let new = match value {
                        Json::Scalar(_) => made(&inside).unwrap_or_else(|| value.clone()),
                        _ => applied(&inside, value),
                    };
                    left.push((name.clone(), new));
                }
            }
            if let Some(Json::Object(new)) = made(settings) {
                let is_new = |(name, _): &(String, Json)| !members.iter().any(|(before, _)| before == name);
                left.extend(new.into_iter().filter(is_new));
            }
            Json::Object(left)
        }
    }
}

fn some_settings() -> impl Strategy<Value = Vec<Setting>> {
    let value = prop::option::of(prop::sample::select(vec!["1.0", "1E5", "\"x\"", "null"]).prop_map(str::to_owned));
    prop::collection::vec((prop::collection::vec(a_name(), 1..4), value), 0..5).prop_map(apart)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn text_and_model_agree(document in a_document(), settings in some_settings(), style: u32) {
        let (rules, values) = compiled(&settings);
        let out = set(&rules, &values, text_of(&document, style).trim().as_bytes()).expect("valid and not deep");
        let out = String::from_utf8(out).expect("stays UTF-8");
        prop_assert_eq!(parse(&out), applied(&settings, &document), "{}", out);
    }

    #[test]
    fn what_meets_another_is_refused(one in prop::collection::vec(a_name(), 1..3), more in prop::collection::vec(a_name(), 0..3)) {
        let longer = [one.clone(), more].concat();
        for (first, second) in [(&one, &longer), (&longer, &one)] {
            let rule = |names: &Vec<String>| Rule { at: Pointer::new(""), says: (names.clone(), ValueTemplate::Fixed("1".into())) };
            let mut rules = SetRules::default();
            prop_assert!(rules.push(rule(first)).is_ok());
            prop_assert!(rules.push(rule(second)).is_err());
        }
    }

    /// Text that is no JSON ends in an answer or an error, never in a panic.
    #[test]
    fn any_text_ends(text in "[\\[\\]{}:,\"a\\\\ 1]{0,24}") {
        let (rules, values) = compiled(&[(vec!["a".into(), "b".into()], Some("1".into())), (vec!["c".into()], None)]);
        let valid = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        let out = set(&rules, &values, text.as_bytes());
        prop_assert!(!valid || out.is_ok(), "{:?}", out);
    }
}
