//! JSON text to tree.

mod quick;
#[cfg(test)]
mod tests;

use jsonc_parser::ast::{Object, Value as Json};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde::de::IgnoredAny;

use super::MAX_DEPTH;
use super::report::Report;
use super::tree::{Node, Place, Value};

/// Reads strict JSON (RFC 8259). `None`: what is wrong is in the report.
pub(super) fn read(text: &str, report: &mut Report) -> Option<Node> {
    if !report.has_lines()
        && let Some(node) = quick::read(text, report)
    {
        return Some(node);
    }
    let strict = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
    };
    let lines = Lines::of(text);
    let parsed = match parse_to_ast(text, &CollectOptions::default(), &strict) {
        Ok(parsed) => parsed,
        Err(error) => {
            report.unreadable(lines.at(error.range().start), &format!("not JSON: {}", error.kind()));
            return None;
        }
    };
    // jsonc-parser knows where each value stands and has good words, but takes a little more than JSON (raw
    // control characters in strings, odd spaces). serde_json does not. Both take well under a millisecond.
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        let place = format!(" at line {} column {}", error.line(), error.column());
        let reason = error.to_string();
        report.unreadable(
            error.line().max(1),
            &format!("not JSON: {}", reason.trim_end_matches(&place)),
        );
        return None;
    }
    Reader { report, lines }.node(parsed.value?, Report::ROOT, 0)
}

struct Reader<'a> {
    report: &'a mut Report,
    lines: Lines,
}

impl Reader<'_> {
    fn node(&mut self, json: Json<'_>, place: Place, depth: usize) -> Option<Node> {
        if depth > MAX_DEPTH {
            self.report.unreadable(
                self.report.line(place),
                &format!("nested deeper than {MAX_DEPTH} levels"),
            );
            return None;
        }
        let value = match json {
            Json::NullKeyword(_) => Value::Null,
            Json::BooleanLit(literal) => Value::Bool(literal.value),
            Json::NumberLit(literal) => Value::Number(literal.value.to_owned()),
            Json::StringLit(literal) => Value::Text(literal.value.into_owned()),
            Json::Object(object) => self.object(object, place, depth)?,
            Json::Array(array) => {
                let mut items = Vec::with_capacity(array.elements.len());
                for (index, element) in array.elements.into_iter().enumerate() {
                    let line = self.lines.at(jsonc_parser::common::Ranged::start(&element));
                    let place = self.report.element(place, index, line);
                    items.push(self.node(element, place, depth + 1)?);
                }
                Value::List(items)
            }
        };
        Some(Node::new(place, value))
    }

    fn object(&mut self, object: Object<'_>, place: Place, depth: usize) -> Option<Value> {
        let mut members = Vec::with_capacity(object.properties.len());
        for property in object.properties {
            let line = self.lines.at(property.range.start);
            let place = self.report.member(place, property.name.as_str(), line);
            members.push(self.node(property.value, place, depth + 1)?);
        }
        Some(Value::Map(members))
    }
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(
            text.bytes()
                .enumerate()
                .filter(|(_, byte)| *byte == b'\n')
                .map(|(at, _)| at)
                .collect(),
        )
    }

    /// The line of a byte offset, from 1.
    fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|end| *end < offset) + 1
    }
}
