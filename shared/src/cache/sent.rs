//! The request that goes to a service whose answer may be kept for others: nothing is in it that does not tell answers
//! apart, so that nobody can have an answer made for himself and given to others (cache poisoning).

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};

use super::rules::CacheRules;
use super::selection::may_be_learned;
use crate::auth::Identity;
use crate::request::Request;

/// What tells one exchange from another, and is replaced or dropped where it is malformed.
const TRACING: [&str; 3] = ["traceparent", "tracestate", "x-amzn-trace-id"];

/// By which method a caller was proven.
static X_AUTH_METHOD: HeaderName = HeaderName::from_static("x-auth-method");

/// Which headers of a request go on.
pub(super) struct Sent<'a> {
    pub(super) rules: &'a CacheRules,
    pub(super) identity: Option<&'a Identity>,
    /// What answers to this key have named in `Vary`.
    pub(super) learned: Vec<HeaderName>,
}

impl Sent<'_> {
    /// Whether services get this header.
    pub(super) fn has(&self, name: &HeaderName) -> bool {
        self.tells_apart(name)
            || self.is_learned(name)
            || self.rules.forward.contains(name)
            || TRACING.contains(&name.as_str())
    }

    /// Whether answers are kept apart by this header, whatever any of them says.
    pub(super) fn tells_apart(&self, name: &HeaderName) -> bool {
        self.rules.vary.contains(name) || (!self.rules.public && self.is_of_identity(name))
    }

    /// Whether a service that names this header in `Vary` may be told of it: not of who asks, where it is not to know.
    pub(super) fn may_learn(&self, name: &HeaderName) -> bool {
        may_be_learned(name) && !self.is_of_identity(name)
    }

    /// What services are told only because an answer has named it. Any answer may depend on it, and does not have to say so:
    /// they often name `Cookie` for those who have none, and forget it for those whose answers are their own.
    pub(super) fn only_learned(&self) -> impl Iterator<Item = &HeaderName> {
        let told_anyway = |name: &HeaderName| self.tells_apart(name) || self.rules.forward.contains(name);
        let learned = self.learned.iter();
        learned.filter(move |name| self.is_learned(name) && !told_anyway(name))
    }

    fn is_learned(&self, name: &HeaderName) -> bool {
        self.may_learn(name) && self.learned.contains(name)
    }

    fn is_of_identity(&self, name: &HeaderName) -> bool {
        self.identity.is_some_and(|identity| {
            identity_headers(identity).any(|own| own == name) || (*name == AUTHORIZATION && forwards_token(identity))
        })
    }

    /// The headers that go on.
    pub(super) fn headers(&self, all: &HeaderMap) -> HeaderMap {
        let lines = all.iter().filter(|(name, _)| self.has(name));
        let mut kept = HeaderMap::new();
        for (name, value) in lines {
            kept.append(name.clone(), value.clone());
        }
        kept
    }

    /// The request that goes on.
    pub(super) fn request(&self, request: &Request) -> Request {
        let mut sent = request.clone();
        sent.headers = self.headers(&request.headers);
        sent
    }
}

/// The headers by which services learn who calls.
pub(super) fn identity_headers(identity: &Identity) -> impl Iterator<Item = &HeaderName> {
    let mapped = identity.proofs().flat_map(|proof| &proof.method.claims_to_headers);
    mapped
        .map(|mapping| &mapping.header)
        .chain(std::iter::once(&X_AUTH_METHOD))
}

/// Whether the credential itself goes on.
pub(super) fn forwards_token(identity: &Identity) -> bool {
    identity.proofs().any(|proof| proof.method.kind.forwards_token())
}
