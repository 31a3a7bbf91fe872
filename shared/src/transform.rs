//! Reshaping: what rules do to a request on its way to the upstream, and to the answer on its way back.
//!
//! A rule that hides a field never fails open. So whatever may be JSON in disguise (escaped names, several or no
//! media types, parts, compression) is read, or refused, and only what cannot be JSON passes untouched.
//!
//! The sections of `transformations` whose path matches apply in file order, then the route's own rules: they have the
//! last word. Every text is filled from the request as the client sent it, whatever rules before have made of that.

mod body;
mod content;
mod field_path;
mod headers;
mod query;
mod request;
mod response;
mod rewrite;
mod rules;
mod scan;
mod set;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::response::Parts;
use http::{Response, StatusCode};

use crate::config::{PathSection, Pointer, Route};
use crate::edits::Edits;
use crate::error::GatewayError;
use crate::path::CanonicalPath;
use crate::request::Request;
use crate::template::{PathTemplate, Source, Values};

pub use body::{BodyChanges, FieldRule};
use content::Media;
pub use field_path::{FieldPath, FieldStep, MAX_STEPS};
pub use headers::HeaderChanges;
pub use query::QueryChanges;
pub(crate) use response::{prepare_request, restate};
pub use rules::BodyRules;
pub use set::SetRules;

/// `transform` of a route, or a section of `transformations`. What changes nothing is left out.
#[derive(Clone, Debug, Default)]
pub struct TransformRules {
    /// What happens to the request.
    pub request: Option<Arc<RequestRules>>,
    /// What happens to the answer.
    pub response: Option<Arc<ResponseRules>>,
}

/// A checked `request` block.
#[derive(Clone, Debug)]
pub struct RequestRules {
    /// Where it stands.
    pub pointer: Pointer,
    /// The path that goes upstream in place of the client's.
    pub path: Option<Rule<PathTemplate>>,
    /// Which parameters of the query go upstream.
    pub query: QueryChanges,
    /// Which headers go upstream.
    pub headers: HeaderChanges,
    /// What happens to a JSON body.
    pub body: BodyChanges,
    /// What happens when a body that calls itself JSON is not.
    pub on_unparsable: OnUnparsable,
}

/// A checked `response` block.
#[derive(Clone, Debug)]
pub struct ResponseRules {
    /// Where it stands.
    pub pointer: Pointer,
    /// Which headers the client gets.
    pub headers: HeaderChanges,
    /// What happens to a JSON body.
    pub body: BodyChanges,
    /// What happens when a body that calls itself JSON is not.
    pub on_unparsable: OnUnparsable,
}

/// A single rule, which knows the place in the config that it came from.
#[derive(Clone, Debug)]
pub struct Rule<T> {
    /// Where it stands.
    pub at: Pointer,
    /// What it says.
    pub says: T,
}

impl<T> Rule<T> {
    /// The same place, said otherwise.
    pub fn map<U>(self, say: impl FnOnce(T) -> U) -> Rule<U> {
        Rule {
            at: self.at,
            says: say(self.says),
        }
    }
}

/// `on_unparsable`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUnparsable {
    /// 502, or 400 where it is the client's: a rule that hides a field never fails open.
    #[default]
    Refuse,
    /// The body goes through as it is. Not so a body that may well be JSON, only in a form that the gateway cannot
    /// look into: another compression than gzip, another encoding than UTF-8, a part (206), too large, too deep.
    Pass,
}

/// What holds for one request, in the order it applies.
#[derive(Clone, Debug, Default)]
pub struct Transforms<'r> {
    request: Vec<&'r RequestRules>,
    response: Vec<&'r ResponseRules>,
}

impl RequestRules {
    /// Whether there is no rule at all.
    pub fn is_empty(&self) -> bool {
        self.path.is_none() && self.query.is_empty() && self.headers.is_empty() && self.body.is_empty()
    }

    /// What its texts name: the values of a request that change what goes upstream.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        let path = self.path.iter().flat_map(|path| path.says.sources());
        path.chain(self.query.sources())
            .chain(self.headers.sources())
            .chain(self.body.sources())
    }
}

