//! `cors`.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method};

use crate::config::check::header_name;
use crate::config::check::routes::method;
use crate::config::decode::{At, Field, List, Text};
use crate::config::raw::edge::Cors;
use crate::config::report::Report;
use crate::config::tree::quote;
use crate::cors::{AllowedOrigins, CorsRules, OriginPattern};

/// What pages of nearly every API set. The first two need to be named: what a page may set unasked is less than that.
const DEFAULT_HEADERS: &str = "Authorization, Content-Type, X-Request-Id";

/// What a preflight hears of a route that takes every method, unless `methods` says more.
const USUAL_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";

/// What the gateway sets on its answers for whoever made the request.
const OWN_HEADERS: &str = "X-Request-Id, X-Response-Time, Retry-After, RateLimit, RateLimit-Policy, \
    X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Partial, Cache-Status, Age";

/// Each preflight is an invocation to pay for, and browsers keep an answer that says nothing for 5 seconds.
const DEFAULT_MAX_AGE: Duration = Duration::from_secs(10 * 60);

/// The longest that any browser keeps the answer to a preflight.
const LONGEST_MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn rules(section: &Cors, report: &mut Report) -> Option<Arc<CorsRules>> {
    let credentials = section.credentials.given().is_some_and(|given| given.value);
    let origins = section
        .origins
        .given()
        .and_then(|list| origins(list, credentials, report));
    let methods = match &section.methods {
        Field::Given(list) => Some(methods(list, report)),
        Field::Absent | Field::Bad => None,
    };
    let headers = match section.headers.given() {
        None => Some(HeaderValue::from_static(DEFAULT_HEADERS)),
        // The word for all does not stand for this one (Fetch standard, section 3.2.4).
        Some(list) => names(list, credentials, "*, Authorization", report),
    };
    let more = section
        .expose
        .given()
        .and_then(|list| names(list, credentials, "*", report));
    let expose = match &more {
        Some(all) if all == "*" => Some(all.clone()),
        Some(more) => {
            let own = |name: &&str| OWN_HEADERS.split(", ").any(|own| own.eq_ignore_ascii_case(name));
            let more = more.to_str().unwrap_or_default().split(", ").filter(|name| !own(name));
            joined(&OWN_HEADERS.split(", ").chain(more).collect::<Vec<_>>())
        }
        None => None,
    };
    let max_age = section
        .max_age
        .given()
        .map_or(DEFAULT_MAX_AGE, |given| max_age(given, report));
    let lists = [&methods, &headers, &more].into_iter().flatten();
    super::refuse_large(lists.map(HeaderValue::len).sum(), section.place, report);
    Some(Arc::new(CorsRules {
        origins: origins?,
        methods,
        headers,
        expose: expose.unwrap_or(HeaderValue::from_static(OWN_HEADERS)),
        max_age: u32::try_from(max_age.as_secs()).unwrap_or_default(),
        credentials,
    }))
}

fn origins(list: &List<Text>, credentials: bool, report: &mut Report) -> Option<AllowedOrigins> {
    list.refuse_empty("no origin at all: leave cors out to say nothing to browsers", report);
    let Some(all) = list.items.iter().find(|text| text.value == "*") else {
        let parse = |text: &str| OriginPattern::parse(text).map_err(|why| format!("{} {why}", quote(text)));
        let patterns = list
            .items
            .iter()
            .filter_map(|text| text.parse("an origin", report, parse));
        return Some(AllowedOrigins::Listed(patterns.collect()));
    };
    let shown = all.quoted();
    if credentials {
        let reason =
            format!("{shown} with credentials would let every site read what its visitors may: name the origins");
        report.mistake(all.place, reason);
    } else if list.items.len() > 1 {
        let reason = format!("{shown} takes every origin: nothing else can stand beside it");
        report.mistake(all.place, reason);
    }
    Some(AllowedOrigins::Any)
}

fn methods(list: &List<Text>, report: &mut Report) -> HeaderValue {
    list.refuse_empty("no method at all: leave the key out to take the route's", report);
    let methods = list
        .items
        .iter()
        .filter_map(|text| text.parse("a method", report, one_method));
    let methods: Vec<Method> = methods.collect();
    let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    joined(&names).unwrap_or(HeaderValue::from_static(""))
}

fn one_method(text: &str) -> Result<Method, String> {
    match text {
        "*" => Err("\"*\" is not a method: leave methods out to take those of the route".to_owned()),
        _ => method(text),
    }
}

/// The rules for a route that takes these methods, none for all: what its preflights hear of methods is known now.
pub(super) fn for_route(rules: &Arc<CorsRules>, methods: &[Method]) -> Arc<CorsRules> {
    match rules.methods {
        Some(_) => Arc::clone(rules),
        None => Arc::new(CorsRules {
            methods: Some(names_of(methods)),
            ..CorsRules::clone(rules)
        }),
    }
}

fn names_of(methods: &[Method]) -> HeaderValue {
    let mut names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    if names.contains(&"GET") && !names.contains(&"HEAD") {
        names.push("HEAD");
    }
    joined(&names).unwrap_or(HeaderValue::from_static(USUAL_METHODS))
}

/// Names as they are written, or `all` for `*`; `None` for an empty list.
fn names(list: &List<Text>, credentials: bool, all: &'static str, report: &mut Report) -> Option<HeaderValue> {
    if let Some(every) = list.items.iter().find(|text| text.value == "*") {
        let shown = every.quoted();
        if credentials {
            let reason =
                format!("with credentials browsers take {shown} for a header of that name: write each name out");
            report.mistake(every.place, reason);
        } else if list.items.len() > 1 {
            let reason = format!("{shown} takes every header: nothing else can stand beside it");
            report.mistake(every.place, reason);
        }
        return Some(HeaderValue::from_static(all));
    }
    let as_written = |text: &str| header_name(text).map(|_| text.to_owned());
    let names = list
        .items
        .iter()
        .filter_map(|text| text.parse("a header name", report, as_written));
    let names: Vec<String> = names.collect();
    joined(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Tokens in one header value; `None` for none.
fn joined(tokens: &[&str]) -> Option<HeaderValue> {
    HeaderValue::from_str(&tokens.join(", "))
        .ok()
        .filter(|value| !value.is_empty())
}

fn max_age(given: &At<Duration>, report: &mut Report) -> Duration {
    if given.value > LONGEST_MAX_AGE {
        report.mistake(given.place, "longer than 24h, the longest that any browser keeps it");
    } else if given.value.subsec_nanos() > 0 {
        report.mistake(given.place, "browsers count whole seconds");
    }
    given.value
}
