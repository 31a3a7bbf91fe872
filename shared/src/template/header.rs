//! A text as the value of a header.

use std::borrow::Cow;

use http::HeaderValue;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::syntax::{Written, split, wrong};
use super::value::Found;
use super::{Piece, Resolve, Source, Values, sources};

/// All but visible ASCII and blanks; `%` too, so that decoding gives back the value.
const OUTSIDE_HEADER: &AsciiSet = &CONTROLS.add(b'%');

/// A header's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderTemplate {
    pieces: Vec<Piece>,
}

impl HeaderTemplate {
    /// Reads a value such as `tenant={claims.tenant}`: visible ASCII with blanks between.
    ///
    /// # Errors
    /// What is wrong with it, ready to be shown.
    pub fn parse(text: &str, resolve: Resolve<'_>) -> Result<Self, String> {
        let stands = |byte: u8| matches!(byte, b' '..=b'~');
        if !text.bytes().all(stands) || text.trim_ascii() != text {
            return Err(wrong(
                text,
                "not a header value: visible ASCII characters with blanks between them",
            ));
        }
        let mut pieces = Vec::new();
        for piece in split(text)? {
            pieces.push(match piece {
                Written::Text(text) => Piece::Text(text.into()),
                Written::Placeholder(name) => Piece::Value(resolve(name)?),
            });
        }
        Ok(Self { pieces })
    }

    /// The value in one request. `None`, so that the header is left out, where a value is missing, has no text, or
    /// nothing but blanks would be left.
    pub fn fill(&self, values: &Values<'_>) -> Option<HeaderValue> {
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Value(source) => filled.push_str(&escaped(source, values)?),
            }
        }
        let filled = filled.trim_matches(' ');
        // The encoding leaves nothing that a header value could refuse.
        HeaderValue::from_str(filled).ok().filter(|value| !value.is_empty())
    }

    /// What its placeholders name, in their order.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        sources(&self.pieces)
    }
}

/// A claim as the identity headers have it, so that both say the same; anything else with its blanks.
fn escaped(source: &Source, values: &Values<'_>) -> Option<String> {
    if let found @ Found::Claim(_) = values.find(source)? {
        return found.claim_header();
    }
    let text: Cow<'_, str> = values.text(source)?;
    Some(utf8_percent_encode(&text, OUTSIDE_HEADER).to_string())
}
