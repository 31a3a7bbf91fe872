//! `type: jwt`.

use std::time::Duration;

use jsonwebtoken::Algorithm;
use url::{Host, Url};

use super::not_empty;
use crate::auth::JwtRules;
use crate::config::check::services::parse_url;
use crate::config::decode::{Choice, List, Text};
use crate::config::raw::auth::Jwt;
use crate::config::report::Report;

const DEFAULT_SKEW: Duration = Duration::from_secs(60);

/// Clocks that differ by more are broken; a larger allowance only keeps expired tokens alive.
const LARGEST_SKEW: Duration = Duration::from_secs(10 * 60);

pub(super) fn rules(section: &Jwt, report: &mut Report) -> Option<JwtRules> {
    // Each is checked before any is missed, so that one mistake hides no other.
    let jwks_uri = section.jwks_uri.given().and_then(|text| jwks_uri(text, report));
    let issuer = section
        .issuer
        .given()
        .and_then(|text| not_empty(text, "an issuer", report));
    let audiences = section.audiences.given().map(|list| audiences(list, report));
    let algorithms = algorithms(section, report);
    let clock_skew = clock_skew(section, report);
    Some(JwtRules {
        jwks_uri: jwks_uri?,
        issuer: issuer?,
        audiences: audiences?,
        algorithms,
        clock_skew,
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

fn clock_skew(section: &Jwt, report: &mut Report) -> Duration {
    let Some(given) = section.clock_skew.given() else {
        return DEFAULT_SKEW;
    };
    if given.value > LARGEST_SKEW {
        report.mistake(given.place, "longer than 10m: that only keeps expired tokens alive");
    }
    given.value
}
