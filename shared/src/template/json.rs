//! A text as a JSON value.

use super::syntax::{Written, split};
use super::value::json_string;
use super::{Piece, Resolve, Source, Unfilled, Values, sources};

/// A JSON string. One that is a single placeholder and nothing else becomes the value itself, with the type that it has
/// where it comes from: numbers keep their text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonTemplate {
    pieces: Vec<Piece>,
}

impl JsonTemplate {
    /// Reads the text of a JSON string, without quotes and escapes.
    ///
    /// # Errors
    /// What is wrong with it, ready to be shown.
    pub fn parse(text: &str, resolve: Resolve<'_>) -> Result<Self, String> {
        let mut pieces = Vec::new();
        for piece in split(text)? {
            pieces.push(match piece {
                Written::Text(text) => Piece::Text(text.into()),
                Written::Placeholder(name) => Piece::Value(resolve(name)?),
            });
        }
        Ok(Self { pieces })
    }

    /// The JSON text in one request. `None`, so that the value is left out, where the client did not send what it is
    /// made of.
    ///
    /// # Errors
    /// A claim, or a member of another part, is missing, or has no text where one is needed.
    pub fn fill(&self, values: &Values<'_>) -> Result<Option<String>, Unfilled> {
        let absent = |source: &Source| match source.is_clients_word() {
            true => Ok(None),
            false => Err(source.missing()),
        };
        if let [Piece::Value(source)] = self.pieces.as_slice() {
            let found = values.find(source).and_then(|found| found.json());
            return found.map_or_else(|| absent(source), |json| Ok(Some(json.into_owned())));
        }
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Value(source) => match values.text(source) {
                    Some(value) => filled.push_str(&value),
                    None => return absent(source),
                },
            }
        }
        Ok(Some(json_string(&filled)))
    }

    /// What its placeholders name, in their order.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        sources(&self.pieces)
    }
}
