//! Whom a limit counts: the request's key values, hashed.

use std::fmt::Write as _;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use ring::digest::{Context, SHA256};

use super::key_values::KeyValue;
use super::{KeyPart, RuleSet};
use crate::auth::{ClaimPath, Identity, claim_text};
use crate::config::Route;
use crate::request::Request;

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
        let mut hash = Context::new(&SHA256);
        for value in values {
            match value {
                KeyValue::Header(name, value) => {
                    field(&mut hash, b'h', name.as_str().as_bytes());
                    field(&mut hash, b'v', value.as_bytes());
                }
                KeyValue::ClientIp(ip) => address(&mut hash, *ip),
                KeyValue::Claim(path, text) => {
                    field(&mut hash, b'c', path.as_str().as_bytes());
                    field(&mut hash, b'v', text.as_bytes());
                }
                KeyValue::Route(id) => field(&mut hash, b'r', id.as_bytes()),
                KeyValue::ApiKey(id) => key_id(&mut hash, id),
                KeyValue::User { by, sub } => issued(&mut hash, by, sub),
            }
        }
        Self::finish(hash)
    }

    /// The first 128 bits of a SHA-256 over every part's kind, name and value. Each field is preceded by its
    /// length and each value by what it is, so two requests share a subject only when every part is the same: no
    /// value can imitate a separator, and no header value the address that stands in for an absent one.
    fn new(key: &[KeyPart], source: &Source<'_>) -> Self {
        let mut hash = Context::new(&SHA256);
        for part in key {
            match part {
                KeyPart::Header(name) => {
                    field(&mut hash, b'h', name.as_str().as_bytes());
                    let values = source.headers.get_all(name);
                    // Empty values are no values, but where there are several all of them count, in order.
                    if values.iter().all(http::HeaderValue::is_empty) {
                        address(&mut hash, source.client_ip);
                    } else {
                        values.iter().for_each(|value| field(&mut hash, b'v', value.as_bytes()));
                    }
                }
                KeyPart::ClientIp => address(&mut hash, source.client_ip),
                KeyPart::Claim(path) => {
                    field(&mut hash, b'c', path.as_str().as_bytes());
                    match source
                        .identity
                        .and_then(|caller| caller.claim(path))
                        .and_then(claim_text)
                    {
                        Some(text) => field(&mut hash, b'v', text.as_bytes()),
                        None => address(&mut hash, source.client_ip),
                    }
                }
                KeyPart::Route => field(&mut hash, b'r', source.route_id.as_bytes()),
                KeyPart::ApiKey => api_key(&mut hash, source).unwrap_or_else(|| address(&mut hash, source.client_ip)),
                KeyPart::User => user(&mut hash, source),
                KeyPart::PlanHolder => api_key(&mut hash, source).unwrap_or_else(|| user(&mut hash, source)),
            }
        }
        Self::finish(hash)
    }

    fn finish(hash: Context) -> Self {
        Self(URL_SAFE_NO_PAD.encode(&hash.finish().as_ref()[..16]))
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

/// Adds one tagged, length-delimited field.
fn field(hash: &mut Context, tag: u8, value: &[u8]) {
    hash.update(&[tag]);
    // 64 bits hold every length in memory.
    hash.update(&(value.len() as u64).to_be_bytes());
    hash.update(value);
}

/// Adds the id of the caller's API key; `None` where another credential proved the caller.
fn api_key(hash: &mut Context, source: &Source<'_>) -> Option<()> {
    let key = source.identity?.api_key()?;
    key_id(hash, &key.id);
    Some(())
}

fn key_id(hash: &mut Context, id: &str) {
    field(hash, b'k', id.as_bytes());
}

/// Adds who the caller is: `sub`, and by whose word. Two issuers may well know two people by one name.
fn user(hash: &mut Context, source: &Source<'_>) {
    match source.identity.and_then(Identity::user) {
        Some((by, sub)) => issued(hash, &by, &sub),
        None => address(hash, source.client_ip),
    }
}

fn issued(hash: &mut Context, by: &str, sub: &str) {
    field(hash, b'b', by.as_bytes());
    field(hash, b'u', sub.as_bytes());
}

/// Adds the client's address: IPv6 by its /64, which is what one subscriber commonly gets (RFC 6177), and an
/// IPv4-mapped address (RFC 4291 section 2.5.5.2) as the IPv4 address it is.
fn address(hash: &mut Context, ip: IpAddr) {
    match ip.to_canonical() {
        IpAddr::V4(ip) => field(hash, b'4', &ip.octets()),
        IpAddr::V6(ip) => field(hash, b'6', &ip.octets()[..8]),
    }
}

#[cfg(test)]
mod tests;
