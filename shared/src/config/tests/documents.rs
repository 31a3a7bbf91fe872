//! Documents that are right, and what becomes of them.

use std::time::Duration;

use jsonwebtoken::Algorithm;

use super::{OPEN_ROUTE, call, mistakes, parse, right, variable};
use crate::auth::RouteAuth;
use crate::auth::method::{Method, MethodKind};
use crate::auth::{AuthPolicy, JwtRules};
use crate::config::{Config, ErrorFormat, Route, UpstreamErrors};
use crate::limit::{KeyPart, Rate, RuleSet};

const BASE: &str = include_str!("../../../../examples/base.json");
const ALL: &str = include_str!("../../../../examples/all.yaml");

/// The document of the base grammar as its users know it, without the routes that its sections ask for.
const VERBATIM: &str = r#"{
  "routes": [
    { "path": "/api/users/**", "upstream": "http://users-service:3001", "strip_prefix": "/api", "methods": ["GET","POST","PUT","DELETE"] },
    { "path": "/api/orders/**", "upstream": "http://orders-service:3002", "strip_prefix": "/api", "methods": ["GET","POST"] }
  ],
  "auth": { "type": "jwt", "jwks_uri": "https://auth.example.com/.well-known/jwks.json", "issuer": "https://auth.example.com",
            "audiences": ["api.example.com"], "exclude_paths": ["/api/health", "/api/auth/login"] },
  "rate_limiting": {
    "default": { "requests_per_second": 100, "burst": 20, "key": "header:X-User-Id" },
    "overrides": [ { "path": "/api/auth/login", "requests_per_minute": 10, "key": "client_ip" },
                   { "path": "/api/search/**", "requests_per_second": 20, "key": "header:X-User-Id" } ] },
  "transformations": [ { "path": "/api/users/**", "response": {
       "remove_fields": ["internal_id", "db_shard"], "rename_fields": { "email_address": "email" } } } ]
}"#;

fn config(text: &str) -> Config {
    right(text).config
}

/// A config with this in front of one open route.
fn with(section: &str) -> Config {
    config(&format!("{section}\n{OPEN_ROUTE}"))
}

/// What readers copy first.
#[test]
fn the_config_in_the_readme_loads_without_warnings() {
    let readme = include_str!("../../../../README.md");
    let (_, from) = readme.split_once("```yaml\n").expect("a YAML block");
    let (document, _) = from.split_once("```").expect("its end");
    let checked = parse("README.md", document, &|name| match name {
        "ISSUER" => Some("https://auth.example.com".into()),
        "USERS_URL" | "ORDERS_URL" => Some("http://127.0.0.1:3001".into()),
        _ => None,
    });
    assert_eq!(checked.expect("it is right").warnings, Vec::<String>::new());
}

#[test]
fn the_base_document_loads_without_warnings() {
    let checked = right(BASE);
    assert_eq!(checked.warnings, Vec::<String>::new());
    let config = checked.config;
    let ids: Vec<&str> = config.routes.iter().map(|route| &*route.id).collect();
    assert_eq!(
        ids,
        [
            "GET-POST-PUT-DELETE.api.users.all",
            "GET-POST.api.orders.all",
            "ANY.api.auth.all",
            "GET.api.search.all",
            "GET.api.health"
        ]
    );
    let users = &config.routes[0];
    assert_eq!(users.pointer.as_str(), "/routes/0");
    assert_eq!(&*call(users).upstream.name, "users-service:3001");
    assert_eq!(
        call(users).upstream.targets[0].url.as_str(),
        "http://users-service:3001/"
    );
    assert_eq!(
        (call(users).timeout, call(users).upstream.connect_timeout),
        (Duration::from_secs(10), Duration::from_secs(1))
    );
    assert!(!policy(users).optional);
    assert!(call(users).strip_prefix.is_some() && users.limits.is_empty());
}

fn rate(set: &RuleSet) -> Rate {
    set.rate.expect("a rate")
}

fn policy(route: &Route) -> &AuthPolicy {
    match &route.auth {
        RouteAuth::Policy(policy) => policy,
        RouteAuth::None => panic!("{} is public", route.id),
    }
}

