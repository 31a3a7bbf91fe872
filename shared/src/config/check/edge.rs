//! What holds where the outside meets the gateway, for the whole of it and for each route.

mod cors;

use crate::config::raw::edge::OrNone;
use crate::config::raw::{self, Document};
use crate::config::report::Report;
use crate::edge::EdgeRules;

/// What routes have that say nothing themselves, and requests that find no route.
pub(super) fn defaults(document: &Document, report: &mut Report) -> EdgeRules {
    let Some(defaults) = document.defaults.given() else {
        return EdgeRules::default();
    };
    EdgeRules {
        cors: defaults.cors.given().and_then(|section| cors::rules(section, report)),
    }
}

/// What a route says itself takes the place of the default as a whole.
pub(super) fn of_route(raw: &raw::Route, defaults: &EdgeRules, report: &mut Report) -> EdgeRules {
    EdgeRules {
        cors: match raw.cors.given().map(|given| &**given) {
            None => defaults.cors.clone(),
            Some(OrNone::None) => None,
            Some(OrNone::Section(section)) => cors::rules(section, report),
        },
    }
}
