//! `type: session_cookie`.

use std::sync::Arc;
use std::time::Duration;

use url::Origin;

use super::Identity;
use super::values::bounded;
use crate::auth::method::MethodKind;
use crate::auth::{SessionProof, SessionRules, parse_origin};
use crate::config::decode::{At, Field, Text};
use crate::config::raw::auth::methods::SessionCookie;
use crate::config::report::Report;
use crate::config::tree::quote;

const DEFAULT_IDLE: Duration = Duration::from_secs(30 * 60);
const DEFAULT_ABSOLUTE: Duration = Duration::from_secs(12 * 60 * 60);

const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
const TOO_LONG: &str = "longer than a year";

/// So that noting that a session is in use stays a small part of what it is used for.
const SHORTEST_IDLE: Duration = Duration::from_secs(60);

pub(super) fn rules(section: &SessionCookie, identity: &Identity, report: &mut Report) -> Option<SessionRules> {
    let cookie = section
        .cookie
        .given()
        .and_then(|text| text.parse("a cookie's name", report, cookie_name));
    let proof = match &section.jwt {
        Field::Given(name) => token(section, name, identity, report),
        Field::Absent => Some(kept(section, report)),
        Field::Bad => None,
    };
    let origins = section.origins.given().map_or(&[][..], |list| &list.items);
    let origins = origins
        .iter()
        .filter_map(|text| text.parse("an origin", report, origin))
        .collect();
    Some(SessionRules {
        cookie: cookie?,
        proof: proof?,
        origins,
    })
}

fn kept(section: &SessionCookie, report: &mut Report) -> SessionProof {
    let absolute = bounded(&section.absolute, LONGEST, DEFAULT_ABSOLUTE, TOO_LONG, report);
    let idle = bounded(&section.idle, LONGEST, DEFAULT_IDLE.min(absolute), TOO_LONG, report);
    if let Some(given) = section.absolute.given().filter(|given| given.value < SHORTEST_IDLE) {
        report.mistake(
            given.place,
            "shorter than 1m: nobody would be logged in for long enough to do anything",
        );
    }
    if let Some(given) = section.idle.given() {
        if given.value < SHORTEST_IDLE {
            report.mistake(given.place, "shorter than 1m: its use is noted each tenth of this time");
        } else if given.value > absolute {
            report.mistake(given.place, "longer than absolute, which ends every session before");
        }
    }
    SessionProof::Kept { idle, absolute }
}

/// The rules of the method whose tokens the cookie holds.
fn token(section: &SessionCookie, name: &Text, identity: &Identity, report: &mut Report) -> Option<SessionProof> {
    for field in [&section.idle, &section.absolute] {
        if let Some(At { place, .. }) = field.given() {
            report.mistake(
                *place,
                "a token says itself when it ends: this is for sessions that are kept",
            );
        }
    }
    let named = identity.names.iter().find(|(known, _)| *known == name.value);
    let method = match named {
        Some((_, id)) => identity.method((*id)?),
        None => None,
    };
    match method.map(|method| (&method.kind, &method.pointer)) {
        Some((MethodKind::Jwt(rules), at)) => Some(SessionProof::Token {
            rules: Arc::clone(rules),
            at: at.clone(),
        }),
        _ => {
            report.mistake(
                name.place,
                format!("{} is not a method of type jwt in auth.methods", name.quoted()),
            );
            None
        }
    }
}

/// A token (RFC 6265 section 4.1.1).
pub(in crate::config::check) fn cookie_name(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match !text.is_empty() && text.bytes().all(allowed) {
        true => Ok(text.to_owned()),
        false => Err(format!("{} is not a cookie's name", quote(text))),
    }
}

fn origin(text: &str) -> Result<Origin, String> {
    parse_origin(text).ok_or_else(|| format!("{} is not an origin such as https://app.example.com", quote(text)))
}
