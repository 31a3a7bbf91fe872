//! The rewriting of text against a naive model: a document is a tree, each value has an address, and a path either
//! matches an address or not.

use proptest::prelude::*;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::super::rewrite::rewrite;
use super::super::{BodyRules, FieldPath, FieldStep};

/// A document that keeps order, duplicates, and the text of scalars.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Scalar(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// One step of an address.
#[derive(Clone, Debug)]
enum At {
    Name(String),
    Index,
}

#[derive(Clone, Debug)]
struct Lists {
    remove: Vec<FieldPath>,
    keep: Vec<FieldPath>,
    rename: Vec<(FieldPath, String)>,
}

/// Whether a path may end exactly here (`Some(true)`) or go on inside (`Some(false)` as well as the former).
fn matches(steps: &[FieldStep], address: &[At], inside: bool) -> bool {
    match (steps, address) {
        (rest, []) => rest.is_empty() != inside,
        ([], [At::Index, rest @ ..]) => matches(&[], rest, inside),
        ([], _) => false,
        ([FieldStep::Any, steps @ ..], [At::Index, rest @ ..]) if matches(steps, rest, inside) => true,
        (steps, [At::Index, rest @ ..]) => matches(steps, rest, inside),
        ([FieldStep::Any, steps @ ..], [At::Name(_), rest @ ..]) => matches(steps, rest, inside),
        ([FieldStep::Name(step), steps @ ..], [At::Name(name), rest @ ..]) => {
            step == name && matches(steps, rest, inside)
        }
    }
}

fn any_matches(paths: &[FieldPath], address: &[At]) -> bool {
    paths.iter().any(|path| matches(path.steps(), address, false))
}

impl Lists {
    fn removes(&self, address: &[At]) -> bool {
        any_matches(&self.remove, address)
    }

    fn survives(&self, address: &[At], value: &Json) -> bool {
        let kept = self.keep.is_empty() || (0..=address.len()).any(|end| any_matches(&self.keep, &address[..end]));
        let leads = self.keep.iter().any(|path| matches(path.steps(), address, true));
        !self.removes(address) && (kept || leads && !matches!(value, Json::Scalar(_)))
    }

    fn apply(&self, value: &Json, address: &[At]) -> Json {
        let below = |step: At| [address, &[step]].concat();
        match value {
            Json::Scalar(_) => value.clone(),
            Json::Array(elements) => {
                let address = below(At::Index);
                let stay = elements.iter().filter(|element| self.survives(&address, element));
                Json::Array(stay.map(|element| self.apply(element, &address)).collect())
            }
            Json::Object(members) => {
                let mut left = Vec::new();
                for (name, value) in members {
                    let address = below(At::Name(name.clone()));
                    if self.survives(&address, value) {
                        let new = self
                            .rename
                            .iter()
                            .find(|(path, _)| matches(path.steps(), &address, false));
                        left.push((name, new.map(|(_, new)| new), self.apply(value, &address)));
                    }
                }
                let renamed: Vec<(String, String)> = left
                    .iter()
                    .filter_map(|(name, new, _)| new.map(|new| ((*name).clone(), new.clone())))
                    .collect();
                let stays = |name: &String, new: &String| {
                    renamed
                        .iter()
                        .find(|(_, taken)| taken == new)
                        .is_none_or(|(taker, _)| taker == name)
                };
                let members = left
                    .into_iter()
                    .filter(|(name, new, _)| stays(name, new.unwrap_or(name)));
                Json::Object(
                    members
                        .map(|(name, new, value)| (new.unwrap_or(name).clone(), value))
                        .collect(),
                )
            }
        }
    }

    fn apply_to_document(&self, document: &Json) -> Json {
        match document {
            Json::Scalar(_) if !self.keep.is_empty() => Json::Scalar("null".into()),
            document => self.apply(document, &[]),
        }
    }

    fn compile(&self) -> BodyRules {
        BodyRules::compile(&self.remove, &self.keep, &self.rename).expect("renames differ")
    }

    /// The document with every scalar that removal should take away replaced.
    fn mark(&self, value: &Json, address: &[At], removed: bool) -> Json {
        let removed = removed || self.removes(address);
        let below = |step: At| [address, &[step]].concat();
        match value {
            Json::Scalar(_) if removed => Json::Scalar(r#""HIDDEN""#.into()),
            Json::Scalar(_) => value.clone(),
            Json::Array(elements) => Json::Array(
                elements
                    .iter()
                    .map(|one| self.mark(one, &below(At::Index), removed))
                    .collect(),
            ),
            Json::Object(members) => Json::Object(
                members
                    .iter()
                    .map(|(name, one)| (name.clone(), self.mark(one, &below(At::Name(name.clone())), removed)))
                    .collect(),
            ),
        }
    }
}

/// As text; every `style` picks white space and how names are escaped.
fn render(value: &Json, style: &mut u32, out: &mut String) {
    *style = style.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    let space = ["", " ", "\n\t", "\r"][(*style >> 20) as usize % 4];
    out.push_str(space);
    match value {
        Json::Scalar(text) => out.push_str(text),
        Json::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                render(element, style, out);
            }
            out.push_str(space);
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                out.push_str(space);
                let escaped: String = name.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
                let plain = serde_json::Value::from(name.as_str()).to_string();
                *style = style.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                out.push_str(&if *style >> 30 == 0 {
                    format!("\"{escaped}\"")
                } else {
                    plain
                });
                out.push_str(space);
                out.push(':');
                render(value, style, out);
            }
            out.push('}');
        }
    }
    out.push_str(space);
}

