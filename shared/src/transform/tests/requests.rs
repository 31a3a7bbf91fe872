//! What rules do to a request as a whole.

use std::borrow::Cow;

use http::Method;
use serde_json::{Value, json};

use super::super::Transforms;
use super::transform;
use crate::auth::testing::proven;
use crate::config::{Config, PathSection};
use crate::edits::Edits;
use crate::error::GatewayError;
use crate::path::PathPattern;
use crate::request::Request;
use crate::template::Values;
use crate::testing::{headers, request};

fn config(document: &Value) -> Config {
    let checked = crate::config::parse("test.json", &document.to_string(), &|_| None);
    checked.unwrap_or_else(|mistakes| panic!("{mistakes}")).config
}

/// One route `/v1/{id}` with these rules, behind these sections.
fn routed(rules: &Value, sections: &Value) -> Config {
    config(&json!({
        "auth": { "type": "api_key", "claims_to_headers": { "sub": "X-User-Id" } },
        "transformations": sections,
        "routes": [{ "id": "one", "path": "/v1/{id}", "upstream": "http://u", "transform": rules }],
    }))
}

fn asked() -> Request {
    let mut request = request(Method::GET, "/v1/o 7");
    request.headers = headers(&[("cookie", "a=1"), ("x-a", "client"), ("range", "bytes=0-1")]);
    request.query = "q=1&debug".into();
    request
}

fn transformed(config: &Config, claims: Value) -> Result<Request, GatewayError> {
    let request = asked();
    let identity = proven(claims);
    let transforms = Transforms::of(&config.transformations, &config.routes[0], &request.path);
    let values = Values {
        request: &request,
        identity: Some(&identity),
        parts: &[],
    };
    transforms
        .request(&request, &values, &mut Edits::default())
        .map(Cow::into_owned)
}

#[test]
fn without_rules_it_goes_as_it_came() {
    let config = routed(&json!({}), &json!([]));
    let request = asked();
    let transforms = Transforms::of(&config.transformations, &config.routes[0], &request.path);
    let values = Values {
        request: &request,
        identity: None,
        parts: &[],
    };
    let same = transforms
        .request(&request, &values, &mut Edits::default())
        .expect("no rules");
    assert!(matches!(same, Cow::Borrowed(same) if std::ptr::eq(same, &request)));
}

#[test]
fn path_query_and_headers_are_filled_from_the_request_as_it_came() {
    let rules = json!({ "request": {
        "path": "/internal/{claims.tenant}/{id}",
        "query": { "remove": ["debug"], "set": { "was": "{query.debug}-{query.q}" } },
        "headers": { "remove": ["Cookie"], "set": { "X-A": "gateway", "X-B": "{header.X-A}", "X-C": "{header.Cookie}" } },
    } });
    let request = transformed(&routed(&rules, &json!([])), json!({ "tenant": "a b" })).expect("filled");
    assert_eq!(
        request.upstream_path.expect("a path").encoded(),
        "/internal/a%20b/o%207"
    );
    assert_eq!(request.path.as_str(), "/v1/o 7", "limits and logs go by the client's");
    assert_eq!(request.query, "q=1&was=-1");
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!(
        [header("x-a"), header("x-b"), header("x-c"), header("cookie")],
        [Some("gateway"), Some("client"), Some("a=1"), None]
    );
}

#[test]
fn sections_come_first_and_the_route_has_the_last_word() {
    let sections = json!([
        { "path": "/v1/*", "request": { "path": "/section", "headers": { "set": { "X-A": "section", "X-S": "{id}" } } } },
        { "path": "/v2/**", "request": { "headers": { "set": { "X-Other": "other" } } } },
        { "path": "/{all}/{rest}", "request": { "headers": { "rename": { "X-A": "X-Z" }, "set": { "X-R": "{rest}" } } } },
    ]);
    // `{id}` is no name of the first section's path.
    let document = json!({ "transformations": [sections[0]], "routes": [
        { "path": "/v1/a", "upstream": "http://u", "auth": "none" },
    ] });
    let mistakes = crate::config::parse("test.json", &document.to_string(), &|_| None).expect_err("a mistake");
    assert!(mistakes.to_string().contains("{id}"), "{mistakes}");

    let mut sections = sections;
    sections[0]["path"] = json!("/v1/{id}");
    let rules = json!({ "request": { "path": "/route", "headers": { "set": { "X-Z": "route" } } } });
    let request = transformed(&routed(&rules, &sections), json!({})).expect("filled");
    assert_eq!(request.upstream_path.expect("a path").as_str(), "/route");
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!(header("x-z"), Some("route"));
    assert_eq!((header("x-a"), header("x-other")), (None, None));
    assert_eq!((header("x-s"), header("x-r")), (Some("o 7"), Some("o 7")));
}

