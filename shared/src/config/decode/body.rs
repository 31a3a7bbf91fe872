//! A body that stands in the document: a text, or a JSON value written out.

use serde_json::value::RawValue;

use super::{Decode, Text, refuse};
use crate::config::compact;
use crate::config::report::Report;
use crate::config::tree::{Node, Place, Value};

/// What `body` holds.
#[derive(Debug)]
pub(in crate::config) enum Body {
    /// A text as it stands.
    Text(Text),
    /// An object or a list, as JSON without blanks.
    Json {
        /// Where it begins.
        place: Place,
        json: String,
    },
}

impl Decode for Body {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        match &node.value {
            Value::List(_) | Value::Map(_) => {
                refuse_foreign_numbers(&node, report);
                let json = compact::write(&node, report);
                Some(Self::Json {
                    place: node.place,
                    json,
                })
            }
            Value::Text(_) => Text::decode(node, report).map(Self::Text),
            // A filled scalar takes its type from its text, and here a text is taken.
            Value::Number(_) | Value::Bool(_) if node.written.is_some() => Text::decode(node, report).map(Self::Text),
            _ => refuse(&node, "a string, an object or a list", report),
        }
    }
}

/// Any JSON value that stands in the document.
#[derive(Debug)]
pub(in crate::config) struct Json {
    /// Where it begins.
    pub(in crate::config) place: Place,
    /// Without blanks; numbers as they are written.
    pub(in crate::config) text: String,
}

impl Decode for Json {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        refuse_foreign_numbers(&node, report);
        let text = compact::write(&node, report);
        Some(Self {
            place: node.place,
            text,
        })
    }
}

/// A JSON value of any kind but `null`, as it stands in the document: its texts may hold placeholders.
#[derive(Debug)]
pub(in crate::config) struct AnyJson(pub(in crate::config) Node);

impl Decode for AnyJson {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        if let Value::Null | Value::Broken = node.value {
            return refuse(&node, "a JSON value other than null", report);
        }
        refuse_foreign_numbers(&node, report);
        Some(Self(node))
    }
}

/// YAML writes numbers in ways that JSON has no form for (`0x1F`, `.5`, `.inf`): which other number or text would
/// be meant is not ours to guess.
fn refuse_foreign_numbers(node: &Node, report: &mut Report) {
    match &node.value {
        Value::Number(text) if serde_json::from_str::<&RawValue>(text).is_err() => {
            let _: Option<()> = refuse(node, "a number as JSON writes it", report);
        }
        Value::List(items) | Value::Map(items) => items.iter().for_each(|item| refuse_foreign_numbers(item, report)),
        _ => {}
    }
}
