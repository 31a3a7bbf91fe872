//! The value of a source in one request, and its forms.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

use super::{Source, Values};
use crate::auth::{claim_text, header_text};
use crate::headers::text_of;

/// A value as it was found.
#[derive(Clone, Debug)]
pub(super) enum Found<'a> {
    /// Of the client's request.
    Text(Cow<'a, str>),
    Claim(&'a Value),
    /// Of another part: its JSON text.
    Json(&'a RawValue),
}

impl<'a> Values<'a> {
    /// The value, if there is one. JSON's `null` is none.
    pub(super) fn find(&self, source: &Source) -> Option<Found<'a>> {
        match source {
            Source::PathParameter { segment, .. } => {
                let text = self.request.path.segments().nth(*segment)?;
                Some(Found::Text(Cow::Borrowed(text)))
            }
            Source::Query(name) => {
                let mut pairs = url::form_urlencoded::parse(self.request.query.as_bytes());
                let (_, value) = pairs.find(|(found, _)| *found == **name)?;
                Some(Found::Text(value))
            }
            Source::Header(name) => Some(Found::Text(text_of(self.request.headers.get(name)?))),
            Source::Claim(path) => {
                let claim = self.identity?.claim(path)?;
                (!claim.is_null()).then_some(Found::Claim(claim))
            }
            Source::Part { part, member, .. } => {
                let json = self.parts.get(*part)?.as_ref()?;
                member.find(json).filter(|found| found.get() != "null").map(Found::Json)
            }
        }
    }

    /// The same, with a text that fits everywhere in the place of what another part has yet to answer.
    pub(super) fn text_or_stand_in(&self, source: &Source) -> Option<Cow<'a, str>> {
        match source {
            Source::Part { .. } => Some(Cow::Borrowed("0")),
            _ => self.text(source),
        }
    }

    /// The value as plain text: strings, numbers as they are written, booleans. What a credential or another part has
    /// without any text counts as missing.
    pub(super) fn text(&self, source: &Source) -> Option<Cow<'a, str>> {
        match self.find(source)? {
            Found::Text(text) => Some(text),
            Found::Claim(claim) => claim_text(claim).map(Cow::Owned),
            Found::Json(json) => scalar_text(json.get()).filter(|text| !text.is_empty()),
        }
    }
}

impl<'a> Found<'a> {
    /// Escaped as the identity headers are; lists of claims are joined with `,`.
    pub(super) fn claim_header(&self) -> Option<String> {
        match self {
            Self::Claim(claim) => header_text(claim),
            Self::Text(_) | Self::Json(_) => None,
        }
    }

    /// As JSON, with the type that it has where it comes from. `None` for a number of a credential that is known only
    /// nearly.
    pub(super) fn json(&self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(Cow::Owned(json_string(text))),
            Self::Claim(claim @ (Value::Array(_) | Value::Object(_))) => Some(Cow::Owned(claim.to_string())),
            Self::Claim(claim) if claim.as_str() == Some("") => Some(Cow::Borrowed("\"\"")),
            Self::Claim(claim) => claim_text(claim).map(|_| Cow::Owned(claim.to_string())),
            Self::Json(json) => Some(Cow::Borrowed(json.get())),
        }
    }
}

/// A text as a JSON string.
pub(super) fn json_string(text: &str) -> String {
    // A text always serialises.
    serde_json::to_string(text).unwrap_or_default()
}

/// The text of a JSON string, number or boolean; of a number as it is written.
fn scalar_text(json: &str) -> Option<Cow<'_, str>> {
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(json).ok().map(Cow::Owned),
        b'{' | b'[' | b'n' => None,
        _ => Some(Cow::Borrowed(json)),
    }
}
