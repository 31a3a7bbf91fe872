//! A JSON object as text: members can be set and taken away, and all others stay as somebody wrote them.

use serde_json::Value;

use crate::test::document::{Document, Node};

/// The order in which new members are put in; all others stand before them.
const ORDER: [&str; 11] = [
    "upstream",
    "request",
    "status",
    "error",
    "decision",
    "headers",
    "body",
    "body_base64",
    "body_length",
    "response_event",
    "answer",
];

/// Members in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft(Vec<(String, Text)>);

/// A member's JSON.
#[derive(Clone, Debug)]
enum Text {
    /// With its lines where they stood in the file.
    Kept(String),
    /// With its lines indented as if it stood alone.
    New(String),
}

impl Draft {
    /// An object; anything else has no members.
    pub(super) fn read(json: &str) -> Self {
        let document = Document::new("", json);
        let members = document.root().and_then(|root| root.members()).unwrap_or_default();
        let kept = |(name, node): (String, Node<'_>)| (name, Text::Kept(node.raw().to_owned()));
        Self(members.into_iter().map(kept).collect())
    }

    /// The objects in a member that is a list; none in any other.
    pub(super) fn list(&self, name: &str) -> Vec<Self> {
        let document = Document::new("", self.get(name).unwrap_or("[]"));
        let elements = document.root().and_then(|root| root.elements()).unwrap_or_default();
        elements.iter().map(|element| Self::read(element.raw())).collect()
    }

    /// Sets a member, unless it has this value already.
    pub(super) fn set(&mut self, name: &str, value: &Value) {
        if !self.has(name, value) {
            self.put(name, Text::New(format!("{value:#}")));
        }
    }

    /// Sets a member to JSON that is written already.
    pub(super) fn set_text(&mut self, name: &str, json: &str) {
        self.put(name, Text::New(json.to_owned()));
    }

    /// Sets a member of an outermost object to a list of objects, unless it has this value already.
    pub(super) fn set_list(&mut self, name: &str, items: &[Self]) {
        let items: Vec<String> = items.iter().map(|item| format!("    {}", item.render(4))).collect();
        let text = format!("[\n{}\n  ]", items.join(",\n"));
        if !serde_json::from_str(&text).is_ok_and(|value| self.has(name, &value)) {
            self.put(name, Text::Kept(text));
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|(member, _)| member != name);
    }

    /// The object's text for a place whose line begins with so many blanks.
    pub(super) fn render(&self, indent: usize) -> String {
        let blanks = " ".repeat(indent);
        let member = |(name, text): &(String, Text)| {
            let text = match text {
                Text::Kept(text) => text.clone(),
                // No string in JSON has a line break in it.
                Text::New(text) => text.replace('\n', &format!("\n{blanks}  ")),
            };
            format!("{blanks}  {}: {text}", Value::from(name.as_str()))
        };
        let members: Vec<String> = self.0.iter().map(member).collect();
        format!("{{\n{}\n{blanks}}}", members.join(",\n"))
    }

    fn has(&self, name: &str, value: &Value) -> bool {
        let same = |text: &str| serde_json::from_str(text).is_ok_and(|before: Value| before == *value);
        self.get(name).is_some_and(same)
    }

    fn get(&self, name: &str) -> Option<&str> {
        let (_, text) = self.0.iter().find(|(member, _)| member == name)?;
        let (Text::Kept(text) | Text::New(text)) = text;
        Some(text)
    }

    /// In the place of a member of this name, else before the first that comes after it.
    fn put(&mut self, name: &str, text: Text) {
        if let Some((_, before)) = self.0.iter_mut().find(|(member, _)| member == name) {
            *before = text;
            return;
        }
        let later = |(member, _): &(String, Text)| rank(member) > rank(name);
        let place = self.0.iter().position(later).unwrap_or(self.0.len());
        self.0.insert(place, (name.to_owned(), text));
    }
}

fn rank(name: &str) -> usize {
    ORDER
        .iter()
        .position(|other| *other == name)
        .map_or(0, |place| place + 1)
}
