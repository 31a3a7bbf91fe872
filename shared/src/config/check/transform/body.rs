//! Rules for JSON bodies.

use super::fields;
use crate::config::check::templates::Scope;
use crate::config::decode::{AnyJson, Decode as _, Slot as _, Text};
use crate::config::raw;
use crate::config::raw::transform::TransformResponse;
use crate::config::report::Report;
use crate::config::tree::{Node, Value};
use crate::template::{JsonTemplate, ValueTemplate};
use crate::transform::{BodyChanges, FieldPath, FieldStep, Rule};

/// The rules of a `body`; `None` where they cannot be known for a mistake.
pub(super) fn changes(raw: &raw::transform::BodyChanges, scope: Scope<'_>, report: &mut Report) -> Option<BodyChanges> {
    let unwrap = raw.unwrap.given().and_then(|text| named(text, report));
    let wrap = raw.wrap.given().and_then(|text| named(text, report));
    let (fields, origins) = fields::rules(&raw.fields, raw.place, report)?;
    let mut changes = BodyChanges {
        unwrap,
        fields,
        origins,
        wrap,
        ..BodyChanges::default()
    };
    for entry in raw.set.given().map_or(&[][..], |map| &map.entries) {
        let path = names(&entry.name).map_err(|reason| report.mistake(entry.place, reason));
        let value = entry.value.given().and_then(|AnyJson(node)| value(node, scope, report));
        let (Ok(path), Some(value)) = (path, value) else {
            continue;
        };
        let at = report.pointer(entry.place);
        if let Err(reason) = changes.set.push(Rule {
            at,
            says: (path, value),
        }) {
            report.mistake(entry.place, reason);
        }
    }
    Some(changes)
}

/// The rules of an answer: those of its `body`, or those that stand in its place.
pub(super) fn of_answer(raw: &TransformResponse, scope: Scope<'_>, report: &mut Report) -> Option<BodyChanges> {
    let short = &raw.fields;
    let is_short =
        !(short.remove_fields.is_absent() && short.keep_fields.is_absent() && short.rename_fields.is_absent());
    if is_short && !raw.body.is_absent() {
        let reason = "remove_fields, keep_fields and rename_fields stand either here or in body";
        report.mistake(raw.place, reason);
    }
    if let Some(body) = raw.body.given() {
        return changes(body, scope, report);
    }
    let (fields, origins) = fields::rules(short, raw.place, report)?;
    Some(BodyChanges {
        fields,
        origins,
        ..BodyChanges::default()
    })
}

fn named(text: &Text, report: &mut Report) -> Option<Rule<Vec<String>>> {
    let says = text.parse("a field path without `*`", report, names)?;
    let at = report.pointer(text.place);
    Some(Rule { at, says })
}

/// A field path that leads to one place only.
fn names(text: &str) -> Result<Vec<String>, String> {
    let path = FieldPath::parse(text)?;
    let names = path.steps().iter().map(|step| match step {
        FieldStep::Name(name) => Ok(name.clone()),
        FieldStep::Any => Err(format!("`{path}`: `*` names no member to be set, wrapped or unwrapped")),
    });
    names.collect()
}

fn value(node: &Node, scope: Scope<'_>, report: &mut Report) -> Option<ValueTemplate> {
    Some(match &node.value {
        Value::Broken => return None,
        Value::Null => ValueTemplate::Fixed("null".into()),
        Value::Bool(value) => ValueTemplate::Fixed(value.to_string().into()),
        Value::Number(number) => ValueTemplate::Fixed(number.as_str().into()),
        Value::Text(_) => {
            let text = Text::decode(node.clone(), report)?;
            ValueTemplate::Text(scope.template(&text, "a text with placeholders", JsonTemplate::parse, report)?)
        }
        Value::List(items) => {
            let items: Vec<Option<_>> = items.iter().map(|item| value(item, scope, report)).collect();
            ValueTemplate::List(items.into_iter().collect::<Option<_>>()?)
        }
        Value::Map(members) => {
            let mut filled = Vec::with_capacity(members.len());
            for member in members {
                let name = report.key(member.place).into();
                filled.push((name, value(member, scope, report)?));
            }
            ValueTemplate::Object(filled)
        }
    })
}
