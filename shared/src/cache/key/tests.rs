use std::sync::Arc;
use std::time::Duration;

use http::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::auth::ClaimPath;
use crate::auth::method::{ClaimHeader, Method as AuthMethod, MethodKind};
use crate::auth::platform::PlatformSource;
use crate::cache::{CacheRules, Tier};
use crate::config::Pointer;
use crate::testing::request;

const SETTINGS: CacheSettings = CacheSettings {
    memory: 0,
    edition: [0; LENGTH],
    table_paths: Vec::new(),
};

fn rules(public: bool) -> CacheRules {
    CacheRules {
        ttl: Some(Duration::from_secs(1)),
        negative_ttl: None,
        vary: vec![http::header::ACCEPT],
        forward: Vec::new(),
        tier: Tier::Memory,
        public,
        stale_while_revalidate: Duration::ZERO,
        stale_if_error: Duration::ZERO,
        max_size: 1,
        client_control: false,
    }
}

fn caller(name: Option<&str>, claims: &Value) -> Identity {
    let method = AuthMethod {
        name: name.map(Into::into),
        pointer: Pointer::new("/auth"),
        claims_to_headers: vec![ClaimHeader {
            claim: ClaimPath::of_name("role"),
            header: HeaderName::from_static("x-user-role"),
        }],
        kind: MethodKind::Platform(PlatformSource::Jwt),
    };
    let proof = Proof {
        claims: Arc::new(claims.as_object().expect("an object").clone()),
        method: Arc::new(method),
        api_key: None,
    };
    Identity::of(vec![proof]).expect("a proof")
}

fn key(rules: &CacheRules, request: &Request, identity: Option<&Identity>) -> CacheKey {
    let mut request = request.clone();
    if let Some(identity) = identity {
        identity.stamp(&mut request.headers);
    }
    let asked = Asked {
        rules,
        route_id: "r",
        service: Some("s"),
        values: Values {
            request: &request,
            identity,
            parts: &[],
        },
        sources: &[],
    };
    CacheKey::of(&SETTINGS, &asked)
}

#[test]
fn all_that_a_service_is_told_tells_answers_apart() {
    let plain = || request(Method::GET, "/a");
    let change = |change: fn(&mut Request)| {
        let mut request = plain();
        change(&mut request);
        request
    };
    let requests = [
        plain(),
        request(Method::GET, "/a/"),
        request(Method::GET, "/A"),
        change(|request| request.query = "b".into()),
        change(|request| request.query = "b=".into()),
        change(|request| request.host = "b.example.com".into()),
        change(|request| request.authority = "api.example.com:444".into()),
        change(|request| request.mount = "/prod".into()),
        change(|request| request.https = false),
        change(|request| _ = request.headers.insert("accept", "a".parse().expect("a value"))),
        change(|request| _ = request.headers.insert("accept", "".parse().expect("a value"))),
    ];
    let keys: std::collections::HashSet<CacheKey> = requests
        .iter()
        .map(|request| key(&rules(true), request, None))
        .collect();
    assert_eq!(keys.len(), requests.len());
    let (rules, request) = (rules(true), plain());
    let asked = Asked {
        rules: &rules,
        route_id: "r",
        service: Some("s"),
        values: Values {
            request: &request,
            identity: None,
            parts: &[],
        },
        sources: &[],
    };
    assert!(keys.contains(&CacheKey::of(&SETTINGS, &asked)));
    let of_another_route = Asked {
        route_id: "r2",
        ..asked
    };
    let of_another_service = Asked {
        service: Some("s2"),
        ..asked
    };
    let edition = CacheSettings {
        edition: [1; LENGTH],
        ..SETTINGS
    };
    let others = [
        CacheKey::of(&SETTINGS, &of_another_route),
        CacheKey::of(&SETTINGS, &of_another_service),
        CacheKey::of(&edition, &asked),
    ];
    assert!(others.iter().all(|other| !keys.contains(other)));
}

