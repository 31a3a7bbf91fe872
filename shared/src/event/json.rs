//! JSON objects of an event, read one level at a time.
//!
//! A member that is broken must cost a 400 that names it, not the whole event, so nothing below a level is looked at
//! before somebody asks. The scan that finds where a member ends is cheap beside the rest of a request.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
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

    /// How many members stand in it, those with `null` included.
    pub(super) fn len(&self) -> usize {
        self.members.len()
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

/// Hands over each string of a list, in order; false for any other value, and at the first element that is no string.
pub(super) fn each_text<'a>(list: &'a RawValue, take: impl FnMut(Cow<'a, str>)) -> bool {
    struct Each<F>(F);
    impl<'de, F: FnMut(Cow<'de, str>)> Visitor<'de> for Each<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of strings")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
            while let Some(Text(text)) = list.next_element()? {
                (self.0)(text);
            }
            Ok(())
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(list.get());
    deserializer.deserialize_seq(Each(take)).is_ok()
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
