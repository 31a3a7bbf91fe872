//! JSON text to tree, without lines: a third of the price, paid at every cold start. It gives up on whatever is not
//! plain, and leaves the words for it to the reader that knows lines.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::config::MAX_DEPTH;
use crate::config::report::Report;
use crate::config::tree::{Node, Place, Value};

/// Every place is on line 1. `None`: not JSON, nested too deep, or with a number whose text is lost on the way.
pub(in crate::config) fn read(text: &str, report: &mut Report) -> Option<Node> {
    let mut json = serde_json::Deserializer::from_str(text);
    let root = Reader {
        report,
        place: Report::ROOT,
        depth: 0,
    };
    let node = root.deserialize(&mut json).ok()?;
    json.end().ok()?;
    Some(node)
}

/// Reads the value at a place.
struct Reader<'r> {
    report: &'r mut Report,
    place: Place,
    depth: usize,
}

impl Reader<'_> {
    fn node<E>(&self, value: Value) -> Result<Node, E> {
        Ok(Node::new(self.place, value))
    }

    /// For the values inside.
    fn beneath<E: Error>(self) -> Result<Self, E> {
        match self.depth < MAX_DEPTH {
            true => Ok(Self {
                depth: self.depth + 1,
                ..self
            }),
            false => Err(E::custom("nested too deep")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Node, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value whose text is known")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        self.node(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        self.node(Value::Bool(value))
    }

    // Whole numbers have one spelling in JSON. Others have many, so there is no `visit_f64`.
    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        self.node(Value::Number(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        self.node(Value::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        self.node(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let Reader { report, place, depth } = self.beneath()?;
        let mut items = Vec::new();
        loop {
            // The place behind the last element stays empty.
            let place = report.element(place, items.len(), 1);
            let item = Reader {
                report: &mut *report,
                place,
                depth,
            };
            match list.next_element_seed(item)? {
                Some(item) => items.push(item),
                None => break,
            }
        }
        Ok(Node::new(place, Value::List(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let Reader { report, place, depth } = self.beneath()?;
        let mut members = Vec::new();
        while let Some(place) = map.next_key_seed(Key {
            report: &mut *report,
            parent: place,
        })? {
            let report = &mut *report;
            members.push(map.next_value_seed(Reader { report, place, depth })?);
        }
        Ok(Node::new(place, Value::Map(members)))
    }
}

/// Reads the name of a member and gives it a place.
struct Key<'r> {
    report: &'r mut Report,
    parent: Place,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Place;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Place, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Place;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Place, E> {
        Ok(self.report.member(self.parent, name, 1))
    }
}
