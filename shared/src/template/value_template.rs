//! A whole JSON value of the config whose texts are filled.

use super::value::json_string;
use super::{JsonTemplate, Source, Unfilled, Values};

/// A JSON value. What is missing is left out of objects and lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueTemplate {
    /// JSON that is always the same.
    Fixed(Box<str>),
    /// A text that is filled.
    Text(JsonTemplate),
    /// A list.
    List(Vec<ValueTemplate>),
    /// An object: names and values in their order.
    Object(Vec<(Box<str>, ValueTemplate)>),
}

impl ValueTemplate {
    /// The JSON text in one request; `None` where it is a text that cannot be filled.
    ///
    /// # Errors
    /// As [`JsonTemplate::fill`].
    pub fn fill(&self, values: &Values<'_>) -> Result<Option<String>, Unfilled> {
        Ok(Some(match self {
            Self::Fixed(json) => json.to_string(),
            Self::Text(text) => return text.fill(values),
            Self::List(items) => {
                let filled: Result<Vec<_>, _> = items.iter().map(|item| item.fill(values)).collect();
                let items: Vec<String> = filled?.into_iter().flatten().collect();
                format!("[{}]", items.join(","))
            }
            Self::Object(members) => {
                let mut filled = Vec::with_capacity(members.len());
                for (name, value) in members {
                    let value = value.fill(values)?;
                    filled.extend(value.map(|value| format!("{}:{value}", json_string(name))));
                }
                format!("{{{}}}", filled.join(","))
            }
        }))
    }

    /// What its placeholders name, in their order.
    pub fn sources(&self) -> Box<dyn Iterator<Item = &Source> + '_> {
        match self {
            Self::Fixed(_) => Box::new(std::iter::empty()),
            Self::Text(text) => Box::new(text.sources()),
            Self::List(items) => Box::new(items.iter().flat_map(Self::sources)),
            Self::Object(members) => Box::new(members.iter().flat_map(|(_, value)| value.sources())),
        }
    }
}