pub(super) fn text_of(value: &Json, mut style: u32) -> String {
    let mut out = String::new();
    render(value, &mut style, &mut out);
    out
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, Box<RawValue>)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

pub(super) fn parse(text: &str) -> Json {
    use serde::Deserializer;
    match text.trim_start().as_bytes()[0] {
        b'{' => {
            let mut reader = serde_json::Deserializer::from_str(text);
            let members = reader.deserialize_map(Members).expect("an object");
            reader.end().expect("nothing behind it");
            Json::Object(
                members
                    .into_iter()
                    .map(|(name, value)| (name, parse(value.get())))
                    .collect(),
            )
        }
        b'[' => {
            let elements: Vec<Box<RawValue>> = serde_json::from_str(text).expect("an array");
            Json::Array(elements.iter().map(|element| parse(element.get())).collect())
        }
        _ => Json::Scalar(serde_json::from_str::<&RawValue>(text).expect("a value").get().into()),
    }
}

/// Few names, so that rules meet members often.
pub(super) fn a_name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "a.b", "*", "ä\"\\"]).prop_map(str::to_owned)
}

fn a_path() -> impl Strategy<Value = FieldPath> {
    let step = prop_oneof![3 => a_name().prop_map(FieldStep::Name), 1 => Just(FieldStep::Any)];
    prop::collection::vec(step, 1..4).prop_map(|steps| {
        let text: Vec<String> = steps.iter().map(FieldStep::to_string).collect();
        FieldPath::parse(&text.join(".")).expect("as it is shown")
    })
}

pub(super) fn a_document() -> impl Strategy<Value = Json> {
    let scalars = vec![
        "null",
        "true",
        "1e400",
        "-0",
        "1.0",
        r#""\u0061\/""#,
        r#""a""#,
        "123456789012345678901234567890",
    ];
    let scalar = prop::sample::select(scalars).prop_map(|text| Json::Scalar(text.into()));
    scalar.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            2 => prop::collection::vec((a_name(), inner), 0..5).prop_map(Json::Object),
        ]
    })
}

fn some_rules() -> impl Strategy<Value = Lists> {
    let paths = || prop::collection::vec(a_path(), 0..3);
    let rename = prop::collection::vec((a_path(), a_name()), 0..4);
    (paths(), paths(), rename).prop_map(|(remove, keep, mut rename)| {
        rename.retain(|(path, _)| path.steps().last() != Some(&FieldStep::Any));
        let mut seen: Vec<FieldPath> = Vec::new();
        rename.retain(|(path, _)| {
            let new = !seen.contains(path);
            seen.push(path.clone());
            new
        });
        let rename = rename
            .into_iter()
            .map(|(path, name)| (path, FieldStep::Name(name).to_string()));
        Lists {
            remove,
            keep,
            rename: rename.collect(),
        }
    })
}

fn rewritten(rules: &BodyRules, text: &str) -> String {
    String::from_utf8(rewrite(rules, text.as_bytes()).expect("valid and not deep")).expect("stays UTF-8")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn text_and_model_agree(document in a_document(), lists in some_rules(), style: u32) {
        let text = text_of(&document, style);
        prop_assert_eq!(&parse(&text), &document);
        let mut expected = lists.clone();
        // The model's new names are plain, the rules' are spelled as in a config.
        for (_, name) in &mut expected.rename {
            *name = match FieldPath::parse(name).expect("was shown").steps() {
                [FieldStep::Name(name)] => name.clone(),
                other => panic!("{other:?}"),
            };
        }
        let out = rewritten(&lists.compile(), &text);
        prop_assert_eq!(parse(&out), expected.apply_to_document(&document), "{} -> {}", text, out);
    }

    #[test]
    fn nothing_removed_appears(document in a_document(), lists in some_rules(), style: u32) {
        let marked = lists.mark(&document, &[], false);
        let out = rewritten(&lists.compile(), &text_of(&marked, style));
        prop_assert!(!out.contains("HIDDEN"), "{}", out);
    }

    #[test]
    fn twice_is_once(document in a_document(), lists in some_rules(), style: u32) {
        let lists = Lists { rename: Vec::new(), ..lists };
        let rules = lists.compile();
        let once = rewritten(&rules, &text_of(&document, style));
        prop_assert_eq!(&rewritten(&rules, &once), &once);
    }
}
