//! The kinds of values that keys take, each with what messages need to know of it.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use http::StatusCode;

use super::{Decode, Field, Placed, Slot as _, refuse};
use crate::config::report::Report;
use crate::config::tree::{Node, Place, Value, quote};

/// A text and where it stands.
#[derive(Debug)]
pub(in crate::config) struct Text {
    pub(in crate::config) place: Place,
    pub(in crate::config) value: String,
    written: Option<Box<str>>,
}

impl Text {
    /// For messages: as it stands in the document, never what a placeholder was filled with.
    pub(in crate::config) fn quoted(&self) -> String {
        quote(self.written.as_deref().unwrap_or(&self.value))
    }

    /// Whether a placeholder was filled in.
    pub(in crate::config) fn is_filled(&self) -> bool {
        self.written.is_some()
    }

    /// The value as something that is parsed from text; `noun` says what. A parser's own words may quote the
    /// value, so they are shown only when no placeholder was filled in.
    pub(in crate::config) fn parse<T>(
        &self,
        noun: &str,
        report: &mut Report,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        match parse(&self.value) {
            Ok(parsed) => Some(parsed),
            Err(reason) if !self.is_filled() => {
                report.mistake(self.place, reason);
                None
            }
            Err(_) => {
                report.mistake(
                    self.place,
                    format!("what {} is filled with is not {noun}", self.quoted()),
                );
                None
            }
        }
    }
}

impl Decode for Text {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        let Node { place, value, written } = node;
        let value = match value {
            Value::Text(text) => text,
            // The type that a filled scalar takes from its text is an offer, not a duty.
            Value::Number(text) if written.is_some() => text,
            Value::Bool(value) if written.is_some() => value.to_string(),
            value => return refuse(&Node { place, value, written }, "a string", report),
        };
        Some(Self { place, value, written })
    }
}

/// A scalar that is not just text.
pub(in crate::config) trait Scalar: Sized {
    /// What messages call it.
    const NOUN: &'static str;
    fn read(value: &Value) -> Option<Self>;
}

/// A scalar and where it stands.
#[derive(Debug)]
pub(in crate::config) struct At<T> {
    pub(in crate::config) place: Place,
    pub(in crate::config) value: T,
}

impl<T: Scalar> Decode for At<T> {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        match T::read(&node.value) {
            Some(value) => Some(Self {
                place: node.place,
                value,
            }),
            None => refuse(&node, T::NOUN, report),
        }
    }
}

impl Scalar for bool {
    const NOUN: &'static str = "true or false";

    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }
}

impl Scalar for u32 {
    const NOUN: &'static str = "a whole number from 0 to 4294967295, in plain digits";

    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Number(text) if plain_digits(text) => text.parse().ok(),
            _ => None,
        }
    }
}

impl Scalar for NonZeroU32 {
    const NOUN: &'static str = "a whole number from 1 to 4294967295, in plain digits";

    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Number(text) if plain_digits(text) => text.parse().ok(),
            _ => None,
        }
    }
}

/// At most what a header's integer can say (RFC 9651 section 3.3.1).
impl Scalar for NonZeroU64 {
    const NOUN: &'static str = "a whole number from 1 to 999999999999999, in plain digits";

    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Number(text) if plain_digits(text) && text.len() <= 15 => text.parse().ok(),
            _ => None,
        }
    }
}

impl Scalar for StatusCode {
    const NOUN: &'static str = "a status from 200 to 599, in plain digits";

    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Number(text) if plain_digits(text) => text
                .parse()
                .ok()
                .filter(|status: &Self| (200..=599).contains(&status.as_u16())),
            _ => None,
        }
    }
}

impl Scalar for Duration {
    const NOUN: &'static str = "a whole number with its unit, such as 250ms, 2s or 10m";

    fn read(value: &Value) -> Option<Self> {
        let Value::Text(text) = value else { return None };
        let unit = text.find(|character: char| !character.is_ascii_digit())?;
        let (digits, unit) = text.split_at(unit);
        let number: u64 = digits.parse().ok().filter(|_| plain_digits(digits))?;
        match unit {
            "ms" => Some(Self::from_millis(number)),
            "s" => Some(Self::from_secs(number)),
            "m" => number.checked_mul(60).map(Self::from_secs),
            "h" => number.checked_mul(60 * 60).map(Self::from_secs),
            "d" => number.checked_mul(24 * 60 * 60).map(Self::from_secs),
            _ => None,
        }
    }
}

