//! `type: introspection`.

use std::time::Duration;

use super::values::{bounded, location, not_empty};
use crate::auth::{IntrospectionRules, Secret};
use crate::config::raw::auth::methods::Introspection;
use crate::config::report::Report;

/// A token that was taken back is let in for no longer.
const LONGEST_CACHE: Duration = Duration::from_secs(60);
const TOO_LONG: &str = "longer than 60s: a token that was taken back would be let in for as long";

pub(super) fn rules(section: &Introspection, report: &mut Report) -> Option<IntrospectionRules> {
    // Each is checked before any is missed, so that one mistake hides no other.
    let url = section.url.given().and_then(|text| location(text, report));
    let client_id = section.client_id.given();
    let client_id = client_id.and_then(|text| not_empty(text, "a client_id", report));
    let client_secret = section.client_secret.given();
    let client_secret = client_secret.and_then(|text| not_empty(text, "a client_secret", report));
    let audiences = section.audiences.given().map_or(&[][..], |list| &list.items);
    let audiences = audiences
        .iter()
        .filter_map(|text| not_empty(text, "an audience", report))
        .collect();
    let cache = bounded(&section.cache, LONGEST_CACHE, LONGEST_CACHE, TOO_LONG, report);
    Some(IntrospectionRules {
        url: url?,
        client_id: client_id?,
        client_secret: Secret(client_secret?),
        client_auth: section.client_auth.given().map(|given| given.value).unwrap_or_default(),
        audiences,
        cache,
        forward_token: section.forward_token.given().is_some_and(|given| given.value),
    })
}