#[test]
fn what_cannot_be_filled_is_refused_by_whose_it_was() {
    let path = json!({ "request": { "path": "/a/{query.none}" } });
    let refused = transformed(&routed(&path, &json!([])), json!({})).expect_err("nothing to fill it with");
    assert!(matches!(refused, GatewayError::BadRequest { .. }), "{refused:?}");

    for rules in [
        json!({ "request": { "path": "/a/{claims.tenant}" } }),
        json!({ "request": { "query": { "set": { "t": "{claims.tenant}" } } } }),
    ] {
        let refused = transformed(&routed(&rules, &json!([])), json!({})).expect_err("nothing to fill it with");
        let GatewayError::Forbidden { at, .. } = refused else {
            panic!("{refused:?}")
        };
        assert!(at.as_str().starts_with("/routes/0/transform/request/"), "{at:?}");
    }
    let hostile = json!({ "request": { "path": "/a/{claims.tenant}/b" } });
    for tenant in ["..", ".", "a/b", "", "..;x", "%2e", "a\\b"] {
        let refused = transformed(&routed(&hostile, &json!([])), json!({ "tenant": tenant }));
        assert!(matches!(refused, Err(GatewayError::Forbidden { .. })), "{tenant}");
    }
}

#[test]
fn rules_for_the_body_of_the_answer_keep_it_readable_whatever_rules_for_headers_say() {
    let rules = json!({
        "request": { "headers": { "set": { "Accept-Encoding": "br", "Range": "bytes=0-9" } } },
        "response": { "remove_fields": ["secret"] },
    });
    let request = transformed(&routed(&rules, &json!([])), json!({})).expect("filled");
    assert_eq!(request.headers["accept-encoding"], "identity");
    assert!(!request.headers.contains_key("range"));
    let rules = json!({ "response": { "headers": { "remove": ["Server"] } } });
    let request = transformed(&routed(&rules, &json!([])), json!({})).expect("filled");
    assert!(request.headers.contains_key("range"), "headers need no body");
}

#[test]
fn rules_know_what_they_read() {
    let rules = transform(&json!({
        "request": { "path": "/{id}", "query": { "set": { "a": "{query.b}" } }, "headers": { "add": { "X-C": "{header.X-D}" } } },
        "response": { "headers": { "set": { "X-E": "{kind}" } } },
    }));
    let shown = |sources: Vec<String>| sources.join(", ");
    let request = rules.request.expect("rules");
    assert_eq!(
        shown(request.sources().map(ToString::to_string).collect()),
        "the path parameter `id`, the query parameter `b`, the header `x-d`"
    );
    let response = rules.response.expect("rules");
    assert_eq!(
        shown(response.sources().map(ToString::to_string).collect()),
        "the path parameter `kind`"
    );
}

#[test]
fn a_block_without_rules_is_none() {
    let empty = json!({ "request": { "headers": {}, "query": {} }, "response": { "headers": { "set": {} } } });
    let rules = transform(&empty);
    assert!(rules.request.is_none() && rules.response.is_none());
    let section = PathSection {
        pattern: PathPattern::parse("/**").expect("a pattern"),
        rule: rules,
    };
    let config = routed(&json!({}), &json!([]));
    let path = asked().path;
    let sections = [section];
    let transforms = Transforms::of(&sections, &config.routes[0], &path);
    assert_eq!(format!("{transforms:?}"), format!("{:?}", Transforms::default()));
}
