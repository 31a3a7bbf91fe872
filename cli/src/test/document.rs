//! A JSON file whose every value knows its line and its JSON pointer, so that all mistakes of the file are told at
//! once, in the form that `check` gives to those of a config: `file:line: /pointer: reason`.

use std::cell::RefCell;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// Longer words get no suggestion: comparing costs the product of the lengths.
const LONGEST_WORD: usize = 64;

/// A file's text, and what is wrong with it so far.
#[derive(Debug)]
pub(super) struct Document<'a> {
    name: &'a str,
    text: &'a str,
    mistakes: RefCell<Vec<(usize, String)>>,
}

/// One value of a document.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    document: &'a Document<'a>,
    pointer: String,
    raw: &'a RawValue,
}

/// An object's members, of which those are known that somebody asked for.
#[derive(Debug)]
pub(super) struct Object<'a> {
    node: Node<'a>,
    members: Vec<(String, Node<'a>)>,
    known: Vec<&'static str>,
}

impl<'a> Document<'a> {
    /// `name` stands in messages as the file.
    pub(super) fn new(name: &'a str, text: &'a str) -> Self {
        Self {
            name,
            text,
            mistakes: RefCell::default(),
        }
    }

    /// The whole document; `None`, and a mistake, when the text is no JSON.
    pub(super) fn root(&'a self) -> Option<Node<'a>> {
        match serde_json::from_str(self.text) {
            Ok(raw) => Some(Node {
                document: self,
                pointer: String::new(),
                raw,
            }),
            Err(error) => {
                let line = error.line().max(1);
                self.note(line, format!("{}:{line}: is no JSON: {error}", self.name));
                None
            }
        }
    }

    /// Every mistake, in file order.
    pub(super) fn mistakes(self) -> Vec<String> {
        let mut mistakes = self.mistakes.into_inner();
        mistakes.sort_by_key(|(line, _)| *line);
        mistakes.into_iter().map(|(_, text)| text).collect()
    }

    fn note(&self, line: usize, text: String) {
        self.mistakes.borrow_mut().push((line, text));
    }

    /// The line, from 1, that a part of the text begins on.
    fn line(&self, part: &str) -> usize {
        let offset = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let before = self.text.as_bytes().iter().take(offset);
        before.filter(|byte| **byte == b'\n').count() + 1
    }
}

impl<'a> Node<'a> {
    /// Records a mistake at this place.
    pub(super) fn wrong(&self, reason: impl fmt::Display) {
        let line = self.document.line(self.raw.get());
        let name = self.document.name;
        let text = match self.pointer.as_str() {
            "" => format!("{name}:{line}: {reason}"),
            pointer => format!("{name}:{line}: {}: {reason}", pointer.escape_debug()),
        };
        self.document.note(line, text);
    }

    /// The value as it is written.
    pub(super) fn raw(&self) -> &'a str {
        self.raw.get()
    }

    /// Whether it is `null`.
    pub(super) fn is_null(&self) -> bool {
        self.raw() == "null"
    }

    /// A string.
    pub(super) fn text(&self) -> Option<String> {
        let text = serde_json::from_str(self.raw()).ok();
        self.or_wrong(text, "is not a string")
    }

    /// A string, read further.
    pub(super) fn parsed<T>(&self, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        parse(&self.text()?).map_err(|why| self.wrong(why)).ok()
    }

    /// A whole number in this range.
    pub(super) fn number<T: TryFrom<u64>>(&self, range: std::ops::RangeInclusive<u64>) -> Option<T> {
        let number: Option<u64> = serde_json::from_str(self.raw()).ok();
        let number = number.filter(|number| range.contains(number));
        let why = format!("is not a whole number from {} to {}", range.start(), range.end());
        self.or_wrong(number.and_then(|number| T::try_from(number).ok()), why)
    }

