//! What is changed of a request and of its answer on their way, in order, for whoever asks "who changed my response?".
//!
//! Every stage makes its changes through [`Edits`]. As a rule nobody asks: then a change costs a look at an `Option`,
//! and nothing is kept. Asked, each change is told with its stage and the place in the config that made it. What the
//! headers say is told as it is, credentials too: this is for the operator, not for the log.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response};

use crate::config::Pointer;
use crate::request::Request;

/// The changes so far, where they are asked for.
#[derive(Debug, Default)]
pub struct Edits {
    told: Option<Vec<Edit>>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Where in the life of the request.
    pub stage: Stage,
    /// The place in the config that asks for it; `None` for what the gateway does to every request.
    pub at: Option<Pointer>,
    /// What was changed.
    pub operation: Operation,
}

/// The stages that change something, in the order of `docs/request-life.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// What no client may say is taken out of the request.
    Seal,
    /// Credentials are taken out of the request.
    Withhold,
    /// What is proven of the caller is put into the request.
    Stamp,
    /// The rules of `transform` and `transformations`, on the request.
    TransformRequest,
    /// An upstream's error is put into the gateway's own shape.
    Wrap,
    /// The rules of `transform` and `transformations`, on the answer.
    TransformResponse,
    /// The answer is compressed, or says that it could have been.
    Compress,
    /// Which pages may read the answer.
    Cors,
    /// What the answer tells browsers to be careful about.
    SecurityHeaders,
    /// What is left of the caller's limits.
    Limits,
    /// What every answer carries.
    Answer,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A header has these values now, and those that it had are gone.
    SetHeader(HeaderName, Vec<HeaderValue>),
    /// A header has these values more.
    AddHeader(HeaderName, Vec<HeaderValue>),
    /// A header is gone.
    RemoveHeader(HeaderName),
    /// The path that goes upstream, percent-encoded.
    SetPath(String),
    /// The query has this parameter, by its decoded name, with this value, percent-encoded; others of the name are gone.
    SetQuery(String, String),
    /// The parameters of this name, decoded, are gone from the query.
    RemoveQuery(String),
    /// Members that this field path names are gone from the body.
    RemoveField(String),
    /// Members that `keep_fields` does not name are gone from the body.
    KeepFields,
    /// Members that this field path names have another name, which stands second.
    RenameField(String, String),
    /// The body has a value of the config's at this path, or none.
    SetField(String),
    /// The value at this path has taken the place of the body.
    Unwrap(String),
    /// The body stands below these names.
    Wrap(String),
    /// The body has so many bytes now, and had so many.
    Body {
        /// Before.
        from: usize,
        /// After.
        to: usize,
    },
}

impl Edits {
    /// That keeps what it is told.
    pub fn kept() -> Self {
        Self { told: Some(Vec::new()) }
    }

    /// What was changed; empty where it was not asked for.
    pub fn into_list(self) -> Vec<Edit> {
        self.told.unwrap_or_default()
    }

    /// Whether somebody asks.
    pub(crate) fn are_kept(&self) -> bool {
        self.told.is_some()
    }

    /// Tells of a change that is made elsewhere.
    pub(crate) fn tell(&mut self, stage: Stage, at: Option<&Pointer>, operation: impl FnOnce() -> Operation) {
        if let Some(told) = &mut self.told {
            told.push(Edit {
                stage,
                at: at.cloned(),
                operation: operation(),
            });
        }
    }

    /// Lets `change` at these headers, and tells what it changed.
    pub(crate) fn headers<T>(
        &mut self,
        stage: Stage,
        at: Option<&Pointer>,
        headers: &mut HeaderMap,
        change: impl FnOnce(&mut HeaderMap) -> T,
    ) -> T {
        if !self.are_kept() {
            return change(headers);
        }
        let before = headers.clone();
        let outcome = change(headers);
        for operation in differences(&before, headers) {
            self.tell(stage, at, || operation);
        }
        outcome
    }

    /// Lets `change` at the headers and the query of this request, and tells what it changed: parameters of a query are
    /// only ever taken out that way.
    pub(crate) fn request(
        &mut self,
        stage: Stage,
        at: Option<&Pointer>,
        request: &mut Request,
        change: impl FnOnce(&mut Request),
    ) {
        if !self.are_kept() {
            return change(request);
        }
        let (headers, query) = (request.headers.clone(), request.query.clone());
        change(request);
        let names = |query: &str| -> Vec<String> {
            url::form_urlencoded::parse(query.as_bytes())
                .map(|(name, _)| name.into_owned())
                .collect()
        };
        let left = names(&request.query);
        let gone = names(&query).into_iter().filter(|name| !left.contains(name));
        for operation in differences(&headers, &request.headers)
            .into_iter()
            .chain(gone.map(Operation::RemoveQuery))
        {
            self.tell(stage, at, || operation);
        }
    }

    /// Lets `change` at this answer, and tells what it changed.
    pub(crate) fn answer(
        &mut self,
        stage: Stage,
        answer: Response<Bytes>,
        change: impl FnOnce(Response<Bytes>) -> Response<Bytes>,
    ) -> Response<Bytes> {
        if !self.are_kept() {
            return change(answer);
        }
        let (headers, body) = (answer.headers().clone(), answer.body().clone());
        let answer = change(answer);
        for operation in differences(&headers, answer.headers()) {
            self.tell(stage, None, || operation);
        }
        self.body(stage, None, &body, answer.body());
        answer
    }

    /// Tells of a body that takes another's place.
    pub(crate) fn body(&mut self, stage: Stage, at: Option<&Pointer>, before: &Bytes, after: &Bytes) {
        if self.are_kept() && before != after {
            let (from, to) = (before.len(), after.len());
            self.tell(stage, at, || Operation::Body { from, to });
        }
    }
}

/// What makes the one of the other: removals in the order of the former, then the rest in that of the latter.
fn differences(before: &HeaderMap, after: &HeaderMap) -> Vec<Operation> {
    let values = |headers: &HeaderMap, name: &HeaderName| -> Vec<HeaderValue> {
        headers.get_all(name).iter().cloned().collect()
    };
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let mut operations: Vec<Operation> = gone.cloned().map(Operation::RemoveHeader).collect();
    for name in after.keys() {
        let (had, has) = (values(before, name), values(after, name));
        match has.strip_prefix(had.as_slice()) {
            Some([]) => {}
            Some(more) if !had.is_empty() => operations.push(Operation::AddHeader(name.clone(), more.to_vec())),
            _ => operations.push(Operation::SetHeader(name.clone(), has)),
        }
    }
    operations
}
