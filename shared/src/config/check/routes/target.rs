//! Where a route's answers come from: exactly one of `upstream`, `split`, `aggregate` and `respond`, each with the keys that
//! go with it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::de::IgnoredAny;

use super::{aggregate, split};
use crate::config::check::header_name;
use crate::config::check::services::{Destination, Services};
use crate::config::check::templates::Scope;
use crate::config::check::timeout;
use crate::config::decode::{Body, Field, Map, Slot as _, Text};
use crate::config::raw::{self, NamedAnswer, Respond};
use crate::config::report::Report;
use crate::config::tree::{Place, quote};
use crate::config::{Target, UpstreamCall};
use crate::headers::is_hop_by_hop;
use crate::path::{PathPattern, PathPrefix};
use crate::respond::FixedAnswer;

pub(super) fn of(
    raw: &raw::Route,
    id: &str,
    scope: &Scope<'_>,
    services: &Services<'_>,
    report: &mut Report,
) -> Option<Target> {
    // All are checked, even where they cannot stand: one mistake hides no other.
    let answer = raw.respond.given().and_then(|respond| answer(respond, report));
    let aggregate = aggregate::of(raw, scope, services, report);
    let sources = [
        ("upstream", !raw.upstream.is_absent()),
        ("split", !raw.split.is_absent()),
        ("aggregate", !raw.composition.aggregate.is_absent()),
        ("respond", !raw.respond.is_absent()),
    ];
    let given: Vec<&str> = sources
        .into_iter()
        .filter_map(|(key, given)| given.then_some(key))
        .collect();
    match given[..] {
        ["respond"] => {
            refuse_keys_of_calls(raw, report);
            return answer;
        }
        ["aggregate"] => {
            refuse_keys_of_single_calls(raw, report);
            return aggregate.map(|aggregate| Target::Aggregate(Box::new(aggregate)));
        }
        [_] => {}
        [] => {
            let reason = "nothing answers here: give the route an upstream, parts in aggregate, or an answer of its own in respond";
            report.mistake(raw.place, reason);
        }
        ref several => {
            let reason = format!(
                "{} are both here: a route has exactly one of them",
                several.join(" and ")
            );
            report.mistake(raw.place, reason);
        }
    }
    let manner = Manner::of(raw, scope.pattern, report);
    let service = raw.upstream.given().and_then(|text| services.resolve(text, report));
    let call = service.map(|service| Target::Call(manner.call(service)));
    let split = split::of(raw, id, &manner, services, scope.identity, report).map(Target::Split);
    call.or(split)
}

/// How a route calls whatever service.
pub(super) struct Manner {
    strip_prefix: Option<PathPrefix>,
    timeout: Option<Duration>,
    fallback: Option<Arc<FixedAnswer>>,
}

impl Manner {
    fn of(raw: &raw::Route, pattern: Option<&PathPattern>, report: &mut Report) -> Self {
        let prefix = raw.strip_prefix.given();
        Self {
            strip_prefix: prefix.and_then(|text| strip_prefix(text, pattern, report)),
            timeout: raw.timeout.given().and_then(|given| timeout(given, report)),
            fallback: raw.fallback.given().and_then(|raw| fallback(raw, report)),
        }
    }

    /// The call of this service.
    pub(super) fn call(&self, service: Destination) -> UpstreamCall {
        let fallback = self.fallback.clone();
        UpstreamCall {
            timeout: self.timeout.unwrap_or(service.timeout),
            fallback: fallback.or_else(|| service.upstream.fallback.clone()),
            upstream: service.upstream,
            strip_prefix: self.strip_prefix.clone(),
        }
    }
}

fn strip_prefix(text: &Text, pattern: Option<&PathPattern>, report: &mut Report) -> Option<PathPrefix> {
    let prefix = text.parse("a path prefix", report, PathPrefix::parse)?;
    if pattern.is_some_and(|pattern| !prefix.covers(pattern)) {
        report.mistake(
            text.place,
            format!("{} is not in front of every path of this route", text.quoted()),
        );
        return None;
    }
    Some(prefix)
}

fn refuse_keys_of_single_calls(raw: &raw::Route, report: &mut Report) {
    if let Some(prefix) = raw.strip_prefix.given() {
        let reason = "means nothing here: each part of an aggregate has a path of its own";
        report.mistake(prefix.place, reason);
    }
    if let Some(fallback) = raw.fallback.given() {
        let reason = "means nothing here: each part of an aggregate has a fallback of its own";
        report.mistake(fallback.place, reason);
    }
    if let Some(place) = request_rules(raw) {
        let reason = "means nothing here: each part of an aggregate has a path and headers of its own";
        report.mistake(place, reason);
    }
    if let Some(sticky) = raw.sticky.given() {
        report.mistake(
            sticky.place,
            "means nothing without split: there is one service for all",
        );
    }
}

/// Where the route's own rules for requests stand.
fn request_rules(raw: &raw::Route) -> Option<Place> {
    let transform = raw.transform.given()?;
    transform.request.given().map(|request| request.place)
}