#[test]
fn what_the_service_is_not_told_does_not() {
    let one = request(Method::GET, "/a");
    let mut other = request(Method::HEAD, "/a");
    other.client_ip = [198, 51, 100, 1].into();
    other.headers = crate::testing::headers(&[("cookie", "a=b"), ("user-agent", "x"), ("authorization", "Basic x")]);
    assert_eq!(key(&rules(true), &one, None), key(&rules(true), &other, None));
    let spaced = |accept: &str| {
        let mut request = request(Method::GET, "/a");
        request.headers.insert("accept", accept.parse().expect("a value"));
        key(&rules(true), &request, None)
    };
    assert_eq!(spaced("a, b"), spaced("a,b "));
}

#[test]
fn a_line_of_one_header_is_none_of_the_next() {
    let [one, two] = ["x-one", "x-two"].map(HeaderName::from_static);
    let (one, two) = (Source::Header(one), Source::Header(two));
    let of = |lines: &[(&str, &str)]| {
        let mut request = request(Method::GET, "/a");
        request.headers = crate::testing::headers(lines);
        let asked = Asked {
            rules: &rules(true),
            route_id: "r",
            service: None,
            values: Values {
                request: &request,
                identity: None,
                parts: &[],
            },
            sources: &[&one, &two],
        };
        CacheKey::of(&SETTINGS, &asked)
    };
    assert_ne!(
        of(&[("x-one", "1"), ("x-one", "x-two"), ("x-two", "2")]),
        of(&[("x-one", "1"), ("x-two", "x-two"), ("x-two", "2")])
    );
}

#[test]
fn callers_share_nothing_unless_answers_are_public() {
    let request = request(Method::GET, "/a");
    let callers = [
        caller(None, &json!({ "sub": "ann" })),
        caller(None, &json!({ "sub": "bob" })),
        caller(None, &json!({ "sub": "ann", "iss": "https://idp.example.com" })),
        caller(Some("staff"), &json!({ "sub": "ann" })),
        caller(None, &json!({ "sub": "ann", "role": "admin" })),
        caller(None, &json!({ "subscriber": "ann" })),
        caller(None, &json!({ "subscriber": "bob" })),
        caller(None, &json!({ "sub": ["ann"] })),
        caller(None, &json!({})),
    ];
    let keys = |rules: &CacheRules| -> std::collections::HashSet<CacheKey> {
        let callers = callers.iter().map(Some).chain([None]);
        callers.map(|caller| key(rules, &request, caller)).collect()
    };
    assert_eq!(keys(&rules(false)).len(), callers.len() + 1);
    assert_eq!(keys(&rules(true)).len(), 1);
    let renewed = caller(None, &json!({ "sub": "ann", "exp": 2, "jti": "b" }));
    let before = caller(None, &json!({ "sub": "ann", "exp": 1, "jti": "a" }));
    let of = |caller: &Identity| key(&rules(false), &request, Some(caller));
    assert_eq!(of(&renewed), of(&before), "a new token for the same caller");
}

proptest! {
    #[test]
    fn different_requests_have_different_keys(
        one in fields(), other in fields(),
    ) {
        let of = |(path, query, accept, sub): &(String, String, Option<String>, Option<String>)| {
            let mut request = request(Method::GET, &format!("/{path}"));
            request.query.clone_from(query);
            if let Some(accept) = accept {
                request.headers.insert("accept", accept.parse().expect("a value"));
            }
            let identity = sub.as_ref().map(|sub| caller(None, &json!({ "sub": sub })));
            key(&rules(false), &request, identity.as_ref())
        };
        prop_assert_eq!(of(&one) == of(&other), one == other);
    }
}

/// Few letters, so that fields touch.
fn fields() -> impl Strategy<Value = (String, String, Option<String>, Option<String>)> {
    (
        "[ab]{0,2}",
        "[ab]{0,2}",
        prop::option::of("[ab]{0,2}"),
        prop::option::of("[ab]{1,2}"),
    )
}
