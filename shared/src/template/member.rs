//! Members of a JSON text by their path. Values keep the text that they have there: no number is read.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// How deep a path may lead. The grammar of field paths has the same bound.
const MAX_STEPS: usize = 32;

/// The path to one value of a JSON text: names of members, and indexes of arrays from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberPath {
    text: Box<str>,
    /// Never empty.
    steps: Box<[Box<str>]>,
}

impl MemberPath {
    /// Reads a path such as `id`, `address.city`, `items.0.sku`; `\.` is a dot in a name, `\\` a backslash.
    ///
    /// # Errors
    /// What is wrong with it, ready to be shown.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut step = String::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '.' => steps.push(std::mem::take(&mut step).into_boxed_str()),
                '\\' => match characters.next() {
                    Some(escaped @ ('.' | '\\')) => step.push(escaped),
                    _ => return Err(format!("{text:?} has a backslash before neither a dot nor a backslash")),
                },
                other => step.push(other),
            }
        }
        steps.push(step.into_boxed_str());
        if steps.iter().any(|step| step.is_empty()) {
            return Err(format!("{text:?} is not a path to a member: a name in it is empty"));
        }
        if steps.len() > MAX_STEPS {
            return Err(format!("{text:?} has more than {MAX_STEPS} steps"));
        }
        Ok(Self {
            text: text.into(),
            steps: steps.into(),
        })
    }

    /// What is there, if anything. Of two members with one name the last counts, as in most readers (RFC 8259 section 4).
    pub(super) fn find<'t>(&self, json: &'t [u8]) -> Option<&'t RawValue> {
        let whole: &RawValue = serde_json::from_slice(json).ok()?;
        self.steps.iter().try_fold(whole, |value, step| beneath(value, step))
    }
}

impl fmt::Display for MemberPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.text.escape_debug())
    }
}

/// The members of a JSON object in their order, name and value as they are written; `None` for any other text.
pub(crate) fn members(json: &[u8]) -> Option<Vec<(&RawValue, &RawValue)>> {
    let Members(members) = serde_json::from_slice(json).ok()?;
    Some(members)
}

fn beneath<'t>(value: &'t RawValue, step: &str) -> Option<&'t RawValue> {
    let text = value.get();
    if text.starts_with('[') {
        let index = step.parse().ok().filter(|_| is_index(step))?;
        return serde_json::Deserializer::from_str(text)
            .deserialize_seq(Element(index))
            .ok()?;
    }
    let mut found = members(text.as_bytes())?;
    found.retain(|(name, _)| is_named(name, step));
    found.pop().map(|(_, value)| value)
}

/// Digits as JSON pointers have them (RFC 6901 section 4).
fn is_index(step: &str) -> bool {
    step == "0" || !step.starts_with('0') && step.bytes().all(|byte| byte.is_ascii_digit())
}

/// Compared with the escapes of the text undone: no spelling makes another name of it.
fn is_named(written: &RawValue, name: &str) -> bool {
    serde_json::from_str::<Cow<'_, str>>(written.get()).is_ok_and(|decoded| decoded == name)
}

struct Members<'t>(Vec<(&'t RawValue, &'t RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = entries.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// The element of an array with this index.
struct Element(usize);

impl<'de> Visitor<'de> for Element {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        for _ in 0..self.0 {
            if elements.next_element::<IgnoredAny>()?.is_none() {
                return Ok(None);
            }
        }
        let found = elements.next_element()?;
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }
}
