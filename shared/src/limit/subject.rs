//! Whom a limit counts: the request's key values, hashed.

use std::fmt::Write as _;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use ring::digest::{Context, SHA256};

use super::key_values::KeyValue;
use super::{KeyPart, RuleSet};
use crate::auth::{ClaimPath, Identity, claim_text};
use crate::config::Route;
use crate::request::Request;
use crate::subscriber::subscriber;

/// Whom a rule counts: a hash, so that neither keys nor logs carry addresses or names. It is a pseudonym, not
/// anonymity: who has a list of candidates (all IPv4 addresses, say) can hash them and compare.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject(String);

/// What separates the fields of a partition key, and the parts of a key.
const RESERVED: &AsciiSet = &CONTROLS.add(b'#').add(b',').add(b'%');

/// What a request has to offer for a key.
struct Source<'a> {
    route_id: &'a str,
    headers: &'a HeaderMap,
    client_ip: IpAddr,
    identity: Option<&'a Identity>,
}

impl Subject {
    /// The subject of this request under this rule. A part without a value (header absent or empty, claim absent,
    /// nobody authenticated) falls back to the client address.
    pub fn of(rule: &RuleSet, route: &Route, request: &Request, identity: Option<&Identity>) -> Self {
        Self::new(
            &rule.key,
            &Source {
                route_id: &route.id,
                headers: &request.headers,
                client_ip: request.client_ip,
                identity,
            },
        )
    }

    /// A verified caller, for requests that no rule counts: what the rule key `claim:sub` would make of it.
    pub fn of_caller(identity: &Identity, route: &Route, request: &Request) -> Self {
        Self::new(
            &[KeyPart::Claim(ClaimPath::of_name("sub"))],
            &Source {
                route_id: &route.id,
                headers: &request.headers,
                client_ip: request.client_ip,
                identity: Some(identity),
            },
        )
    }

    /// For the log.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A subject that can be read in a test's expectations.
    #[cfg(test)]
    pub(super) fn for_test(text: &str) -> Self {
        Self(text.into())
    }

    /// Whoever has these values: the subject of each request that offers them.
    pub(super) fn of_values(values: &[KeyValue]) -> Self {
        let mut hash = Hash::new();
        for value in values {
            match value {
                KeyValue::Header(name, value) => hash.header(name, [value]),
                KeyValue::ClientIp(ip) => hash.address(*ip),
                KeyValue::Claim(path, text) => hash.claim(path, text),
                KeyValue::Route(id) => hash.route(id),
                KeyValue::ApiKey(id) => hash.api_key(id),
                KeyValue::User { by, sub } => hash.user(by, sub),
            }
        }
        hash.subject()
    }

    fn new(key: &[KeyPart], source: &Source<'_>) -> Self {
        let mut hash = Hash::new();
        for part in key {
            match part {
                KeyPart::Header(name) => {
                    let values = source.headers.get_all(name);
                    // Empty values are no values, but where there are several all of them count, in order.
                    match values.iter().all(HeaderValue::is_empty) {
                        true => hash.no_header(name, source.client_ip),
                        false => hash.header(name, values),
                    }
                }
                KeyPart::ClientIp => hash.address(source.client_ip),
                KeyPart::Claim(path) => {
                    let claim = source.identity.and_then(|caller| caller.claim(path));
                    match claim.and_then(claim_text) {
                        Some(text) => hash.claim(path, &text),
                        None => hash.no_claim(path, source.client_ip),
                    }
                }
                KeyPart::Route => hash.route(source.route_id),
                KeyPart::ApiKey => match source.api_key() {
                    Some(id) => hash.api_key(id),
                    None => hash.address(source.client_ip),
                },
                KeyPart::User => hash.user_of(source),
                KeyPart::PlanHolder => match source.api_key() {
                    Some(id) => hash.api_key(id),
                    None => hash.user_of(source),
                },
            }
        }
        hash.subject()
    }
}

