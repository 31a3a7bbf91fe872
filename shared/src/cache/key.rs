//! What answers are kept apart by, before their own `Vary`: hashed, so that no table holds whom an answer is for.

use http::HeaderName;
use ring::digest::{Context, SHA256};

use super::Asked;
use super::rules::CacheSettings;
use super::selection::value_of;
use super::sent::{forwards_token, identity_headers};
use crate::auth::{Identity, Proof, claim_text};
use crate::hex;
use crate::request::Request;
use crate::sha256::LENGTH;
use crate::template::{Source, Values};

/// What an answer is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; LENGTH]);

impl CacheKey {
    /// Lower-case hexadecimal digits, for a table.
    pub fn text(&self) -> String {
        hex::of(&self.0)
    }

    /// Of a request on a route. Two requests have one key only where the service behind the route is told the same in both
    /// of all that it is told of them, but for what tells one exchange from another.
    pub(super) fn of(settings: &CacheSettings, asked: &Asked<'_>) -> Self {
        let Asked {
            rules,
            route_id,
            service,
            values,
            sources,
        } = *asked;
        let Values { request, identity, .. } = values;
        let mut hash = Hash::of("answer", settings);
        hash.text(route_id);
        hash.text(service.unwrap_or_default());
        // As `X-Forwarded-Host` says it, with its port; the mount stands in front of locations.
        hash.text(&request.authority);
        hash.text(if request.https { "https" } else { "http" });
        hash.place(request);
        match identity.filter(|_| !rules.public) {
            Some(identity) => hash.caller(identity, request),
            None => hash.text("everybody"),
        }
        for name in &rules.vary {
            hash.header(request, name);
        }
        for source in sources {
            hash.filled(source, &values);
        }
        Self(hash.finish())
    }
}

/// What a write invalidates: a host, a path and its query, whoever asks for it and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place([u8; LENGTH]);

impl Place {
    pub(super) fn of(settings: &CacheSettings, request: &Request) -> Self {
        let mut hash = Hash::of("place", settings);
        hash.place(request);
        Self(hash.finish())
    }

    /// Another path of the same host.
    pub(super) fn beside(settings: &CacheSettings, request: &Request, path: &str, query: &str) -> Self {
        let mut hash = Hash::of("place", settings);
        hash.at(request, path, query);
        Self(hash.finish())
    }

    /// The key of the note that says when it was last written to.
    pub(super) fn note(&self) -> CacheKey {
        CacheKey(self.0)
    }
}

/// Takes fields in order; each begins with its length, so that none can be taken for two.
struct Hash(Context);

impl Hash {
    fn of(kind: &str, settings: &CacheSettings) -> Self {
        let mut hash = Self(Context::new(&SHA256));
        hash.text(kind);
        hash.bytes(&settings.edition);
        hash
    }

    fn bytes(&mut self, field: &[u8]) {
        self.0.update(&(field.len() as u64).to_le_bytes());
        self.0.update(field);
    }

    fn text(&mut self, field: &str) {
        self.bytes(field.as_bytes());
    }

    /// What a text of the config is filled with. Path and query are hashed as they are.
    fn filled(&mut self, source: &Source, values: &Values<'_>) {
        match source {
            Source::PathParameter { .. } | Source::Query(_) | Source::Part { .. } => {}
            Source::Header(name) => {
                self.text(name.as_str());
                // As it is: texts are filled byte for byte.
                let lines = values.request.headers.get_all(name);
                self.0.update(&(lines.iter().count() as u64).to_le_bytes());
                for line in lines {
                    self.bytes(line.as_bytes());
                }
            }
            Source::Claim(path) => {
                self.text(path.as_str());
                match values.identity.and_then(|identity| identity.claim(path)) {
                    Some(claim) => self.text(&claim.to_string()),
                    None => self.text(""),
                }
            }
        }
    }

    fn place(&mut self, request: &Request) {
        self.at(request, request.path.as_str(), &request.query);
    }

    fn at(&mut self, request: &Request, path: &str, query: &str) {
        for field in [&*request.host, &*request.mount, path, query] {
            self.text(field);
        }
    }

    fn header(&mut self, request: &Request, name: &HeaderName) {
        self.text(name.as_str());
        match value_of(&request.headers, name) {
            Some(value) => {
                self.text("is");
                self.bytes(&value);
            }
            None => self.text("absent"),
        }
    }

    /// The verified caller, and all that a service is told of it.
    fn caller(&mut self, identity: &Identity, request: &Request) {
        self.text("caller");
        for proof in identity.proofs() {
            self.proof(proof);
        }
        for name in identity_headers(identity) {
            self.header(request, name);
        }
        if forwards_token(identity) {
            self.header(request, &http::header::AUTHORIZATION);
        }
    }

    /// Who it is, by whose word. A caller whom nothing names is all that the credential says.
    fn proof(&mut self, proof: &Proof) {
        self.text("proof");
        self.text(proof.method.kind.type_name());
        self.text(proof.method.name.as_deref().unwrap_or_default());
        let claim = |name: &str| proof.claims.get(name).and_then(claim_text).unwrap_or_default();
        self.text(&claim("iss"));
        let (sub, key) = (claim("sub"), proof.api_key.as_ref().map(|key| &*key.id));
        self.text(&sub);
        self.text(key.unwrap_or_default());
        if sub.is_empty() && key.is_none() {
            self.text(&serde_json::to_string(&*proof.claims).unwrap_or_default());
        }
    }

    fn finish(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes.copy_from_slice(self.0.finish().as_ref());
        bytes
    }
}

#[cfg(test)]
mod tests;
