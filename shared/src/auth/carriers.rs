//! Where credentials stand in a request: read there, and taken away before anything goes upstream.

use std::borrow::Cow;

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use url::form_urlencoded;

use super::api_key;
use crate::request::Request;

#[cfg(test)]
mod tests;

/// All places of all methods. What one of them holds is the gateway's, whatever route it came to: it never goes further.
#[derive(Debug, Default)]
pub(super) struct Carriers {
    pub(super) headers: Vec<HeaderName>,
    pub(super) parameters: Vec<String>,
    pub(super) cookies: Vec<String>,
    /// Whether API keys stand in `Authorization`, which services read too.
    pub(super) bearer_keys: bool,
}

impl Carriers {
    /// Takes the credentials out of a request.
    pub(super) fn empty(&self, request: &mut Request) {
        for header in &self.headers {
            request.headers.remove(header);
        }
        for name in &self.parameters {
            remove_parameter(&mut request.query, name);
        }
        for name in &self.cookies {
            remove_cookie(&mut request.headers, name);
        }
        if self.bearer_keys && has_bearer_key(&request.headers) {
            request.headers.remove(AUTHORIZATION);
        }
    }
}

/// Whether an API key stands in `Authorization`, however odd the rest of it is.
fn has_bearer_key(headers: &HeaderMap) -> bool {
    let words = |field: &HeaderValue| {
        let text = String::from_utf8_lossy(field.as_bytes()).into_owned();
        text.split([' ', '\t', ',', '"']).any(api_key::looks_like_one)
    };
    headers.get_all(AUTHORIZATION).iter().any(words)
}

/// The value of the one header of this name that there may be. The error is for the log.
pub(super) fn header<'r>(headers: &'r HeaderMap, name: &HeaderName) -> Result<Option<&'r str>, &'static str> {
    let mut fields = headers.get_all(name).iter();
    let Some(field) = fields.next() else {
        return Ok(None);
    };
    if fields.next().is_some() {
        return Err("its header is there more than once");
    }
    field.to_str().map(Some).map_err(|_| "its header is not visible ASCII")
}

/// The decoded values of a parameter, in order. Names are compared decoded, too: `api%5Fkey` is `api_key`.
pub(super) fn parameters<'r>(query: &'r str, name: &'r str) -> impl Iterator<Item = Cow<'r, str>> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    pairs.filter(move |(given, _)| given == name).map(|(_, value)| value)
}

/// The values of a cookie, in order (RFC 6265 section 4.2.1). Names are compared as they stand.
pub(crate) fn cookies<'r>(headers: &'r HeaderMap, name: &'r str) -> impl Iterator<Item = &'r [u8]> {
    cookie_pairs(headers).filter_map(move |pair| cookie_value(pair, name))
}

fn cookie_pairs(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.map(<[u8]>::trim_ascii)
}

fn cookie_value<'r>(pair: &'r [u8], name: &str) -> Option<&'r [u8]> {
    pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

fn remove_parameter(query: &mut String, name: &str) {
    let is_it = |pair: &&str| form_urlencoded::parse(pair.as_bytes()).any(|(given, _)| given == name);
    if query.split('&').any(|pair| is_it(&pair)) {
        let rest: Vec<&str> = query.split('&').filter(|pair| !is_it(pair)).collect();
        *query = rest.join("&");
    }
}

fn remove_cookie(headers: &mut HeaderMap, name: &str) {
    if cookies(headers, name).next().is_none() {
        return;
    }
    let others = cookie_pairs(headers).filter(|pair| !pair.is_empty() && cookie_value(pair, name).is_none());
    let rest = others.collect::<Vec<_>>().join(b"; ".as_slice());
    headers.remove(COOKIE);
    // What stood in headers before has no byte that a header could refuse.
    if let Ok(rest) = HeaderValue::from_bytes(&rest)
        && !rest.is_empty()
    {
        headers.insert(COOKIE, rest);
    }
}
