//! `upstreams`, and the URLs that routes give directly.

mod resilience;
mod targets;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use url::Url;

use super::routes::fallback;
use super::timeout;
use crate::config::decode::{Field, Map, Text};
use crate::config::raw::upstreams::Service;
use crate::config::report::Report;
use crate::config::tree::quote;
use crate::upstream::{Target, Upstream};

/// What a route's `upstream` may name, and how long a call there may take.
pub(super) struct Services<'a> {
    /// `None` for a service with a mistake of its own. No map at all when the section itself is wrong: then no
    /// name can be told to be wrong.
    named: Option<HashMap<&'a str, Option<Destination>>>,
    /// Those of them that are right, in file order.
    all: Vec<Arc<Upstream>>,
    default_timeout: Duration,
}

/// A service and the timeout of its calls.
#[derive(Clone)]
pub(super) struct Destination {
    pub(super) upstream: Arc<Upstream>,
    pub(super) timeout: Duration,
}

pub(super) fn check<'a>(
    section: &'a Field<Map<Service>>,
    default_timeout: Duration,
    report: &mut Report,
) -> Services<'a> {
    let mut services = Services {
        named: (!matches!(section, Field::Bad)).then(HashMap::new),
        all: Vec::new(),
        default_timeout,
    };
    for entry in section.given().map_or(&[][..], |map| &map.entries) {
        if !is_name(&entry.name) {
            let reason = format!("{} is not a name: 1 to 64 of A-Z a-z 0-9 . _ -", quote(&entry.name));
            report.mistake(entry.place, reason);
        }
        let service = entry.value.given();
        let destination = service.and_then(|service| services.destination(&entry.name, service, report));
        services
            .all
            .extend(destination.iter().map(|known| Arc::clone(&known.upstream)));
        if let Some(named) = &mut services.named {
            named.insert(&entry.name, destination);
        }
    }
    services
}

/// Names and ids stand in logs, metrics and counters.
pub(super) fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

impl Services<'_> {
    /// Every service of `upstreams`, at its position.
    pub(super) fn all(&self) -> Vec<Arc<Upstream>> {
        self.all.clone()
    }

    fn destination(&self, name: &str, service: &Service, report: &mut Report) -> Option<Destination> {
        let targets = targets::of(service, report);
        let own = |field: &Field<_>, report: &mut Report| field.given().and_then(|given| timeout(given, report));
        let timeout = own(&service.timeout, report).unwrap_or(self.default_timeout);
        let attempt_timeout = resilience::attempt_timeout(service, timeout, report);
        let upstream = Upstream {
            name: name.into(),
            position: Some(self.all.len()),
            connect_timeout: resilience::connect_timeout(service, attempt_timeout, report),
            attempt_timeout,
            retry: resilience::retry(service, report),
            breaker: resilience::breaker(service, report),
            fallback: service.fallback.given().and_then(|raw| fallback(raw, report)),
            warm: service
                .warm
                .given()
                .and_then(|text| text.parse("a path", report, warm_path)),
            targets: targets?,
        };
        Some(Destination {
            upstream: Arc::new(upstream),
            timeout,
        })
    }

    /// What a route's `upstream` means: a URL when it contains `://`, else a name.
    pub(super) fn resolve(&self, text: &Text, report: &mut Report) -> Option<Destination> {
        if text.value.contains("://") {
            let url = text.parse("an upstream's URL", report, upstream_url)?;
            let name = Arc::clone(&Target::new(url.clone()).name);
            let upstream = Upstream::plain(name, url, resilience::CONNECT_TIMEOUT);
            return Some(Destination {
                upstream: Arc::new(upstream),
                timeout: self.default_timeout,
            });
        }
        let named = self.named.as_ref()?;
        if let Some(destination) = named.get(&*text.value) {
            return destination.clone();
        }
        let shown = text.quoted();
        let near = if text.is_filled() {
            None
        } else {
            report.nearest(&text.value, named.keys().copied())
        };
        let reason = match near {
            Some(near) => format!("{shown} is not an upstream (did you mean {near:?}?)"),
            None => {
                format!("{shown} is not an upstream: name one of upstreams, or write a URL such as http://orders:3002")
            }
        };
        report.mistake(text.place, reason);
        None
    }
}

/// A URL whose parts say all there is to say about a service.
fn upstream_url(text: &str) -> Result<Url, String> {
    let url = parse_url(text)?;
    if text.contains(['{', '}']) {
        return Err(format!(
            "{} has braces, which nothing fills: the request's own path is put behind this URL",
            quote(text)
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!(
            "{} has a query or fragment: queries are the clients'",
            quote(text)
        ));
    }
    Ok(url)
}

/// The path and query of a request, as it is sent.
fn warm_path(text: &str) -> Result<PathAndQuery, String> {
    let wrong = || format!("{} is not a path to fetch, such as /health", quote(text));
    // A fragment is cut off by the parser, and is nothing that is sent.
    if !text.starts_with('/') || text.contains('#') || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong());
    }
    PathAndQuery::try_from(text).map_err(|_| wrong())
}

/// An absolute http or https URL without credentials. Stricter than browsers, which repair what they read
/// (`http:\\host`, `http:///host`, line breaks in the middle): here the repaired URL might name another host.
pub(super) fn parse_url(text: &str) -> Result<Url, String> {
    let shown = quote(text);
    let rest = text.split_once("://").map(|(_, rest)| rest);
    let odd = |character: char| character.is_whitespace() || character.is_control() || character == '\\';
    if rest.is_none_or(|rest| rest.starts_with('/')) || text.contains(odd) {
        return Err(format!(
            "{shown} is not a URL such as https://orders.internal:8443/base"
        ));
    }
    let url = Url::parse(text).map_err(|error| format!("{shown} is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("{shown} must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL with a user or password: credentials do not belong in a config".into());
    }
    Ok(url)
}