fn refuse_keys_of_calls(raw: &raw::Route, report: &mut Report) {
    let prefix = raw.strip_prefix.given().map(|given| given.place);
    let timeout = raw.timeout.given().map(|given| given.place);
    let fallback = raw.fallback.given().map(|given| given.place);
    let sticky = raw.sticky.given().map(|given| given.place);
    let request = request_rules(raw);
    let settings = [prefix, timeout, fallback, sticky, request];
    for place in settings.into_iter().flatten() {
        let reason = "means nothing here: this route answers by itself (respond) and calls no upstream";
        report.mistake(place, reason);
    }
}

fn answer(respond: &Respond, report: &mut Report) -> Option<Target> {
    match respond {
        Respond::Named(named) => Some(match named.value {
            NamedAnswer::Health => Target::Respond(FixedAnswer::health()),
            NamedAnswer::Usage => Target::Usage,
        }),
        Respond::Fixed(raw) => fixed(raw, report).map(Target::Respond),
    }
}

/// What stands in for an upstream. No cache may keep it for longer than the upstream is gone, unless it says so itself.
pub(in crate::config::check) fn fallback(raw: &raw::FixedAnswer, report: &mut Report) -> Option<Arc<FixedAnswer>> {
    let mut answer = fixed(raw, report)?;
    answer
        .headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    Some(Arc::new(answer))
}

/// An answer that stands in the document.
fn fixed(raw: &raw::FixedAnswer, report: &mut Report) -> Option<FixedAnswer> {
    let status = raw.status.given().map_or(StatusCode::OK, |given| given.value);
    let mut headers = headers(&raw.headers, report);
    let Some((place, body, default_type)) = raw.body.given().and_then(content) else {
        return Some(FixedAnswer {
            status,
            headers,
            body: Bytes::new(),
        });
    };
    if matches!(
        status,
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
    ) {
        let reason = format!("an answer with status {} has no body", status.as_u16());
        report.mistake(place, reason);
    }
    match headers.get(CONTENT_TYPE) {
        Some(given) if is_json(given) && serde_json::from_slice::<IgnoredAny>(body).is_err() => {
            report.mistake(place, "is not JSON, though the Content-Type beside it says so");
        }
        Some(_) => {}
        None => _ = headers.insert(CONTENT_TYPE, HeaderValue::from_static(default_type)),
    }
    Some(FixedAnswer {
        status,
        headers,
        body: Bytes::copy_from_slice(body),
    })
}

/// Where the body stands, its bytes and what it is called unless said otherwise; `None` for an empty one.
fn content(body: &Body) -> Option<(Place, &[u8], &'static str)> {
    match body {
        Body::Text(text) if text.value.is_empty() => None,
        Body::Text(text) => Some((text.place, text.value.as_bytes(), "text/plain; charset=utf-8")),
        Body::Json { place, json } => Some((*place, json.as_bytes(), "application/json")),
    }
}

/// `application/json`, with or without parameters, and the suffix `+json` (RFC 6839 section 3.1).
fn is_json(media_type: &HeaderValue) -> bool {
    let text = media_type.to_str().unwrap_or_default().to_ascii_lowercase();
    let essence = text.split(';').next().unwrap_or_default().trim_ascii();
    essence == "application/json" || essence.ends_with("+json")
}

fn headers(map: &Field<Map<Text>>, report: &mut Report) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for entry in map.given().map_or(&[][..], |map| &map.entries) {
        let name = match own_header(&entry.name) {
            Ok(name) => name,
            Err(reason) => {
                report.mistake(entry.place, reason);
                continue;
            }
        };
        let value = entry.value.given();
        let value = value.and_then(|text| text.parse("a header value", report, header_value));
        if headers.contains_key(&name) {
            let reason = format!("{} is here twice: case makes no difference", quote(&entry.name));
            report.mistake(entry.place, reason);
        }
        headers.extend(value.map(|value| (name, value)));
    }
    headers
}

fn own_header(written: &str) -> Result<HeaderName, String> {
    let name = header_name(written)?;
    match settable(&name) {
        Ok(()) => Ok(name),
        Err(why) => Err(format!("{} cannot stand here: {why}", quote(written))),
    }
}

/// Whether a config may say what is in this header of an answer; if not why, to be read after its name.
pub(in crate::config::check) fn settable(name: &HeaderName) -> Result<(), &'static str> {
    let why = match name.as_str() {
        _ if is_hop_by_hop(name) => "it belongs to one connection (RFC 9110 section 7.6.1)",
        "content-length" => "it is measured",
        "content-encoding" => "the body is served as it stands",
        "x-request-id" | "x-response-time" | "ratelimit" | "ratelimit-policy" => "the gateway sets it itself",
        limit if limit.starts_with("x-ratelimit-") => "the gateway sets it itself",
        _ => return Ok(()),
    };
    Err(why)
}

/// A field value (RFC 9110 section 5.5) that every front door carries as it is: visible ASCII with blanks between.
pub(in crate::config::check) fn header_value(text: &str) -> Result<HeaderValue, String> {
    let wrong = || {
        format!(
            "{} is not a header value: visible ASCII characters with blanks between them",
            quote(text)
        )
    };
    match HeaderValue::from_str(text) {
        // `HeaderValue` also takes bytes beyond ASCII, which every front door carries in a way of its own.
        Ok(value) if value.to_str().is_ok() && text.trim_ascii() == text => Ok(value),
        _ => Err(wrong()),
    }
}
