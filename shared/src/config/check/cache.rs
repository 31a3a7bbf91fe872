//! `cache` of routes, and `defaults.cache_memory`.

use std::sync::Arc;
use std::time::Duration;

use http::header::ACCEPT;
use http::{HeaderName, Method};

use super::header_name;
use crate::cache::{CacheRules, CacheSettings, Tier};
use crate::config::decode::{At, ByteSize, Field, List, Slot as _, Text};
use crate::config::raw::{self, Document};
use crate::config::report::Report;
use crate::config::tree::Place;
use crate::config::{HeaderRules, Route};
use crate::router::Conditions;
use crate::sha256;

/// How long an answer may be kept at all: the longest that is of use (RFC 9111 section 5.3 has a year, too).
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

const USUAL_SIZE: usize = 1024 * 1024;

/// What an environment keeps unless the config says so.
const USUAL_MEMORY: u64 = 16 * 1024 * 1024;
/// Room for a few answers.
const SMALLEST_MEMORY: u64 = 64 * 1024;
/// The largest function has 10,240 MB (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>).
const LARGEST_MEMORY: u64 = 8 * 1024 * 1024 * 1024;

/// What is kept in an environment; `None` where no route keeps anything.
pub(super) fn settings(document: &Document, routes: &[Arc<Route>], report: &mut Report) -> Option<CacheSettings> {
    let given = document
        .defaults
        .given()
        .and_then(|defaults| defaults.cache_memory.given());
    if let Some(given) = given {
        memory_in_range(given, report);
    }
    let is_used = routes.iter().any(|route| route.cache.is_some());
    let in_table = |route: &&Arc<Route>| route.cache.as_ref().is_some_and(|rules| rules.tier == Tier::Table);
    is_used.then(|| CacheSettings {
        memory: whole(given.map_or(USUAL_MEMORY, |given| given.value.0)),
        edition: [0; sha256::LENGTH],
        table_paths: routes
            .iter()
            .filter(in_table)
            .map(|route| route.pattern.clone())
            .collect(),
    })
}

fn memory_in_range(given: &At<ByteSize>, report: &mut Report) {
    if given.value.0 < SMALLEST_MEMORY {
        report.mistake(
            given.place,
            "smaller than 64KiB: hardly an answer fits; without cache on routes none is kept",
        );
    }
    if given.value.0 > LARGEST_MEMORY {
        report.mistake(
            given.place,
            "larger than 8192MiB: no function has so much memory to spare",
        );
    }
}

/// What a route keeps.
pub(super) fn of_route(
    raw: &raw::Route,
    conditions: &Conditions,
    client_headers: &HeaderRules,
    report: &mut Report,
) -> Option<Arc<CacheRules>> {
    let section = &**raw.cache.given()?;
    if !raw.respond.is_absent() {
        report.mistake(
            section.place,
            "means nothing here: this route answers by itself (respond), which is no work to save",
        );
    }
    let reads = |method: &Method| matches!(*method, Method::GET | Method::HEAD);
    if !conditions.methods.is_empty() && !conditions.methods.iter().any(reads) {
        report.mistake(
            section.place,
            "means nothing here: answers to GET and HEAD are kept, and the route takes neither",
        );
    }
    let mut vary = names(&section.vary, client_headers, report);
    let forward = names(&section.forward, client_headers, report);
    refuse_both(&section.forward, &vary, report);
    // A route that asks for a header is one for its value.
    let asked = conditions.headers.iter().map(|(name, _)| name.clone());
    let by_accept = (!conditions.accept.is_empty()).then_some(ACCEPT);
    let asked = asked.chain(by_accept);
    let asked: Vec<HeaderName> = asked.filter(|name| !vary.contains(name)).collect();
    vary.extend(asked);
    let length =
        |given: &Field<At<Duration>>, report: &mut Report| given.given().and_then(|given| length(given, report));
    Some(Arc::new(CacheRules {
        ttl: length(&section.ttl, report),
        negative_ttl: length(&section.negative_ttl, report),
        vary,
        forward,
        tier: section.tier.given().map(|tier| tier.value).unwrap_or_default(),
        public: section.public.given().is_some_and(|public| public.value),
        stale_while_revalidate: length(&section.stale_while_revalidate, report).unwrap_or_default(),
        stale_if_error: length(&section.stale_if_error, report).unwrap_or_default(),
        max_size: section.max_size.given().map_or(USUAL_SIZE, |given| size(given, report)),
        client_control: section.client_control.given().is_some_and(|control| control.value),
    }))
}

fn length(given: &At<Duration>, report: &mut Report) -> Option<Duration> {
    if given.value.is_zero() {
        report.mistake(given.place, "no time at all: leave the key out");
        return None;
    }
    if given.value > LONGEST {
        report.mistake(given.place, "longer than 365d, the longest that an answer is kept");
        return None;
    }
    Some(given.value)
}

fn size(given: &At<ByteSize>, report: &mut Report) -> usize {
    /// A larger answer does not leave through Lambda.
    const LARGEST: u64 = 6 * 1024 * 1024;
    if given.value.0 == 0 {
        report.mistake(given.place, "nothing is so small: leave cache out");
    }
    if given.value.0 > LARGEST {
        report.mistake(given.place, "larger than 6MiB, which no answer that Lambda takes is");
    }
    whole(given.value.0)
}

/// Headers that reach services from clients, each once.
fn names(list: &Field<List<Text>>, client_headers: &HeaderRules, report: &mut Report) -> Vec<HeaderName> {
    let mut names: Vec<HeaderName> = Vec::new();
    for text in list.given().map_or(&[][..], |list| &list.items) {
        let Some(name) = text.parse("a header name", report, header_name) else {
            continue;
        };
        match why_not(&name, client_headers) {
            Some(why) => report.mistake(text.place, format!("{} cannot stand here: {why}", text.quoted())),
            None if names.contains(&name) => report.mistake(text.place, format!("{} is here twice", text.quoted())),
            None => names.push(name),
        }
    }
    names
}

fn why_not(name: &HeaderName, client_headers: &HeaderRules) -> Option<&'static str> {
    match name.as_str() {
        "host" => Some("answers are kept apart by host anyway"),
        _ if client_headers.removes(name) => Some(
            "services do not get it from clients; by the caller answers are kept apart anyway, unless they are public",
        ),
        "range" | "if-range" | "if-match" | "if-none-match" | "if-modified-since" | "if-unmodified-since" => {
            Some("the cache itself answers what it asks")
        }
        "cache-control" | "pragma" => Some("it is for the cache itself (see client_control)"),
        _ => None,
    }
}

fn refuse_both(forward: &Field<List<Text>>, vary: &[HeaderName], report: &mut Report) {
    for text in forward.given().map_or(&[][..], |list| &list.items) {
        if vary.iter().any(|name| name.as_str().eq_ignore_ascii_case(&text.value)) {
            let place: Place = text.place;
            report.mistake(
                place,
                format!("{} is in vary as well: the service gets it already", text.quoted()),
            );
        }
    }
}

fn whole(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