    /// Any value.
    pub(super) fn value(&self) -> Option<Value> {
        let value = serde_json::from_str(self.raw());
        value
            .map_err(|error| self.wrong(format!("cannot be read: {error}")))
            .ok()
    }

    /// A list's elements.
    pub(super) fn elements(&self) -> Option<Vec<Node<'a>>> {
        let elements: Option<Vec<&'a RawValue>> = serde_json::from_str(self.raw()).ok();
        let element = |(place, raw): (usize, &'a RawValue)| self.inner(&place.to_string(), raw);
        let elements = elements.map(|elements| elements.into_iter().enumerate().map(element).collect());
        self.or_wrong(elements, "is not a list")
    }

    /// An object's members, in their order. A name that stands twice is a mistake.
    pub(super) fn members(&self) -> Option<Vec<(String, Node<'a>)>> {
        let members = serde_json::from_str(self.raw()).ok();
        let Members(members) = self.or_wrong(members, "is not an object")?;
        let mut nodes: Vec<(String, Node<'a>)> = Vec::with_capacity(members.len());
        for (name, raw) in members {
            let node = self.inner(&name, raw);
            match nodes.iter().any(|(other, _)| *other == name) {
                true => node.wrong("is here twice"),
                false => nodes.push((name, node)),
            }
        }
        Some(nodes)
    }

    /// An object whose members are known by name.
    pub(super) fn object(&self) -> Option<Object<'a>> {
        Some(Object {
            members: self.members()?,
            node: self.clone(),
            known: Vec::new(),
        })
    }

    fn inner(&self, step: &str, raw: &'a RawValue) -> Node<'a> {
        let step = step.replace('~', "~0").replace('/', "~1");
        Node {
            document: self.document,
            pointer: format!("{}/{step}", self.pointer),
            raw,
        }
    }

    fn or_wrong<T>(&self, value: Option<T>, why: impl fmt::Display) -> Option<T> {
        if value.is_none() {
            self.wrong(why);
        }
        value
    }
}

impl<'a> Object<'a> {
    /// A member, known from now on.
    pub(super) fn take(&mut self, name: &'static str) -> Option<Node<'a>> {
        self.known.push(name);
        let member = self.members.iter().find(|(member, _)| member == name);
        member.map(|(_, node)| node.clone())
    }

    /// A member that must be there.
    pub(super) fn required(&mut self, name: &'static str) -> Option<Node<'a>> {
        let member = self.take(name);
        if member.is_none() {
            self.node.wrong(format!("has no \"{name}\""));
        }
        member
    }

    /// Those of these members that are there.
    pub(super) fn among(&mut self, names: &[&'static str]) -> Vec<(&'static str, Node<'a>)> {
        let there = |name: &&'static str| Some((*name, self.take(name)?));
        names.iter().filter_map(there).collect()
    }

    /// Records a mistake of the object as a whole.
    pub(super) fn wrong(&self, reason: impl fmt::Display) {
        self.node.wrong(reason);
    }

    /// Records every member that nobody asked for as a mistake.
    pub(super) fn finish(self) {
        for (name, node) in &self.members {
            if self.known.iter().any(|known| known == name) {
                continue;
            }
            match nearest(name, &self.known) {
                Some(known) => node.wrong(format!("\"{name}\" is not a member here (did you mean \"{known}\"?)")),
                None => node.wrong(format!("is not a member here; there are {}", self.known.join(", "))),
            }
        }
    }
}

/// The candidate that was probably meant, if any is near enough.
pub(super) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    if word.len() > LONGEST_WORD {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let allowed = (word.chars().count() / 3).max(1);
    let distances = candidates
        .iter()
        .map(|candidate| (strsim::osa_distance(&word, candidate), *candidate));
    let best = distances.filter(|(distance, _)| *distance <= allowed).min();
    best.map(|(_, candidate)| candidate)
}

/// `serde_json::Map` would lose the order, the second of two members of one name, and where each stands.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
        deserializer.deserialize_map(MembersVisitor).map(Members)
    }
}