fn jwt(method: &Method) -> &JwtRules {
    match &method.kind {
        MethodKind::Jwt(rules) => rules,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_base_document_verbatim_loads_and_warns_of_paths_without_a_route() {
    let checked = right(VERBATIM);
    insta::assert_snapshot!(checked.warnings.join("\n"), @r#"
    gateway.yaml:7: /auth/exclude_paths/0: no route takes a path that "/api/health" matches
    gateway.yaml:7: /auth/exclude_paths/1: no route takes a path that "/api/auth/login" matches
    gateway.yaml:10: /rate_limiting/overrides/0/path: no route takes a path that "/api/auth/login" matches
    gateway.yaml:11: /rate_limiting/overrides/1/path: no route takes a path that "/api/search/**" matches
    "#);
}

#[test]
fn the_base_document_holds_the_defaults_that_it_leaves_out() {
    let config = config(BASE);
    let method = &config.auth.methods[0];
    assert_eq!((method.pointer.as_str(), method.name.as_deref()), ("/auth", None));
    let jwt = jwt(method);
    assert_eq!(jwt.clock_skew, Duration::from_secs(60));
    assert_eq!(jwt.algorithms.len(), 9);
    assert!(!jwt.algorithms.contains(&Algorithm::HS256) && !jwt.forward_token);
    let headers: Vec<(&str, &str)> = method
        .claims_to_headers
        .iter()
        .map(|given| (given.claim.as_str(), given.header.as_str()))
        .collect();
    assert_eq!(headers, [("sub", "x-user-id"), ("role", "x-user-role")]);
    assert_eq!(config.auth.failures_per_minute, 20);
    assert_eq!(
        (config.errors.format, config.errors.upstream),
        (ErrorFormat::Json, UpstreamErrors::Pass)
    );
    assert!(!config.headers.keep_underscores && config.trusted_proxies.is_empty());
}

#[test]
fn limits_carry_their_names_keys_and_places() {
    let limits = config(BASE).limits;
    let default = limits.default.expect("a default");
    assert_eq!((&*default.name, &*default.sort_key), ("default", "L#shared"));
    assert_eq!(default.pointer.as_str(), "/rate_limiting/default");
    assert_eq!((rate(&default).requests.get(), rate(&default).burst.get()), (100, 20));
    assert_eq!(default.key, [KeyPart::Header("x-user-id".parse().expect("a name"))]);
    let login = limits
        .overrides
        .iter()
        .find(|section| section.pattern.as_str() == "/api/auth/login")
        .expect("it");
    assert_eq!(
        (&*login.rule.name, &*login.rule.sort_key),
        ("/api/auth/login", "L#/api/auth/login")
    );
    assert_eq!(login.rule.pointer.as_str(), "/rate_limiting/overrides/0");
    assert_eq!(
        (rate(&login.rule).per, rate(&login.rule).burst.get()),
        (Duration::from_secs(60), 10)
    );
}

#[test]
fn the_document_with_every_key_loads_without_warnings() {
    let checked = parse("all.yaml", ALL, &|_| None).expect("examples/all.yaml is right");
    assert_eq!(checked.warnings, Vec::<String>::new());
    let config = checked.config;
    let order = &config.routes[1];
    assert!(policy(order).optional);
    let limit = order.limits.first().expect("a limit of its own");
    assert_eq!((&*limit.name, &*limit.sort_key), ("order", "L#order"));
    assert_eq!(
        (call(&config.routes[0]).timeout, call(order).timeout),
        (Duration::from_secs(2), Duration::from_secs(10))
    );
    assert!(matches!(config.routes[5].auth, RouteAuth::None));
    assert_eq!(config.transformations.len(), 3);
    assert_eq!(
        config.transformations[0]
            .rule
            .response
            .as_ref()
            .expect("rules")
            .pointer
            .as_str(),
        "/transformations/0/response"
    );
}

#[test]
fn json_and_yaml_of_one_document_are_one_config() {
    let yaml = r"
routes:
  - path: /api/users/**
    upstream: http://users-service:3001
    strip_prefix: /api
    methods: [GET, POST, PUT, DELETE]
  - path: /api/orders/**
    upstream: http://orders-service:3002
    strip_prefix: /api
    methods:
      - GET
      - POST
auth:
  type: jwt
  jwks_uri: https://auth.example.com/.well-known/jwks.json
  issuer: https://auth.example.com
  audiences: [api.example.com]
  exclude_paths: [/api/health, /api/auth/login]
rate_limiting:
  default: { requests_per_second: 100, burst: 20, key: header:X-User-Id }
  overrides:
    - { path: /api/auth/login, requests_per_minute: 10, key: client_ip }
    - { path: /api/search/**, requests_per_second: 20, key: header:X-User-Id }
transformations:
  - path: /api/users/**
    response:
      remove_fields: [internal_id, db_shard]
      rename_fields: { email_address: email }
";
    assert_eq!(format!("{:?}", config(yaml)), format!("{:?}", config(VERBATIM)));
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    assert_eq!(config(&format!("\u{feff}{BASE}")).routes.len(), 5);
    assert_eq!(config(&format!("\u{feff}{OPEN_ROUTE}")).routes.len(), 1);
}

#[test]
fn a_placeholder_takes_its_type_from_its_text() {
    let config = with(
        "rate_limiting: { default: { requests_per_second: \"${RPS}\", key: \"header:X-A\", trust_client_key: \"${YES}\" } }\n\
         defaults: { timeout: \"${TIMEOUT:-3s}\" }",
    );
    assert_eq!(rate(&config.limits.default.expect("a default")).requests.get(), 100);
    assert_eq!(call(&config.routes[0]).timeout, Duration::from_secs(3));
}

#[test]
fn a_placeholder_that_looks_like_a_number_still_fits_a_text() {
    let config = with(
        "auth: { type: jwt, jwks_uri: \"https://i/k\", issuer: \"${RPS}\", audiences: [\"${YES}\", \"${RPS}x\"] }",
    );
    let method = jwt(&config.auth.methods[0]);
    assert_eq!(
        (&*method.issuer, &method.audiences[..]),
        ("100", &["true".to_owned(), "100x".to_owned()][..])
    );
}

#[test]
fn timeouts_come_from_route_then_upstream_then_defaults() {
    let config = config(
        "defaults: { timeout: 9s }\n\
         upstreams: { slow: { url: \"http://a:1\", timeout: 2m, connect_timeout: 250ms }, plain: { url: \"http://b:1\" } }\n\
         routes:\n\
         - { path: /a, upstream: slow, auth: none }\n\
         - { path: /b, upstream: slow, timeout: 1s, auth: none }\n\
         - { path: /c, upstream: plain, auth: none }\n\
         - { path: /d, upstream: \"http://c/base\", auth: none }\n",
    );
    let timeouts: Vec<u64> = config
        .routes
        .iter()
        .map(|route| call(route).timeout.as_secs())
        .collect();
    assert_eq!(timeouts, [120, 1, 9, 9]);
    assert_eq!(
        call(&config.routes[0]).upstream.connect_timeout,
        Duration::from_millis(250)
    );
    assert_eq!(
        (
            &*call(&config.routes[0]).upstream.name,
            &*call(&config.routes[3]).upstream.name
        ),
        ("slow", "c")
    );
}

#[test]
fn overrides_stand_most_specific_first() {
    let config = config(
        "rate_limiting:\n  overrides:\n\
         \x20   - { path: /a/**, requests_per_second: 1 }\n\
         \x20   - { path: \"/a/{id}\", requests_per_second: 2 }\n\
         \x20   - { path: /a/b, requests_per_second: 3 }\n\
         routes: [ { path: /a/**, upstream: \"http://a:1\", auth: none } ]\n",
    );
    let order: Vec<&str> = config
        .limits
        .overrides
        .iter()
        .map(|section| section.pattern.as_str())
        .collect();
    assert_eq!(order, ["/a/b", "/a/{id}", "/a/**"]);
}

#[test]
fn trusted_proxies_may_be_addresses_or_networks() {
    let config = with("trusted_proxies: [192.0.2.7, 10.1.2.3/8, \"2001:db8::1\"]");
    let shown: Vec<String> = config.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["192.0.2.7/32", "10.0.0.0/8", "2001:db8::1/128"]);
}

#[test]
fn keys_of_a_loopback_issuer_may_come_by_http() {
    for host in ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
        let auth = format!("auth: {{ type: jwt, jwks_uri: \"http://{host}:9003/keys\", issuer: i, audiences: [a] }}");
        assert_eq!(with(&auth).auth.methods.len(), 1, "{host}");
    }
    for host in [
        "localhost.example.com",
        "128.0.0.1",
        "[::2]",
        "0.0.0.0",
        "127.0.0.1.example.com",
    ] {
        let auth = format!("auth: {{ type: jwt, jwks_uri: \"http://{host}:9003/keys\", issuer: i, audiences: [a] }}");
        assert!(
            mistakes(&format!("{auth}\n{OPEN_ROUTE}")).contains("must be https"),
            "{host}"
        );
    }
}

#[test]
fn made_ids_are_unique_and_stable() {
    let text = "routes:\n\
        - { path: \"/a/{id}\", hosts: [one.example.com], upstream: \"http://a:1\", auth: none }\n\
        - { path: \"/a/{id}\", hosts: [two.example.com], upstream: \"http://a:1\", auth: none }\n\
        - { path: /, upstream: \"http://a:1\", auth: none }\n\
        - { path: \"/a/*\", hosts: [three.example.com], upstream: \"http://a:1\", auth: none, id: ANY.a.id-2 }\n\
        - { path: \"/\u{fc}/*\", upstream: \"http://a:1\", auth: none }\n\
        - { path: /LONG/x, upstream: \"http://a:1\", auth: none }\n\
        - { path: /LONG/y, upstream: \"http://a:1\", auth: none }\n"
        .replace("LONG", &"l".repeat(80));
    let config = config(&text);
    let ids: Vec<&str> = config.routes.iter().map(|route| &*route.id).collect();
    let long = "l".repeat(60);
    let (first, second) = (format!("ANY.{long}"), format!("ANY.{}-2", &long[..58]));
    assert_eq!(
        ids,
        [
            "ANY.a.id",
            "ANY.a.id-3",
            "ANY.root",
            "ANY.a.id-2",
            "ANY.-.one",
            &first,
            &second
        ]
    );
}

#[test]
fn routes_that_differ_in_one_condition_can_be_told_apart() {
    let base = "{ path: /a, methods: [GET], upstream: \"http://a:1\", auth: none";
    for other in [
        "methods: [POST]",
        "hosts: [b.example.com]",
        "headers: { X-A: b }",
        "query: { a: b }",
    ] {
        let rest = if other.starts_with("methods") {
            String::new()
        } else {
            "methods: [GET], ".into()
        };
        let text =
            format!("routes:\n- {base} }}\n- {{ path: /a, {rest}{other}, upstream: \"http://b:1\", auth: none }}\n");
        assert_eq!(config(&text).routes.len(), 2, "{other}");
    }
}

#[test]
fn the_order_of_conditions_does_not_make_routes_differ() {
    let text = "routes:\n\
        - { path: \"/a/{x}\", hosts: [a.b, c.d], query: { a: b, c: d }, upstream: \"http://a:1\", auth: none }\n\
        - { path: \"/a/*\", hosts: [C.D, a.b], query: { c: d, a: b }, upstream: \"http://b:1\", auth: none }\n";
    assert!(mistakes(text).contains("/routes/1: no request could tell this route from /routes/0"));
}

#[test]
fn header_keys_are_taken_when_a_claim_sets_them_or_the_client_is_trusted() {
    let auth =
        "auth: { type: jwt, jwks_uri: \"https://i/k\", issuer: i, audiences: [a], claims_to_headers: { org: X-Org } }";
    let rule = |key: &str| {
        format!("{auth}\nrate_limiting: {{ default: {{ requests_per_hour: 5, key: {key} }} }}\n{OPEN_ROUTE}")
    };
    assert_eq!(
        config(&rule("[header:x-org, claim:tier, route]"))
            .limits
            .default
            .expect("a rule")
            .key
            .len(),
        3
    );
    assert!(mistakes(&rule("header:X-User-Id")).contains("no verified token sets it"));
    config(&rule("header:X-Any, trust_client_key: true"));
}

#[test]
fn a_rate_without_a_key_counts_by_address() {
    let config = with("rate_limiting: { default: { requests_per_day: 5 } }");
    let rule = config.limits.default.expect("a default");
    assert_eq!(rule.key, [KeyPart::ClientIp]);
    assert_eq!(
        (rate(&rule).burst.get(), rate(&rule).per),
        (5, Duration::from_secs(86_400))
    );
}

#[test]
fn what_was_filled_in_is_not_filled_again() {
    let config = config(
        "routes:\n  - { path: /a, upstream: \"http://a:1\", auth: none, query: { a: \"${NESTED}\", b: \"$${RPS}\" } }\n",
    );
    let values: Vec<&str> = config.routes[0]
        .conditions
        .query
        .iter()
        .map(|(_, value)| &**value)
        .collect();
    assert_eq!(values, ["${RPS}", "${RPS}"]);
}

#[test]
fn an_environment_without_the_variable_differs_from_one_with_it() {
    let text = format!("defaults: {{ timeout: \"${{RPS:-3}}s\" }}\n{OPEN_ROUTE}");
    let timeout = |variable: &dyn Fn(&str) -> Option<String>| {
        let checked = parse("x", &text, variable).expect("it is right");
        call(&checked.config.routes[0]).timeout.as_secs()
    };
    assert_eq!((timeout(&variable), timeout(&|_| None)), (100, 3));
}
