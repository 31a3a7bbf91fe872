//! `auth`: what a token must prove, and which headers carry what it proves.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use jsonwebtoken::Algorithm;
use url::{Host, Url};

use super::sections::pattern;
use super::services::parse_url;
use super::{header_name, header_rules};
use crate::auth::JwtMethod;
use crate::config::decode::{Choice, Field, List, Map, Named, Text};
use crate::config::raw::{Auth, Document};
use crate::config::report::Report;
use crate::config::tree::Place;
use crate::config::{AuthRules, ClaimHeader, HeaderRules};
use crate::headers::{folded, is_forwarding, is_hop_by_hop};

/// Refused credentials per minute when `auth.failures` is left out.
const DEFAULT_FAILURES: u32 = 20;

const DEFAULT_SKEW: Duration = Duration::from_secs(60);

/// Clocks that differ by more are broken; a larger allowance only keeps expired tokens alive.
const LARGEST_SKEW: Duration = Duration::from_secs(10 * 60);

/// What the other sections may rely on about callers and what they send.
pub(super) struct Identity {
    /// Whether there is an `auth` section, right or wrong.
    pub(super) exists: bool,
    /// The headers that a verified token sets.
    pub(super) headers: Vec<ClaimHeader>,
    /// Whether `headers` is all of them: not where a mistake keeps us from knowing.
    pub(super) headers_known: bool,
    /// What is left of the headers that clients send.
    pub(super) client_headers: HeaderRules,
}

impl Identity {
    /// Reads `claims_to_headers` and what else decides about headers, which other sections are checked against.
    pub(super) fn of(document: &Document, report: &mut Report) -> Self {
        let (exists, headers, headers_known) = match &document.auth {
            Field::Absent => (false, Vec::new(), true),
            Field::Bad => (true, Vec::new(), false),
            Field::Given(auth) => match &auth.claims_to_headers {
                Field::Absent => (true, default_headers(), true),
                Field::Bad => (true, Vec::new(), false),
                Field::Given(map) => {
                    let headers = claim_headers(map, report);
                    let known = headers.len() == map.entries.len();
                    (true, headers, known)
                }
            },
        };
        Self {
            exists,
            client_headers: header_rules(document, &headers, report),
            headers,
            headers_known,
        }
    }
}

fn default_headers() -> Vec<ClaimHeader> {
    let header = |claim: &str, name| ClaimHeader {
        claim: claim.to_owned(),
        header: HeaderName::from_static(name),
    };
    vec![header("sub", "x-user-id"), header("role", "x-user-role")]
}

fn claim_headers(map: &Map<Text>, report: &mut Report) -> Vec<ClaimHeader> {
    let mut headers = Vec::new();
    let mut taken: HashMap<String, Place> = HashMap::new();
    for entry in &map.entries {
        let Some(header) = claim_header(entry, report) else {
            continue;
        };
        // Upstreams that fold `_` to `-` would take the two for one.
        let folded = folded(header.header.as_str()).into_owned();
        match taken.get(&folded) {
            Some(first) => {
                let reason = format!("this header is already set by {}", report.pointer(*first).as_str());
                report.mistake(entry.place, reason);
            }
            None => {
                taken.insert(folded, entry.place);
                headers.push(header);
            }
        }
    }
    headers
}

fn claim_header(entry: &Named<Text>, report: &mut Report) -> Option<ClaimHeader> {
    let text = entry.value.given()?;
    let header = text.parse("a header name", report, header_name)?;
    if entry.name.is_empty() {
        report.mistake(entry.place, "a claim without a name");
        return None;
    }
    if let Some(why) = reserved(&header) {
        report.mistake(text.place, format!("{} cannot carry a claim: {why}", text.quoted()));
        return None;
    }
    Some(ClaimHeader {
        claim: entry.name.clone(),
        header,
    })
}