impl ResponseRules {
    /// Whether there is no rule at all.
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.body.is_empty()
    }

    /// What its texts name: the values of a request that change what its client gets.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.headers.sources().chain(self.body.sources())
    }
}

impl<'r> Transforms<'r> {
    /// The rules of these sections and this route for a request with this path. Without rules nothing is allocated.
    pub fn of(sections: &'r [PathSection<TransformRules>], route: &'r Route, path: &CanonicalPath) -> Self {
        let mut transforms = Self::default();
        let matching = sections.iter().filter(|section| section.pattern.matches(path));
        for rules in matching.map(|section| &section.rule).chain([&route.transform]) {
            transforms.request.extend(rules.request.as_deref());
            transforms.response.extend(rules.response.as_deref());
        }
        transforms
    }

    /// What their texts name.
    pub fn sources(&self) -> impl Iterator<Item = &'r Source> {
        let of_requests = self.request.iter().flat_map(|rules| rules.sources());
        of_requests.chain(self.response.iter().flat_map(|rules| rules.sources()))
    }

    /// The request as it goes upstream; `request` itself where there are no rules.
    ///
    /// # Errors
    /// `BadRequest` where the client's own words lack what a path or a query is made of, `Forbidden` where its credential
    /// does; `BodyUnreadable`, `CodingRefused` where rules cannot look into the body, `PayloadTooLarge` where they make too much of it.
    pub fn request<'q>(
        &self,
        request: &'q Request,
        values: &Values<'_>,
        edits: &mut Edits,
    ) -> Result<Cow<'q, Request>, GatewayError> {
        let reads_answer = self.response.iter().find(|rules| !rules.body.is_empty());
        if self.request.is_empty() && reads_answer.is_none() {
            return Ok(Cow::Borrowed(request));
        }
        let mut request = request.clone();
        request::change_body(&self.request, &mut request, values, edits)?;
        for rules in &self.request {
            request::apply(rules, &mut request, values, edits)?;
        }
        if let Some(rules) = reads_answer {
            request::prepare(&mut request, &rules.pointer, edits);
        }
        Ok(Cow::Owned(request))
    }

    /// The request whose headers the parts of an aggregate are sent: of the rules only those for headers hold, since parts
    /// have paths and queries of their own, and no body. `request` itself where there are none.
    pub fn headers_for_parts<'q>(
        &self,
        request: &'q Request,
        values: &Values<'_>,
        edits: &mut Edits,
    ) -> Cow<'q, Request> {
        let mut request = Cow::Borrowed(request);
        for rules in self.request.iter().filter(|rules| !rules.headers.is_empty()) {
            request::change_headers(rules, request.to_mut(), values, edits);
        }
        request
    }

    /// The answer as the client gets it.
    ///
    /// # Errors
    /// `UpstreamInvalid` where a body that should be JSON is not.
    pub fn response(
        &self,
        answer: Response<Bytes>,
        values: &Values<'_>,
        edits: &mut Edits,
    ) -> Result<Response<Bytes>, GatewayError> {
        let answer = response::change_body(&self.response, answer, values, edits)?;
        Ok(self.headers(answer, values, edits))
    }

    /// The same of an answer whose body is the gateway's own.
    pub fn headers(&self, mut answer: Response<Bytes>, values: &Values<'_>, edits: &mut Edits) -> Response<Bytes> {
        response::change_headers(&self.response, &mut answer, values, edits);
        answer
    }
}

/// The JSON text of an answer's body, gzip undone; the error says why there is none, for the log. A body that says it is
/// something else is not looked into.
pub(crate) fn json_body(answer: &Parts, body: &Bytes) -> Result<Bytes, String> {
    let is_part = answer.status == StatusCode::PARTIAL_CONTENT;
    if Media::of(&answer.headers, is_part) == Media::Other {
        return Err("the answer's body does not say that it is JSON".to_owned());
    }
    let text = content::json_text(&answer.headers, is_part, body);
    text.map_err(|unreadable| format!("the answer's body {unreadable}"))
}
