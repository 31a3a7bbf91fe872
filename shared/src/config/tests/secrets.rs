//! No message shows what a placeholder was filled with.

use proptest::prelude::*;

use super::{OPEN_ROUTE, parse};

/// Every place that takes a scalar, and some that do not, with `@` for the placeholder and `AT` for the sign.
const PLACES: [&str; 40] = [
    "version: @",
    "defaults: { timeout: @ }",
    "errors: { format: @, upstream: @ }",
    "trusted_proxies: [@]",
    "trusted_proxies: @",
    "sealed_headers: [\"@ @\"]",
    "underscore_headers: @",
    "upstreams: { a: { url: @, timeout: @, connect_timeout: @ } }",
    "upstreams: { a: { url: \"http://u:@AT@\" } }",
    "upstreams: { a: { url: \"ftp://@\" } }",
    "upstreams: { a: { url: \"http://a/?@\" } }",
    "auth: { type: @ }",
    "auth: @",
    "auth: { type: jwt, issuer: [@], jwks_uri: @, audiences: @ }",
    "auth: { type: jwt, issuer: a, jwks_uri: \"http://@/k\", audiences: [a], algorithms: [@], clock_skew: @ }",
    "auth: { type: jwt, issuer: a, jwks_uri: \"https://a/k#@\", audiences: [a], failures: @, forward_token: @ }",
    "auth: { type: jwt, claims_to_headers: { sub: \"@ @\", role: @, org: @ }, exclude_paths: [@] }",
    "rate_limiting: { default: { requests_per_second: @, requests_per_minute: @, burst: @, key: @ } }",
    "rate_limiting: { default: { requests_per_second: 1, key: \"header:@\" } }",
    "rate_limiting: { default: { requests_per_second: 1, key: \"header:@ @\" } }",
    "rate_limiting: { default: { requests_per_second: 1, key: [\"claim:@\"], trust_client_key: @ } }",
    "rate_limiting: { overrides: [ { path: @, requests_per_hour: 1 }, { path: \"/@\", requests_per_hour: 1 } ] }",
    "rate_limiting: { overrides: [ { path: \"/@\", requests_per_hour: 1 }, { path: \"/@\", requests_per_hour: 1 } ] }",
    "transformations: [ { path: @, response: { remove_fields: [\"\", @], rename_fields: { a: @ }, on_unparsable: @ } } ]",
    "transformations: [ { path: \"/@\", response: { remove_fields: @, keep_fields: [@], rename_fields: { a: @, a.b: @ } } } ]",
    "routes: [ { path: /a, upstream: \"http://a\", auth: none, transform: { request: { path: @, query: { allow: [@], remove: [@, @], set: { a: \"{@}\" } } } } } ]",
    "routes: [ { path: /a, upstream: \"http://a\", auth: none, transform: { request: { headers: { remove: [@], rename: { X-A: @, X-B: @ }, set: { X-A: \"{@}\" }, add: { X-A: @ } } } } } ]",
    "routes: [ { path: /a, upstream: \"http://a\", auth: none, transform: { response: { headers: { remove: [@, @], rename: { X-A: @, X-B: @ }, set: { X-A: \"{@\" } } } } } ]",
    "routes: [ { path: /a, upstream: \"http://a\", auth: none, transform: { request: { body: { unwrap: \"@.*\", wrap: \"@.*\", set: { a: \"{@\", a.b: [@, { c: \"{@}\" }] } } } } } ]",
    "routes: [ { id: \"/@\", path: @, upstream: @, auth: @ } ]",
    "routes: [ { id: @, path: /a, upstream: \"http://a\", auth: none }, { id: @, path: /b, upstream: \"http://a\", auth: none } ]",
    "routes: [ { path: /a, upstream: \"http://u:@ATa\", auth: none, methods: [@, \"@ @\"] } ]",
    "routes: [ { path: /a, upstream: \"http://a\", auth: none, methods: [@, @], hosts: [\"@:80\", \"@ @\"] } ]",
    "routes: [ { path: /a, upstream: \"http://a\", auth: none, strip_prefix: \"/@\", timeout: @ } ]",
    "routes: [ { path: /a, upstream: \"http://a\", auth: { optional: @ }, strip_prefix: @ } ]",
    "routes: [ { path: \"/@\", upstream: \"http://a\", auth: none }, { path: \"/@\", upstream: \"http://a\", auth: none } ]",
    "routes: [ { path: /a, upstream: \"http://a\", auth: none, headers: { \"a b\": @ }, query: { a: [@] } } ]",
    "routes: [ { path: /a, upstream: \"http://a\", auth: none, rate_limit: { requests_per_second: @, key: @ } } ]",
    "routes: @",
    "unknown: @",
];

/// The place as a document, with this placeholder in it: in quotes, which it needs unless there are some.
fn document(place: &str, placeholder: &str) -> String {
    let parts = place.split('"').enumerate().map(|(index, part)| match index % 2 {
        1 => format!("\"{}\"", part.replace('@', placeholder).replace("AT", "@")),
        _ => part.replace('@', &format!("\"{placeholder}\"")),
    });
    let text: String = parts.collect();
    if text.starts_with("routes") {
        text
    } else {
        format!("{text}\n{OPEN_ROUTE}")
    }
}

/// Everything that is said about a document.
fn told(text: &str, secret: &str) -> String {
    match parse("x.yaml", text, &|name| (name == "SECRET").then(|| secret.to_owned())) {
        Ok(checked) => checked.warnings.join("\n"),
        Err(mistakes) => mistakes.to_string(),
    }
}

#[test]
fn no_mistake_and_no_warning_shows_a_filled_value() {
    for place in PLACES {
        let text = document(place, "${SECRET}");
        let told = told(&text, "hunter2-hunter2");
        assert!(!told.contains("hunter2"), "{text}\ntells:\n{told}");
    }
}

/// A number may be a secret too, and fits where a text does not.
#[test]
fn no_mistake_and_no_warning_shows_a_filled_number() {
    for place in PLACES {
        for secret in ["70000019", "4294967295999", "-70000019"] {
            let text = document(place, "${SECRET}");
            let told = told(&text, secret);
            assert!(!told.contains(secret), "{text}\ntells:\n{told}");
        }
    }
}

#[test]
fn a_default_is_shown_as_part_of_its_placeholder_only() {
    for place in PLACES {
        let text = document(place, "${UNSET:-hunter2-hunter2}");
        let told = told(&text, "").replace("${UNSET:-hunter2-hunter2}", "");
        assert!(!told.contains("hunter2"), "{text}\ntells:\n{told}");
    }
}

proptest! {
    /// Whatever the value is: letters that no message has tell it apart.
    #[test]
    fn no_value_is_shown(value in "[\u{3b1}-\u{3c9}]{3,12}", place in 0..PLACES.len()) {
        let told = told(&document(PLACES[place], "${SECRET}"), &value);
        prop_assert!(!told.contains(&value), "{}", told);
    }
}
