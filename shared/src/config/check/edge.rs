//! What holds where the outside meets the gateway, for the whole of it and for each route.

mod compress;
mod cors;
mod ip;
mod origin_secret;
mod security_headers;
mod sizes;

use http::Method;

use crate::config::raw::edge::OrNone;
use crate::config::raw::{self, Document};
use crate::config::report::Report;
use crate::config::tree::Place;
use crate::edge::{EdgeRules, EntryRules};

/// The most bytes that one section may add to every answer: of all headers of an answer an HTTP API carries 10,240
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>).
const MOST_OF_ANSWER: usize = 4096;

fn refuse_large(bytes: usize, place: Place, report: &mut Report) {
    if bytes > MOST_OF_ANSWER {
        let reason = format!(
            "takes {bytes} bytes of every answer: at most {MOST_OF_ANSWER}, of the 10240 that an HTTP API carries for all headers"
        );
        report.mistake(place, reason);
    }
}

/// What every request has to fulfil.
pub(super) fn entry(document: &Document, report: &mut Report) -> EntryRules {
    EntryRules {
        origin_secret: document
            .origin_secret
            .given()
            .map(|list| origin_secret::words(list, report)),
        ip: document.ip.given().map(|section| ip::rules(section, report)),
        headers: document
            .max_headers
            .given()
            .map(|section| sizes::headers(section, report)),
    }
}

/// What routes have that say nothing themselves, and requests that find no route.
pub(super) fn defaults(document: &Document, report: &mut Report) -> EdgeRules {
    let Some(defaults) = document.defaults.given() else {
        return EdgeRules::default();
    };
    EdgeRules {
        cors: defaults.cors.given().and_then(|section| cors::rules(section, report)),
        ip: None,
        max_body: defaults.max_body.given().map(|given| sizes::body(given, report)),
        security_headers: defaults
            .security_headers
            .given()
            .and_then(|stance| security_headers::rules(stance, report)),
        compress: defaults
            .compress
            .given()
            .and_then(|stance| compress::rules(stance, report)),
    }
}

/// What a route says itself takes the place of the default as a whole.
/// `methods`: those that the route takes, none for all.
pub(super) fn of_route(raw: &raw::Route, methods: &[Method], defaults: &EdgeRules, report: &mut Report) -> EdgeRules {
    let own_max_body = raw.max_body.given().map(|given| sizes::body(given, report));
    let cors = match raw.cors.given().map(|given| &**given) {
        None => defaults.cors.clone(),
        Some(OrNone::None) => None,
        Some(OrNone::Section(section)) => cors::rules(section, report),
    };
    EdgeRules {
        cors: cors.map(|rules| cors::for_route(&rules, methods)),
        ip: raw.ip.given().map(|section| ip::rules(section, report)),
        max_body: own_max_body.or_else(|| defaults.max_body.clone()),
        security_headers: match raw.security_headers.given() {
            None => defaults.security_headers.clone(),
            Some(stance) => security_headers::rules(stance, report),
        },
        compress: match raw.compress.given() {
            None => defaults.compress.clone(),
            Some(stance) => compress::rules(stance, report),
        },
    }
}
