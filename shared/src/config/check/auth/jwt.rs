//! `type: jwt`.

use std::time::Duration;

use jsonwebtoken::Algorithm;
use url::Url;

use super::values::{bounded, location, not_empty};
use crate::auth::location::trusted;
use crate::auth::{JwtRules, KeySource};
use crate::config::check::services::parse_url;
use crate::config::decode::{Choice, Field, List, Text};
use crate::config::raw::auth::methods::Jwt;
use crate::config::report::Report;
use crate::config::tree::quote;

const DEFAULT_SKEW: Duration = Duration::from_secs(60);

/// Clocks that differ by more are broken; a larger allowance only keeps expired tokens alive.
const LARGEST_SKEW: Duration = Duration::from_secs(10 * 60);
const TOO_LARGE_A_SKEW: &str = "longer than 10m: that only keeps expired tokens alive";

/// While an issuer is down for longer, nobody knows which of its keys still hold.
const LONGEST_STALE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const TOO_STALE: &str = "longer than 30d: nobody knows which of the keys still hold";

/// As long as a set is fresh.
const SHORTEST_STALE: Duration = Duration::from_secs(10 * 60);

const DEFAULT_STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// Where an issuer's discovery document is, below the issuer (OpenID Connect Discovery 1.0 section 4).
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

pub(super) fn rules(section: &Jwt, report: &mut Report) -> Option<JwtRules> {
    // Each is checked before any is missed, so that one mistake hides no other.
    let issuer = section
        .issuer
        .given()
        .and_then(|text| not_empty(text, "an issuer", report));
    let keys = key_source(section, report);
    let audiences = section.audiences.given().map(|list| audiences(list, report));
    let algorithms = algorithms(section, report);
    let clock_skew = bounded(
        &section.clock_skew,
        LARGEST_SKEW,
        DEFAULT_SKEW,
        TOO_LARGE_A_SKEW,
        report,
    );
    let max_stale = bounded(&section.max_stale, LONGEST_STALE, DEFAULT_STALE, TOO_STALE, report);
    if let Some(given) = section.max_stale.given().filter(|given| given.value < SHORTEST_STALE) {
        report.mistake(
            given.place,
            "shorter than 10m, for which keys are used without asking again anyway",
        );
    }
    let typ = section.typ.given().and_then(|text| not_empty(text, "a type", report));
    Some(JwtRules {
        keys: keys?,
        issuer: issuer?,
        audiences: audiences?,
        algorithms,
        clock_skew,
        typ: typ.map(|typ| typ.to_ascii_lowercase()),
        max_stale,
        token_cache: section.token_cache.given().is_none_or(|given| given.value),
        forward_token: section.forward_token.given().is_some_and(|given| given.value),
    })
}

/// `jwks_uri`, or else the discovery document of an issuer that is a URL.
fn key_source(section: &Jwt, report: &mut Report) -> Option<KeySource> {
    match (&section.jwks_uri, &section.issuer) {
        (Field::Given(text), _) => location(text, report).map(KeySource::Jwks),
        (Field::Absent, Field::Given(issuer)) if !issuer.value.is_empty() => {
            let discovery = |text: &str| {
                let why = |why| format!("jwks_uri is missing, and keys cannot be found by the issuer: {why}");
                let url = parse_url(text).map_err(why)?;
                if url.query().is_some() {
                    return Err(why(format!("{} has a query", quote(text))));
                }
                trusted(&url).map_err(|reason| why(format!("{} {reason}", quote(text))))?;
                let document = format!("{}{WELL_KNOWN}", text.trim_end_matches('/'));
                Url::parse(&document).map_err(|error| why(error.to_string()))
            };
            issuer
                .parse("a URL, and without jwks_uri it must be one", report, discovery)
                .map(KeySource::Discovery)
        }
        _ => None,
    }
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

fn algorithms(section: &Jwt, report: &mut Report) -> Vec<Algorithm> {
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
