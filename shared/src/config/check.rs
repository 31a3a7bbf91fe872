//! Sections to domain types: resolves names, checks ranges and rules between sections, compiles patterns.
//!
//! Whatever is wrong is reported and left out, and the check goes on; a config with something left out is
//! never used, because the report then holds a mistake.

mod auth;
mod cache;
mod edge;
mod limits;
mod routes;
mod sections;
mod services;
mod templates;
mod transform;

use std::time::Duration;

use http::HeaderName;
use ipnet::{IpNet, Ipv4Net};

use self::auth::Identity;
use super::decode::{At, Field, List, Text};
use super::raw::{self, Document, Errors, UnderscoreHeaders};
use super::report::Report;
use super::{Config, ErrorRules, HeaderRules};
use crate::auth::method::ClaimHeader;
use crate::headers::SealedHeaders;
use crate::limit::RuleSet;
use crate::origin_secret::X_ORIGIN_SECRET;

/// What `defaults.timeout` is when left out.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest a Lambda function may run: a longer timeout could never pass.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html>
const LONGEST_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Checks a document whose sections fit the grammar, or are marked bad where they do not.
pub(super) fn check(document: &Document, report: &mut Report) -> Config {
    if let Some(version) = document.version.given().filter(|version| version.value.get() != 1) {
        report.mistake(version.place, "not a version of this grammar: the only one so far is 1");
    }
    let identity = Identity::of(document, report);
    let default_timeout = default_timeout(document, report);
    let services = services::check(&document.upstreams, default_timeout, report);
    let limits = limits::check(document, &identity, report);
    let unrouted = edge::defaults(document, report);
    let routes = routes::check(document, &services, &identity, &limits, &unrouted, report);
    let transformations = transform::sections(document.transformations.given(), &identity, report);
    let config = Config {
        cache: cache::settings(document, &routes, report),
        routes,
        upstreams: services.all(),
        auth: identity.rules,
        limits,
        transformations,
        errors: errors(document.errors.given()),
        headers: identity.client_headers,
        trusted_proxies: trusted_proxies(document.trusted_proxies.given(), report),
        entry: edge::entry(document, report),
        unrouted,
    };
    sections::warn_unreachable(document, &config.routes, report);
    config
}

/// A plan by itself.
pub(super) fn plan(name: &str, section: &raw::Plan, report: &mut Report) -> Option<RuleSet> {
    limits::plan(name, section, report)
}

fn default_timeout(document: &Document, report: &mut Report) -> Duration {
    let given = document.defaults.given().and_then(|defaults| defaults.timeout.given());
    given
        .and_then(|given| timeout(given, report))
        .unwrap_or(DEFAULT_TIMEOUT)
}

/// A timeout that can pass, and in which something can happen.
fn timeout(given: &At<Duration>, report: &mut Report) -> Option<Duration> {
    if given.value.is_zero() {
        report.mistake(
            given.place,
            "a timeout of nothing lets nothing through: give it at least 1ms",
        );
        return None;
    }
    if given.value > LONGEST_TIMEOUT {
        report.mistake(
            given.place,
            "longer than 15m, the longest that a Lambda function may run",
        );
        return None;
    }
    Some(given.value)
}

fn errors(section: Option<&Errors>) -> ErrorRules {
    let Some(section) = section else {
        return ErrorRules::default();
    };
    ErrorRules {
        format: section.format.given().map(|format| format.value).unwrap_or_default(),
        upstream: section
            .upstream
            .given()
            .map(|upstream| upstream.value)
            .unwrap_or_default(),
    }
}

fn header_rules(document: &Document, claimed: &[ClaimHeader], report: &mut Report) -> HeaderRules {
    let mut sealed: Vec<String> = claimed.iter().map(|given| given.header.to_string()).collect();
    for name in document.sealed_headers.given().map_or(&[][..], |list| &list.items) {
        let Some(header) = name.parse("a header name", report, header_name) else {
            continue;
        };
        match header.as_str() {
            "authorization" | "host" | "content-length" => {
                report.mistake(
                    name.place,
                    format!("{} is what the gateway itself works with", name.quoted()),
                );
            }
            _ => sealed.push(header.to_string()),
        }
    }
    if document.origin_secret.given().is_some() {
        sealed.push(X_ORIGIN_SECRET.to_string());
    }
    let keep_underscores = match &document.underscore_headers {
        Field::Absent => false,
        Field::Given(given) => given.value == UnderscoreHeaders::Keep,
        // Where it is wrong itself, no other mistake is made of it.
        Field::Bad => true,
    };
    HeaderRules {
        sealed: SealedHeaders::with(sealed),
        keep_underscores,
    }
}

/// A header name (RFC 9110 section 5.1), without `*`: the grammar of names allows one, but who writes it means
/// a family of names.
fn header_name(text: &str) -> Result<HeaderName, String> {
    if text.contains('*') {
        return Err(format!(
            "{} is not a header name: write each name out",
            super::tree::quote(text)
        ));
    }
    HeaderName::from_bytes(text.as_bytes()).map_err(|_| {
        format!(
            "{} is not a header name: letters, digits and - only, such as X-Tenant",
            super::tree::quote(text)
        )
    })
}

fn trusted_proxies(list: Option<&List<Text>>, report: &mut Report) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for text in list.map_or(&[][..], |list| &list.items) {
        let Some(network) = text.parse("an address or a network", report, network) else {
            continue;
        };
        if network.prefix_len() == 0 {
            let reason = format!(
                "{} trusts everybody: any client can then choose its own address",
                text.quoted()
            );
            report.warning(text.place, reason);
        }
        networks.push(network);
    }
    networks
}

/// Networks of IPv4 in IPv6 form (RFC 4291 section 2.5.5.2) become IPv4: client addresses are written so.
fn network(text: &str) -> Result<IpNet, String> {
    let network = match text.parse::<std::net::IpAddr>() {
        Ok(address) => IpNet::from(address.to_canonical()),
        Err(_) => text.parse::<IpNet>().map_err(|_| {
            format!(
                "{} is not an address or a network, such as 192.0.2.7 or 10.0.0.0/8",
                super::tree::quote(text)
            )
        })?,
    };
    Ok(match network {
        IpNet::V6(mapped) if mapped.prefix_len() >= 96 => match mapped.addr().to_ipv4_mapped() {
            Some(address) => Ipv4Net::new_assert(address, mapped.prefix_len() - 96).trunc().into(),
            None => network.trunc(),
        },
        _ => network.trunc(),
    })
}