impl Source<'_> {
    /// The id of the caller's API key; `None` where another credential proved the caller.
    fn api_key(&self) -> Option<&str> {
        Some(&self.identity?.api_key()?.id)
    }
}

/// A subject in the making: a SHA-256 over every part's kind, name and value. Each field is preceded by its length and each
/// value by what it is, so two requests share a subject only when every part is the same: no value can imitate a
/// separator, and no header value the address that stands in for an absent one.
struct Hash(Context);

impl Hash {
    fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// The first 128 bits.
    fn subject(self) -> Subject {
        Subject(URL_SAFE_NO_PAD.encode(&self.0.finish().as_ref()[..16]))
    }

    /// Adds one tagged, length-delimited field.
    fn field(&mut self, tag: u8, value: &[u8]) {
        self.0.update(&[tag]);
        // 64 bits hold every length in memory.
        self.0.update(&(value.len() as u64).to_be_bytes());
        self.0.update(value);
    }

    fn header<'v>(&mut self, name: &HeaderName, values: impl IntoIterator<Item = &'v HeaderValue>) {
        self.field(b'h', name.as_str().as_bytes());
        values.into_iter().for_each(|value| self.field(b'v', value.as_bytes()));
    }

    fn no_header(&mut self, name: &HeaderName, client_ip: IpAddr) {
        self.header(name, []);
        self.address(client_ip);
    }

    fn claim(&mut self, path: &ClaimPath, text: &str) {
        self.field(b'c', path.as_str().as_bytes());
        self.field(b'v', text.as_bytes());
    }

    fn no_claim(&mut self, path: &ClaimPath, client_ip: IpAddr) {
        self.field(b'c', path.as_str().as_bytes());
        self.address(client_ip);
    }

    fn route(&mut self, id: &str) {
        self.field(b'r', id.as_bytes());
    }

    fn api_key(&mut self, id: &str) {
        self.field(b'k', id.as_bytes());
    }

    /// Who the caller is: `sub`, and by whose word. Two issuers may well know two people by one name.
    fn user(&mut self, by: &str, sub: &str) {
        self.field(b'b', by.as_bytes());
        self.field(b'u', sub.as_bytes());
    }

    fn user_of(&mut self, source: &Source<'_>) {
        match source.identity.and_then(Identity::user) {
            Some((by, sub)) => self.user(&by, &sub),
            None => self.address(source.client_ip),
        }
    }

    fn address(&mut self, ip: IpAddr) {
        match subscriber(ip) {
            IpAddr::V4(ip) => self.field(b'4', &ip.octets()),
            IpAddr::V6(ip) => self.field(b'6', &ip.octets()[..8]),
        }
    }
}

/// The partition key of a subject's item: `Q#<key spec>#<subject>`, such as `Q#header:x-user-id,route#...`.
pub(super) fn partition_key(key: &[KeyPart], subject: &Subject) -> String {
    let mut text = String::with_capacity(64);
    text.push_str("Q#");
    write_names(&mut text, key);
    text.push('#');
    text.push_str(subject.as_str());
    text
}

/// What is counted by: the parts as a partition key has them.
pub(super) fn names(key: &[KeyPart]) -> String {
    let mut text = String::new();
    write_names(&mut text, key);
    text
}

fn write_names(text: &mut String, key: &[KeyPart]) {
    for (position, part) in key.iter().enumerate() {
        if position > 0 {
            text.push(',');
        }
        // Writing to a `String` cannot fail.
        let _ = match part {
            KeyPart::Header(name) => write!(text, "header:{name}"),
            KeyPart::ClientIp => write!(text, "client_ip"),
            KeyPart::Claim(path) => write!(text, "claim:{}", utf8_percent_encode(path.as_str(), RESERVED)),
            KeyPart::Route => write!(text, "route"),
            KeyPart::ApiKey => write!(text, "api_key"),
            KeyPart::User => write!(text, "user"),
            KeyPart::PlanHolder => write!(text, "plan"),
        };
    }
}

#[cfg(test)]
mod tests;
