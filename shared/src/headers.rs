//! Which headers may pass, in either direction.

use std::borrow::Cow;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::config::HeaderRules;

#[cfg(test)]
mod tests;

/// Families no client may set, because upstreams are told to believe them.
const SEALED_FAMILIES: [&str; 9] = [
    "x-user-",
    "x-consumer-",
    "x-authenticated-",
    "x-auth-",
    "x-jwt-",
    "x-gateway-",
    "x-tollgate-",
    "x-amzn-oidc-",
    "x-amzn-mtls-",
];

/// Single names for the same reason, and those by which frameworks let a client replace the path or the method that
/// was routed and authorized.
const SEALED_NAMES: [&str; 8] = [
    "remote-user",
    "x-amzn-lambda-context",
    "x-amzn-request-context",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
];

/// What clients and foreign proxies call the client's address, besides `X-Forwarded-*`.
const FORWARDING_NAMES: [&str; 6] = [
    "cf-connecting-ip",
    "forwarded",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-real-ip",
];

/// Headers about one connection (RFC 9110 section 7.6.1), `Proxy` (CVE-2016-5385), and `Expect`, which was
/// answered before the event was made.
const HOP_BY_HOP: [&str; 11] = [
    "connection",
    "expect",
    "keep-alive",
    "proxy",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What the event layer reads into the request itself; the upstream's own are set later.
const OF_THE_MESSAGE: [&str; 2] = ["content-length", "host"];

/// Header names that no client may set: compared case-folded, with every character that is not a letter or a
/// digit read as `-`, because servers behind CGI-like interfaces read them so.
#[derive(Clone, Debug, Default)]
pub struct SealedHeaders {
    names: Vec<String>,
}

impl SealedHeaders {
    /// The built-in families and these names besides.
    pub fn with(names: impl IntoIterator<Item = String>) -> Self {
        Self {
            names: names.into_iter().map(|name| folded(&name).into_owned()).collect(),
        }
    }

    /// Whether a header whose folded name this is, is removed from every request.
    fn contains(&self, folded: &str) -> bool {
        SEALED_FAMILIES.iter().any(|family| folded.starts_with(family))
            || SEALED_NAMES.contains(&folded)
            || self.names.iter().any(|name| *name == folded)
    }
}

impl HeaderRules {
    /// Takes away what no client may say: first what `Connection` names, so that nothing set later can be named away,
    /// then all that `removes` is true of.
    pub fn seal(&self, headers: &mut HeaderMap) {
        remove_named_by_connection(headers);
        remove_all(headers, |name| self.removes(name));
    }

    /// Whether no request has a header of this name once it is sealed.
    pub fn removes(&self, name: &HeaderName) -> bool {
        let text = name.as_str();
        let underscore = text.contains('_') && !self.keep_underscores;
        let folded = folded(text);
        underscore || frames(&folded) || forwards(&folded) || self.sealed.contains(&folded)
    }
}

/// Removes hop-by-hop headers and those that `Connection` names, in requests and responses alike.
pub fn remove_hop_by_hop(headers: &mut HeaderMap) {
    remove_named_by_connection(headers);
    remove_all(headers, |name| HOP_BY_HOP.contains(&name.as_str()));
}

fn remove_named_by_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
}

/// Most messages have none of them, and a look at the few names there are is cheaper than a search for each that may not be.
fn remove_all(headers: &mut HeaderMap, is_doomed: impl Fn(&HeaderName) -> bool) {
    let doomed: Vec<HeaderName> = headers.keys().filter(|name| is_doomed(name)).cloned().collect();
    for name in doomed {
        headers.remove(name);
    }
}

/// A value as text. What is not UTF-8 is read as ISO-8859-1, as HTTP once had it (RFC 9110 section 5.5).
pub fn text_of(value: &HeaderValue) -> Cow<'_, str> {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => value.as_bytes().iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// Says that the answer depends on this request header (RFC 9110 section 12.5.5), unless it says so already.
pub(crate) fn add_vary(headers: &mut HeaderMap, name: &str) {
    let said = |value: &HeaderValue| {
        let mut names = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        names.any(|said| said == b"*" || said.eq_ignore_ascii_case(name.as_bytes()))
    };
    if !headers.get_all(header::VARY).iter().any(said)
        && let Ok(name) = HeaderValue::from_str(name)
    {
        headers.append(header::VARY, name);
    }
}

/// Whether a header is about one connection only, in any spelling.
pub(crate) fn is_hop_by_hop(name: &HeaderName) -> bool {
    HOP_BY_HOP.contains(&&*folded(name.as_str()))
}

/// Whether a header is about the connection or the message's frame: `Transfer_Encoding` too, for a server that reads it
/// as `Transfer-Encoding`.
fn frames(folded: &str) -> bool {
    HOP_BY_HOP.contains(&folded) || OF_THE_MESSAGE.contains(&folded)
}

/// The client's address under any name, and `X-Forwarded-*`: always our own.
pub(crate) fn is_forwarding(name: &HeaderName) -> bool {
    forwards(&folded(name.as_str()))
}

fn forwards(folded: &str) -> bool {
    FORWARDING_NAMES.contains(&folded) || folded.starts_with("x-forwarded-")
}

/// The name as a CGI-like interface would read it. Ordinary names are borrowed as they are.
pub(crate) fn folded(name: &str) -> Cow<'_, str> {
    if name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    {
        return Cow::Borrowed(name);
    }
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect()
}