/// Why a header cannot carry a claim, if so. In any spelling: servers behind CGI-like interfaces read `x_request_id` as
/// `x-request-id`.
fn reserved(header: &HeaderName) -> Option<&'static str> {
    if is_hop_by_hop(header) {
        return Some("it belongs to one connection (RFC 9110 section 7.6.1)");
    }
    if is_forwarding(header) {
        return Some("the gateway sets it itself");
    }
    match &*folded(header.as_str()) {
        "host" | "content-length" => Some("it belongs to the message itself"),
        "authorization" | "cookie" => Some("it carries credentials"),
        "x-request-id" | "traceparent" | "tracestate" => Some("the gateway sets it itself"),
        _ => None,
    }
}

/// The rules of the section; without one, those that refuse nobody because every route says `auth: none`.
pub(super) fn check(section: Option<&Auth>, identity: &Identity, report: &mut Report) -> AuthRules {
    let Some(section) = section else {
        return AuthRules {
            failures_per_minute: DEFAULT_FAILURES,
            ..AuthRules::default()
        };
    };
    let exclude_paths = section.exclude_paths.given().map_or(&[][..], |list| &list.items);
    AuthRules {
        method: method(section, identity, report).map(Arc::new),
        exclude_paths: exclude_paths.iter().filter_map(|text| pattern(text, report)).collect(),
        failures_per_minute: section
            .failures
            .given()
            .map_or(DEFAULT_FAILURES, |given| given.value.get()),
    }
}

fn method(section: &Auth, identity: &Identity, report: &mut Report) -> Option<JwtMethod> {
    // Each is checked before any is missed, so that one mistake hides no other.
    let jwks_uri = section.jwks_uri.given().and_then(|text| jwks_uri(text, report));
    let issuer = section
        .issuer
        .given()
        .and_then(|text| not_empty(text, "an issuer", report));
    let audiences = section.audiences.given().map(|list| audiences(list, report));
    let algorithms = algorithms(section, report);
    let clock_skew = clock_skew(section, report);
    Some(JwtMethod {
        pointer: report.pointer(section.place),
        jwks_uri: jwks_uri?,
        issuer: issuer?,
        audiences: audiences?,
        algorithms,
        clock_skew,
        claims_to_headers: identity.headers.clone(),
        forward_token: section.forward_token.given().is_some_and(|given| given.value),
    })
}

/// Whoever can change the key set on its way can sign as anybody: https, but for this machine itself.
fn jwks_uri(text: &Text, report: &mut Report) -> Option<Url> {
    let url = text.parse("a URL", report, parse_url)?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() != "https" && !loopback {
        report.mistake(
            text.place,
            format!(
                "{} must be https: who can change the keys can forge every token",
                text.quoted()
            ),
        );
        return None;
    }
    if url.fragment().is_some() {
        report.mistake(
            text.place,
            format!("{} has a fragment (#...), which is never sent", text.quoted()),
        );
        return None;
    }
    Some(url)
}

fn audiences(list: &List<Text>, report: &mut Report) -> Vec<String> {
    list.refuse_empty(
        "at least one audience is needed: else a token for any other service would do here",
        report,
    );
    list.items
        .iter()
        .filter_map(|text| not_empty(text, "an audience", report))
        .collect()
}

fn not_empty(text: &Text, noun: &str, report: &mut Report) -> Option<String> {
    if text.value.is_empty() {
        report.mistake(text.place, format!("{} is not {noun}: it is empty", text.quoted()));
        return None;
    }
    Some(text.value.clone())
}

fn algorithms(section: &Auth, report: &mut Report) -> Vec<Algorithm> {
    match section.algorithms.given() {
        Some(list) => {
            list.refuse_empty(
                "at least one algorithm is needed: leave the key out to take all of them",
                report,
            );
            list.items.iter().map(|item| item.value).collect()
        }
        None => Algorithm::WORDS.iter().map(|(_, algorithm)| *algorithm).collect(),
    }
}

fn clock_skew(section: &Auth, report: &mut Report) -> Duration {
    let Some(given) = section.clock_skew.given() else {
        return DEFAULT_SKEW;
    };
    if given.value > LARGEST_SKEW {
        report.mistake(given.place, "longer than 10m: that only keeps expired tokens alive");
    }
    given.value
}

/// Refuses what only means something when callers are known.
pub(super) fn needs_auth(place: Place, shown: &str, report: &mut Report) {
    report.mistake(
        place,
        format!("{shown} needs an auth section: without one nobody is known"),
    );
}
