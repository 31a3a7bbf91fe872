//! A text in a query: one value of one parameter.

use std::borrow::Cow;
use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::syntax::{Written, split};
use super::{Piece, Resolve, Source, Unfilled, Values, sources};

/// All but unreserved characters (RFC 3986 section 2.3): `+`, which forms read as a blank, is escaped too.
const OUTSIDE_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The value of a query parameter. Its own text is decoded text; filled, it is percent-encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryTemplate {
    pieces: Vec<Piece>,
}

impl QueryTemplate {
    /// Reads a value such as `eu-{claims.tenant}`.
    ///
    /// # Errors
    /// What is wrong with it, ready to be shown.
    pub fn parse(text: &str, resolve: Resolve<'_>) -> Result<Self, String> {
        let encoded = |text: &str| utf8_percent_encode(text, OUTSIDE_VALUE).to_string();
        Self::of(split(text)?, encoded, resolve)
    }

    /// Of these pieces, whose text `spell` puts into its encoded form.
    pub(super) fn of(
        written: Vec<Written<'_>>,
        spell: impl Fn(&str) -> String,
        resolve: Resolve<'_>,
    ) -> Result<Self, String> {
        let mut pieces = Vec::with_capacity(written.len());
        for piece in written {
            pieces.push(match piece {
                Written::Text(text) => Piece::Text(spell(&text).into()),
                Written::Placeholder(name) => Piece::Value(resolve(name)?),
            });
        }
        Ok(Self { pieces })
    }

    /// The value in one request, percent-encoded. `None`, so that the whole parameter is left out, where the client did
    /// not send what it is made of.
    ///
    /// # Errors
    /// A claim, or a member of another part, is missing or has no text.
    pub fn fill(&self, values: &Values<'_>) -> Result<Option<String>, Unfilled> {
        self.filled(|source| values.text(source))
    }

    /// Whether there will be a value, or none to be missed, whatever other parts answer.
    ///
    /// # Errors
    /// As [`QueryTemplate::fill`], for all but other parts' values.
    pub fn check(&self, values: &Values<'_>) -> Result<(), Unfilled> {
        self.filled(|source| values.text_or_stand_in(source)).map(drop)
    }

    fn filled<'v>(&self, text_of: impl Fn(&Source) -> Option<Cow<'v, str>>) -> Result<Option<String>, Unfilled> {
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Value(source) => match text_of(source) {
                    // Writing to a String cannot fail.
                    Some(value) => _ = write!(filled, "{}", utf8_percent_encode(&value, OUTSIDE_VALUE)),
                    None if source.is_clients_word() => return Ok(None),
                    None => return Err(source.missing()),
                },
            }
        }
        Ok(Some(filled))
    }

    /// What its placeholders name, in their order.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        sources(&self.pieces)
    }
}
