//! The document as the shortest JSON with the same meaning: what a deployment carries in a parameter or variable.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::report::Report;
use super::tree::{Node, Value};

/// Writes the tree, placeholders as they stand and members in their order: of two renames the first written holds.
pub(super) fn write(node: &Node, report: &Report) -> String {
    // Strings, numbers, and maps keyed by strings: serializing them to memory has no way to fail.
    serde_json::to_string(&Compact { node, report }).unwrap_or_default()
}

struct Compact<'t> {
    node: &'t Node,
    report: &'t Report,
}

impl Serialize for Compact<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { node, report } = *self;
        let beneath = |node| Compact { node, report };
        match &node.value {
            Value::Null | Value::Broken => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            // By its text: parsed and printed it would lose digits.
            Value::Number(text) => match serde_json::from_str::<&RawValue>(text) {
                Ok(number) => number.serialize(serializer),
                // A number that only YAML writes so stays text, which means the same wherever a number is wanted.
                Err(_) => serializer.serialize_str(text),
            },
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(items) => serializer.collect_seq(items.iter().map(beneath)),
            Value::Map(members) => {
                serializer.collect_map(members.iter().map(|member| (report.key(member.place), beneath(member))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::compact;

    #[test]
    fn both_syntaxes_come_to_one_text_without_blanks() {
        let yaml = "# a comment\nroutes:\n  - path: /a/**\n    methods: [GET, \"POST\"]\n    limit: 10\n    on: true\n\
                    upstream: \"${URL:-http://x}\"\n";
        let json = r#" { "routes": [ { "path": "/a/**", "methods": ["GET", "POST"], "limit": 10, "on": true } ],
                         "upstream": "${URL:-http://x}" } "#;
        let shortest = r#"{"routes":[{"path":"/a/**","methods":["GET","POST"],"limit":10,"on":true}],"upstream":"${URL:-http://x}"}"#;
        assert_eq!(compact("a.yaml", yaml).expect("a document"), shortest);
        assert_eq!(compact("a.json", json).expect("a document"), shortest);
    }

    #[test]
    fn what_cannot_be_read_is_a_mistake() {
        assert!(compact("a.yaml", "a: [").is_err());
        assert!(compact("a.json", "{\"a\": 1, \"a\": 2}").is_err());
    }
}
