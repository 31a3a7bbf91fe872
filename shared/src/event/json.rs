//! JSON objects of an event, read one level at a time.
//!
//! A member that is broken must cost a 400 that names it, not the whole event, so nothing below a level is looked at
//! before somebody asks. The scan that finds where a member ends is cheap beside the rest of a request.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of one object, in their order. `null` is read as if the member were not there.
#[derive(Debug, Default)]
pub(super) struct Object<'a> {
    /// What stands before a member's name in messages: empty, or `requestContext.` and the like.
    place: &'static str,
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// Reads the outermost object; `None` for any other value.
    pub(super) fn outermost(json: &'a str) -> Option<Self> {
        Self::parse(json, "")
    }

    fn parse(json: &'a str, place: &'static str) -> Option<Self> {
        serde_json::from_str(json)
            .ok()
            .map(|Members(members)| Self { place, members })
    }

    /// A member's JSON. The last one counts where a name stands twice.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let (_, value) = self.members.iter().rfind(|(member, _)| member == name)?;
        (value.get() != "null").then_some(*value)
    }

    /// Whether the member is there and this string.
    pub(super) fn says(&self, name: &str, text: &str) -> bool {
        matches!(self.text(name), Ok(Some(value)) if value == text)
    }

    /// A string, or nothing. The error is a sentence for a 400.
    pub(super) fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, String> {
        self.get(name)
            .map(|value| text(value).ok_or_else(|| self.wrong(name, "is not a string")))
            .transpose()
    }

    /// A string that must be there. The error is a sentence for a 400.
    pub(super) fn required(&self, name: &str) -> Result<Cow<'a, str>, String> {
        self.text(name)?.ok_or_else(|| self.wrong(name, "is missing"))
    }

    /// `true`, or `false` where it is not there. The error is a sentence for a 400.
    pub(super) fn flag(&self, name: &str) -> Result<bool, String> {
        match self.get(name).map(RawValue::get) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(self.wrong(name, "is neither true nor false")),
        }
    }

    /// A list of strings, empty where it is not there. The error is a sentence for a 400.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<Cow<'a, str>>, String> {
        let Some(value) = self.get(name) else {
            return Ok(Vec::new());
        };
        let items: Option<Vec<&RawValue>> = serde_json::from_str(value.get()).ok();
        items
            .and_then(|items| items.into_iter().map(text).collect())
            .ok_or_else(|| self.wrong(name, "is not a list of strings"))
    }

    /// An object inside, empty where it is not there. `place` is put before its members' names in messages. The error
    /// is a sentence for a 400.
    pub(super) fn object(&self, name: &str, place: &'static str) -> Result<Object<'a>, String> {
        match self.get(name) {
            None => Ok(Object {
                place,
                members: Vec::new(),
            }),
            Some(value) => Self::parse(value.get(), place).ok_or_else(|| self.wrong(name, "is not an object")),
        }
    }

    /// All members with a value, in their order.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.members
            .iter()
            .filter(|(_, value)| value.get() != "null")
            .map(|(name, value)| (name.as_ref(), *value))
    }

    /// The sentence that a member is wrong.
    pub(super) fn wrong(&self, name: &str, what: &str) -> String {
        format!("The event's `{}{name}` {what}.", self.place)
    }
}

/// A JSON string's text; `None` for any other value, and for one with an unpaired surrogate.
pub(super) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str(value.get()).ok().map(|Text(text)| text)
}

/// `Cow` alone would always copy.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Text(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(MembersVisitor).map(Members)
    }
}