/// Digits as everybody reads them: no sign, no leading zero (which some languages take for octal).
pub(super) fn plain_digits(text: &str) -> bool {
    text == "0" || (!text.starts_with('0') && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// One word out of a closed list.
pub(in crate::config) trait Choice: Copy + 'static {
    const WORDS: &'static [(&'static str, Self)];

    /// Why a word that people do write is not on the list.
    fn why_not(_word: &str) -> Option<&'static str> {
        None
    }
}

/// A chosen word.
#[derive(Debug)]
pub(in crate::config) struct OneOf<T> {
    pub(in crate::config) place: Place,
    pub(in crate::config) value: T,
}

impl<T: Choice> Decode for OneOf<T> {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        let text = Text::decode(node, report)?;
        let place = text.place;
        if let Some((_, value)) = T::WORDS.iter().find(|(word, _)| *word == text.value) {
            return Some(Self { place, value: *value });
        }
        let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
        let shown = text.quoted();
        let reason = if text.is_filled() {
            format!("what {shown} is filled with is not one of: {}", words.join(", "))
        } else if let Some(why) = T::why_not(&text.value) {
            format!("{shown} is not taken: {why}")
        } else {
            match report.nearest(&text.value, words.iter().copied()) {
                Some(near) => format!("{shown} is not one of: {} (did you mean {near:?}?)", words.join(", ")),
                None => format!("{shown} is not one of: {}", words.join(", ")),
            }
        };
        report.mistake(place, reason);
        None
    }
}

/// A list and where it stands. Items that do not fit are reported and left out.
#[derive(Debug)]
pub(in crate::config) struct List<T> {
    pub(in crate::config) place: Place,
    pub(in crate::config) items: Vec<T>,
}

impl<T: Decode> Decode for List<T> {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        let place = node.place;
        let Value::List(nodes) = node.value else {
            return refuse(&node, "a list", report);
        };
        let mut items = Vec::with_capacity(nodes.len());
        items.extend(nodes.into_iter().filter_map(|node| T::decode(node, report)));
        Some(Self { place, items })
    }
}

impl<T> Placed for List<T> {
    fn place(&self) -> Place {
        self.place
    }
}

impl<T> List<T> {
    /// Reports an empty list, unless it is empty because its items were wrong.
    pub(in crate::config) fn refuse_empty(&self, reason: &str, report: &mut Report) {
        if self.items.is_empty() && !report.is_spoiled(self.place) {
            report.mistake(self.place, reason);
        }
    }
}

/// One text, or a list of them.
#[derive(Debug)]
pub(in crate::config) struct OneOrMore(pub(in crate::config) List<Text>);

impl Decode for OneOrMore {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        let place = node.place;
        match node.value {
            Value::List(_) => List::decode(node, report).map(Self),
            Value::Map(_) | Value::Null => refuse(&node, "a string or a list of strings", report),
            _ => Text::decode(node, report).map(|text| {
                Self(List {
                    place,
                    items: vec![text],
                })
            }),
        }
    }
}

/// One value, or a list of such.
#[derive(Debug)]
pub(in crate::config) struct OneOrList<T>(pub(in crate::config) List<T>);

impl<T: Decode> Decode for OneOrList<T> {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        let place = node.place;
        if let Value::List(_) = node.value {
            return List::decode(node, report).map(Self);
        }
        let item = T::decode(node, report)?;
        Some(Self(List {
            place,
            items: vec![item],
        }))
    }
}

/// An object whose keys are names that the document chooses, in file order.
#[derive(Debug)]
pub(in crate::config) struct Map<T> {
    place: Place,
    pub(in crate::config) entries: Vec<Named<T>>,
}

impl<T> Placed for Map<T> {
    fn place(&self) -> Place {
        self.place
    }
}

/// A member of a [`Map`].
#[derive(Debug)]
pub(in crate::config) struct Named<T> {
    pub(in crate::config) place: Place,
    pub(in crate::config) name: String,
    /// `Bad` when it did not fit: the name is known all the same.
    pub(in crate::config) value: Field<T>,
}

impl<T: Decode> Decode for Map<T> {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        let place = node.place;
        let Value::Map(members) = node.value else {
            return refuse(&node, "an object", report);
        };
        let entries = members.into_iter().map(|member| {
            let (place, name) = (member.place, report.key(member.place).to_owned());
            let mut value = Field::Absent;
            value.fill(member, report);
            Named { place, name, value }
        });
        Some(Self {
            place,
            entries: entries.collect(),
        })
    }
}
