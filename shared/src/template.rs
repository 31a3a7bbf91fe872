//! Texts of the config with `{placeholders}`: read once at start, filled for each request.
//!
//! Where a text stands decides how a value is escaped there, so every place has a type of its own: [`PathTemplate`],
//! [`QueryTemplate`], [`TargetTemplate`] (path and query together), [`HeaderTemplate`], [`JsonTemplate`] (in a
//! [`ValueTemplate`] where it stands inside a JSON value). No value can
//! leave its place: it fills one segment, one query value, one header value or one JSON value. `docs/templates.md` says
//! what may stand in a text and what a value that is missing comes to.

mod header;
mod json;
mod member;
mod path;
mod query;
mod syntax;
mod target;
#[cfg(test)]
mod tests;
mod value;
mod value_template;

use std::fmt;

use bytes::Bytes;
use http::HeaderName;

use crate::auth::{ClaimPath, Identity};
use crate::config::Pointer;
use crate::error::GatewayError;
use crate::request::Request;

pub use header::HeaderTemplate;
pub use json::JsonTemplate;
pub use member::MemberPath;
pub(crate) use member::members;
pub use path::PathTemplate;
pub use query::QueryTemplate;
pub use target::TargetTemplate;
pub use value_template::ValueTemplate;

/// Finds out what a placeholder's name, the text between its braces, means where it stands. The error is ready to be
/// shown.
pub type Resolve<'r> = &'r mut dyn FnMut(&str) -> Result<Source, String>;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `{id}`: a segment of the client's canonical path.
    PathParameter {
        /// As the route's pattern has it.
        name: Box<str>,
        /// Which segment of the path, from 0.
        segment: usize,
    },
    /// `{claims.x.y}`: what a verified credential says of the caller.
    Claim(ClaimPath),
    /// `{query.x}`: a parameter of the client's query, by its decoded name; of several the first.
    Query(Box<str>),
    /// `{header.x}`: a header of the request, sealed and with the identity stamped on; of several the first.
    Header(HeaderName),
    /// `{user.id}`: a member of another part's answer.
    Part {
        /// Which part of the aggregate, in declared order from 0.
        part: usize,
        /// Its name.
        name: Box<str>,
        /// What of its answer.
        member: MemberPath,
    },
}

/// What a request has to fill texts with.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    /// The client's, as it was routed; headers sealed, stamped and without credentials.
    pub request: &'a Request,
    /// The verified caller.
    pub identity: Option<&'a Identity>,
    /// The JSON texts of an aggregate's parts, in declared order; `None` for one that is not there yet. Empty where
    /// texts belong to no aggregate.
    pub parts: &'a [Option<Bytes>],
}

/// Why a text could not be filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfilled {
    /// Whose value it was.
    pub source: Source,
    /// What was wrong with the value, to be read after its name: "is missing".
    pub why: &'static str,
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// As it goes out; in a path still decoded.
    Text(Box<str>),
    Value(Source),
}

impl Source {
    /// Whether it is the client's own word, which only chooses among what it may have anyway. A value that is missing
    /// may be left out then; one of a credential or of another part may not: a service would answer for everybody where
    /// it was to answer for one.
    pub fn is_clients_word(&self) -> bool {
        match self {
            Self::PathParameter { .. } | Self::Query(_) | Self::Header(_) => true,
            Self::Claim(_) | Self::Part { .. } => false,
        }
    }

    fn missing(&self) -> Unfilled {
        self.unfit("is missing")
    }

    fn unfit(&self, why: &'static str) -> Unfilled {
        Unfilled {
            source: self.clone(),
            why,
        }
    }
}

/// For messages: "the claim `sub`".
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PathParameter { name, .. } => write!(f, "the path parameter `{name}`"),
            Self::Claim(path) => write!(f, "the claim `{}`", path.as_str().escape_debug()),
            Self::Query(name) => write!(f, "the query parameter `{}`", name.escape_debug()),
            Self::Header(name) => write!(f, "the header `{name}`"),
            Self::Part { name, member, .. } => write!(f, "`{member}` of the part `{name}`"),
        }
    }
}

impl fmt::Display for Unfilled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.source, self.why)
    }
}

impl Unfilled {
    /// What the request ends with: 400 for what the client said, 403 for what its credential does not say, 502 for what
    /// another part did not answer. `at` is where the text stands.
    pub fn into_error(self, at: &Pointer) -> GatewayError {
        let why = self.to_string();
        match self.source {
            Source::PathParameter { .. } | Source::Query(_) | Source::Header(_) => GatewayError::BadRequest {
                why: format!("This request cannot be forwarded: {why}."),
            },
            Source::Claim(_) => GatewayError::Forbidden { why, at: at.clone() },
            Source::Part { .. } => GatewayError::UpstreamInvalid { why },
        }
    }
}

/// The sources of these pieces.
fn sources(pieces: &[Piece]) -> impl Iterator<Item = &Source> {
    pieces.iter().filter_map(|piece| match piece {
        Piece::Value(source) => Some(source),
        Piece::Text(_) => None,
    })
}
