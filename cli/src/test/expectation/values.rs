//! The smaller parts of an expectation: headers, bodies, times, requests.

use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};
use tollgate::clock::Timestamp;

use super::{Body, Failing, HeaderRule, Headers};
use crate::test::document::{Node, Object, nearest};

/// The largest generated body, in bytes: well over what any front door carries.
pub(super) const LARGEST_BODY: u64 = 64 * 1024 * 1024;

const BODY: [&str; 4] = ["body", "body_like", "body_base64", "body_length"];
const FAILING: [(&str, Failing); 3] = [
    ("connect", Failing::Connect),
    ("timeout", Failing::Timeout),
    ("broken", Failing::Broken),
];

pub(super) fn headers(object: &mut Object<'_>) -> Headers {
    let members = object.take("headers").and_then(|node| node.members());
    let rules = members.unwrap_or_default().into_iter();
    let rules = rules.filter_map(|(name, node)| Some((header_name(&name, &node)?, header_rule(&node)?)));
    rules.collect()
}

/// In lower case. What no header can be called would be "not there" for ever.
fn header_name(name: &str, node: &Node<'_>) -> Option<String> {
    let read = HeaderName::from_bytes(name.as_bytes());
    read.map(|name| name.as_str().to_owned())
        .map_err(|_| node.wrong("is not a header name"))
        .ok()
}

fn header_rule(node: &Node<'_>) -> Option<HeaderRule> {
    if node.is_null() {
        return Some(HeaderRule::Absent);
    }
    if !node.raw().starts_with('{') {
        return texts(node).map(HeaderRule::Values);
    }
    let mut object = node.object()?;
    let form = object.required("like").and_then(|node| node.text());
    object.finish();
    form.map(HeaderRule::Like)
}

/// A string, or a list of strings.
fn texts(node: &Node<'_>) -> Option<Vec<String>> {
    match node.raw().as_bytes() {
        [b'"', ..] => node.text().map(|text| vec![text]),
        [b'[', ..] => node.elements()?.iter().map(Node::text).collect(),
        _ => {
            node.wrong("is neither a string nor a list of strings");
            None
        }
    }
}

pub(super) fn set_headers(node: &Node<'_>, response: &mut Response<Bytes>) {
    for (name, node) in node.members().unwrap_or_default() {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            node.wrong("is not a header name");
            continue;
        };
        for text in texts(&node).unwrap_or_default() {
            match HeaderValue::from_str(&text) {
                Ok(value) => _ = response.headers_mut().append(name.clone(), value),
                Err(_) => node.wrong("holds a control character"),
            }
        }
    }
}

pub(super) fn body(object: &mut Object<'_>) -> Option<Body> {
    let (name, node) = only(object, &BODY)?;
    match name {
        "body_base64" => node.parsed(base64).map(Body::Bytes),
        "body_length" => node.number(0..=LARGEST_BODY).map(Body::Length),
        "body_like" => node.text().map(Body::Like),
        _ if node.raw().starts_with('"') => node.text().map(Body::Text),
        _ if node.is_null() => {
            node.wrong("is no body; an empty one is \"\"");
            None
        }
        _ => node.value().map(Body::Json),
    }
}

/// The one of these members that is there; a second one is a mistake.
pub(super) fn only<'a>(object: &mut Object<'a>, names: &[&'static str]) -> Option<(&'static str, Node<'a>)> {
    let mut there = object.among(names).into_iter();
    let first = there.next()?;
    if let Some((name, node)) = there.next() {
        node.wrong(format!("\"{name}\" and \"{}\" say the same thing twice", first.0));
    }
    Some(first)
}

pub(super) fn base64(text: &str) -> Result<Bytes, String> {
    let bytes = STANDARD.decode(text);
    bytes.map(Bytes::from).map_err(|_| "is not base64".to_owned())
}

/// RFC 3339, in UTC.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    let time = DateTime::from_str(text, DateTimeFormat::DateTime).ok();
    let seconds = time.and_then(|time| u64::try_from(time.secs()).ok());
    let why = || format!("{text:?} is no time in UTC since 1970; write it like 2026-03-12T19:03:58Z");
    seconds.map(Timestamp::from_secs).ok_or_else(why)
}

pub(super) fn request_line(text: &str) -> Result<String, String> {
    let why = || {
        format!("{text:?} is no request; write the method and the whole URL, like GET http://users.internal/users/42")
    };
    let (method, url) = text.split_once(' ').ok_or_else(why)?;
    let method = http::Method::from_bytes(method.as_bytes()).map_err(|_| why())?;
    // As `http` writes it, which is what the gateway's own calls are compared by.
    let url: http::Uri = url.parse().map_err(|_| why())?;
    match url.host().is_some() && url.scheme().is_some() {
        true => Ok(format!("{method} {url}")),
        false => Err(why()),
    }
}

pub(super) fn failing(text: &str) -> Result<Failing, String> {
    let found = FAILING.iter().find(|(word, _)| *word == text);
    found.map(|(_, failing)| *failing).ok_or_else(|| {
        let words = FAILING.map(|(word, _)| word);
        match nearest(text, &words) {
            Some(word) => format!("{text:?} is not known (did you mean {word:?}?)"),
            None => format!("{text:?} is not known; there are {}", words.join(", ")),
        }
    })
}
