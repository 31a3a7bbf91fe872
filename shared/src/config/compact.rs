//! The document as the shortest JSON with the same meaning: what a deployment carries in a parameter or variable.

use serde_json::Value as Json;

use super::report::Report;
use super::tree::{Node, Value};

/// Writes the tree, placeholders as they stand.
pub(super) fn write(node: &Node, report: &Report) -> Json {
    match &node.value {
        Value::Null | Value::Broken => Json::Null,
        Value::Bool(value) => (*value).into(),
        // A number that only YAML writes so stays text, which means the same wherever a number is wanted.
        Value::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()),
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(|item| write(item, report)).collect(),
        Value::Map(members) => members
            .iter()
            .map(|member| (report.key(member.place).to_owned(), write(member, report)))
            .collect(),
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
        let shortest = r#"{"routes":[{"limit":10,"methods":["GET","POST"],"on":true,"path":"/a/**"}],"upstream":"${URL:-http://x}"}"#;
        assert_eq!(compact("a.yaml", yaml).expect("a document"), shortest);
        assert_eq!(compact("a.json", json).expect("a document"), shortest);
    }

    #[test]
    fn what_cannot_be_read_is_a_mistake() {
        assert!(compact("a.yaml", "a: [").is_err());
        assert!(compact("a.json", "{\"a\": 1, \"a\": 2}").is_err());
    }
}
