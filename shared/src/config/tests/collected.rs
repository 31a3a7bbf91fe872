//! All mistakes at once, in file order, and one mistake told once.

use super::{mistakes, right};

#[test]
fn mistakes_of_every_kind_come_out_in_one_run_and_in_file_order() {
    let text = r#"version: 3
defaults: { timeout: 5 }
colour: blue
trusted_proxies: [localhost, 5]
upstreams:
  orders: { url: http://orders:3002, timeot: 5s }
  users: { timeout: 0s }
auth:
  type: jwt
  jwks_uri: http://idp.example.com/keys
  audiences: [1, ""]
  algorithms: [RS256, HS256, 7]
  claims_to_headers: { sub: Cookie, role: 3 }
rate_limiting:
  default: { requests_per_second: 1.5, burst: 0, key: clientip }
transformations:
  - { path: /a, response: { remove_fields: secret, on_unparsable: ignore } }
routes:
  - { path: 7, upstream: odrers, methods: [get, POST, POST], timeout: fast }
  - path: /b
    upstream: "${NOT_SET}"
    auth: yes
    rate_limit: {}
"#;
    insta::assert_snapshot!(mistakes(text), @r#"
    gateway.yaml:1: /version: not a version of this grammar: the only one so far is 1
    gateway.yaml:2: /defaults/timeout: must be a whole number with its unit, such as 250ms, 2s or 10m, not 5
    gateway.yaml:3: /colour: "colour" is not a key here (there are: version, defaults, errors, trusted_proxies, sealed_headers, underscore_headers, origin_secret, ip, max_headers, upstreams, auth, rate_limiting, plans, transformations, routes)
    gateway.yaml:4: /trusted_proxies/0: "localhost" is not an address or a network, such as 192.0.2.7 or 10.0.0.0/8
    gateway.yaml:4: /trusted_proxies/1: must be a string, not 5 (put it in quotes)
    gateway.yaml:6: /upstreams/orders/timeot: "timeot" is not a key here (did you mean "timeout"?)
    gateway.yaml:7: /upstreams/users: nothing says where it is: give it a url, or several targets
    gateway.yaml:7: /upstreams/users/timeout: a timeout of nothing lets nothing through: give it at least 1ms
    gateway.yaml:8: /auth: issuer is missing
    gateway.yaml:10: /auth/jwks_uri: "http://idp.example.com/keys" must be https: who can change the answer can be anybody
    gateway.yaml:11: /auth/audiences/0: must be a string, not 1 (put it in quotes)
    gateway.yaml:11: /auth/audiences/1: "" is not an audience: it is empty
    gateway.yaml:12: /auth/algorithms/1: "HS256" is not taken: it is symmetric: whoever can verify a token can also make one (take RS256, ES256 or EdDSA)
    gateway.yaml:12: /auth/algorithms/2: must be a string, not 7 (put it in quotes)
    gateway.yaml:13: /auth/claims_to_headers/sub: "Cookie" cannot carry a claim: it carries credentials
    gateway.yaml:13: /auth/claims_to_headers/role: must be a string, not 3 (put it in quotes)
    gateway.yaml:15: /rate_limiting/default/requests_per_second: must be a whole number from 1 to 4294967295, in plain digits, not 1.5
    gateway.yaml:15: /rate_limiting/default/burst: must be a whole number from 1 to 4294967295, in plain digits, not 0
    gateway.yaml:15: /rate_limiting/default/key: "clientip" is not something to count by (did you mean "client_ip"?)
    gateway.yaml:17: /transformations/0/response/remove_fields: must be a list, not "secret"
    gateway.yaml:17: /transformations/0/response/on_unparsable: "ignore" is not one of: refuse, pass
    gateway.yaml:19: /routes/0/path: must be a string, not 7 (put it in quotes)
    gateway.yaml:19: /routes/0/upstream: "odrers" is not an upstream (did you mean "orders"?)
    gateway.yaml:19: /routes/0/methods/0: "get" is not a method: methods are upper-case (did you mean "GET"?)
    gateway.yaml:19: /routes/0/methods/2: "POST" is here twice
    gateway.yaml:19: /routes/0/timeout: must be a whole number with its unit, such as 250ms, 2s or 10m, not "fast"
    gateway.yaml:21: /routes/1/upstream: "${NOT_SET}" is not set: set the variable, or write `${NOT_SET:-default}`
    gateway.yaml:22: /routes/1/auth: must be none or an object, such as { optional: true }, not "yes"
    gateway.yaml:23: /routes/1/rate_limit: a rate is missing: one of requests_per_second, requests_per_minute, requests_per_hour, requests_per_day
    "#);
}

#[test]
fn a_misspelt_key_is_not_missed_as_well() {
    let text = "routes:\n  - pth: /a\n    upstrem: http://a:1\n    auth: none\n";
    insta::assert_snapshot!(mistakes(text), @r#"
    gateway.yaml:2: /routes/0/pth: "pth" is not a key here (did you mean "path"?)
    gateway.yaml:3: /routes/0/upstrem: "upstrem" is not a key here (did you mean "upstream"?)
    "#);
}

#[test]
fn a_misspelt_auth_section_does_not_leave_every_route_without_one() {
    let text = "atuh: {}\nroutes:\n  - path: /a\n    upstream: http://a:1\n    rate_limit: { requests_per_second: 1, key: header:X-User-Id }\n";
    insta::assert_snapshot!(mistakes(text), @r#"gateway.yaml:1: /atuh: "atuh" is not a key here (did you mean "auth"?)"#);
}

#[test]
fn an_upstream_with_a_mistake_is_still_an_upstream() {
    let text = "upstreams:\n  orders: { url: 5 }\nroutes:\n  - path: /a\n    upstream: orders\n    auth: none\n";
    insta::assert_snapshot!(mistakes(text), @r#"gateway.yaml:2: /upstreams/orders/url: must be a string, not 5 (put it in quotes)"#);
}

#[test]
fn names_are_not_doubted_while_upstreams_is_no_object() {
    let text = "upstreams: []\nroutes:\n  - path: /a\n    upstream: orders\n    auth: none\n";
    insta::assert_snapshot!(mistakes(text), @r#"gateway.yaml:1: /upstreams: must be an object, not a list"#);
}

#[test]
fn a_wrong_list_is_not_empty_as_well() {
    let text =
        "routes: [1]\nauth: { type: jwt, jwks_uri: \"https://i/k\", issuer: i, audiences: [2], algorithms: [3] }\n";
    insta::assert_snapshot!(mistakes(text), @r#"
    gateway.yaml:1: /routes/0: must be an object, not 1
    gateway.yaml:2: /auth/audiences/0: must be a string, not 2 (put it in quotes)
    gateway.yaml:2: /auth/algorithms/0: must be a string, not 3 (put it in quotes)
    "#);
}

#[test]
fn a_wrong_rate_is_not_missing_as_well() {
    let text = "rate_limiting: { default: { requests_per_second: fast } }\nroutes:\n  - path: /a\n    upstream: http://a:1\n    auth: none\n";
    insta::assert_snapshot!(mistakes(text), @r#"gateway.yaml:1: /rate_limiting/default/requests_per_second: must be a whole number from 1 to 4294967295, in plain digits, not "fast""#);
}

#[test]
fn a_header_is_not_doubted_while_the_claims_map_is_wrong() {
    let text = "auth: { type: jwt, jwks_uri: \"https://i/k\", issuer: i, audiences: [a], claims_to_headers: { org: 5 } }\n\
                rate_limiting: { default: { requests_per_second: 1, key: header:X-Org } }\n\
                routes: [ { path: /a, upstream: \"http://a:1\" } ]\n";
    insta::assert_snapshot!(mistakes(text), @r#"gateway.yaml:1: /auth/claims_to_headers/org: must be a string, not 5 (put it in quotes)"#);
}

#[test]
fn routes_whose_conditions_are_wrong_are_not_called_alike() {
    let text = "routes:\n  - { path: /a, upstream: \"http://a:1\", auth: none }\n  \
                - { path: /a, upstream: \"http://b:1\", auth: none, hosts: [\"a b\"] }\n";
    insta::assert_snapshot!(mistakes(text), @r#"gateway.yaml:3: /routes/1/hosts/0: "a b" is not a host, such as api.example.com or *.example.com"#);
}

#[test]
fn routes_are_compared_whatever_else_is_wrong_with_them() {
    let text = "routes:\n  - { path: /a, upstream: \"http://a:1\", auth: none }\n  \
                - { path: /a, upstream: nowhere, auth: none, color: 1 }\n";
    insta::assert_snapshot!(mistakes(text), @r#"
    gateway.yaml:3: /routes/1: no request could tell this route from /routes/0: give one of them another path, method, host, header, query or accept
    gateway.yaml:3: /routes/1/upstream: "nowhere" is not an upstream: name one of upstreams, or write a URL such as http://orders:3002
    gateway.yaml:3: /routes/1/color: "color" is not a key here (there are: id, path, methods, hosts, headers, query, accept, upstream, split, sticky, respond, fallback, strip_prefix, timeout, auth, rate_limit, quota, cost, ip, max_body, cors, security_headers, compress, transform, cache, aggregate, merge, on_conflict, on_partial, partial_errors)
    "#);
}

#[test]
fn anchors_aliases_and_tags_are_each_told() {
    let text =
        "version: &v 1\nerrors: !e { format: *v }\nroutes:\n  - { path: /a, upstream: \"http://a:1\", auth: none }\n";
    insta::assert_snapshot!(mistakes(text), @r#"
    gateway.yaml:1: /version: anchors (&name) are not taken: write the value out where it is needed
    gateway.yaml:2: /errors: tags (!name) are not taken: quote a text, leave a number bare
    gateway.yaml:2: /errors/format: aliases (*name) are not taken: write the value out
    "#);
}

#[test]
fn a_key_with_a_line_break_keeps_the_one_line_form() {
    let text = "{ \"a\\nb\": 1, \"c/d~e\": 2,\n \"routes\": [ { \"path\": \"/a\", \"upstream\": \"http://a:1\", \"auth\": \"none\" } ] }";
    insta::assert_snapshot!(mistakes(text), @r#"
    gateway.yaml:1: /a\nb: "a\nb" is not a key here (there are: version, defaults, errors, trusted_proxies, sealed_headers, underscore_headers, origin_secret, ip, max_headers, upstreams, auth, rate_limiting, plans, transformations, routes)
    gateway.yaml:1: /c~1d~0e: "c/d~e" is not a key here (there are: version, defaults, errors, trusted_proxies, sealed_headers, underscore_headers, origin_secret, ip, max_headers, upstreams, auth, rate_limiting, plans, transformations, routes)
    "#);
}

#[test]
fn paths_that_no_route_takes_are_warnings() {
    let checked = right(
        "auth: { type: jwt, jwks_uri: \"https://i/k\", issuer: i, audiences: [a],\n  exclude_paths: [/v1/health, /v1/a] }\n\
         rate_limiting:\n  overrides:\n    - { path: /v2/**, requests_per_second: 5 }\n\
         transformations:\n  - { path: /v1/b/c, response: {} }\n  - { path: \"/v1/*\", response: {} }\n\
         trusted_proxies: [0.0.0.0/0]\n\
         routes: [ { path: \"/v1/{id}\", upstream: \"http://a:1\" } ]\n",
    );
    insta::assert_snapshot!(checked.warnings.join("\n"), @r#"
    gateway.yaml:5: /rate_limiting/overrides/0/path: no route takes a path that "/v2/**" matches
    gateway.yaml:7: /transformations/0/path: no route takes a path that "/v1/b/c" matches
    gateway.yaml:9: /trusted_proxies/0: "0.0.0.0/0" trusts everybody: any client can then choose its own address
    "#);
}

/// Express and Rails write parameters so; here it is an ordinary character.
#[test]
fn a_segment_that_begins_with_a_colon_is_a_warning() {
    let checked = right("routes:\n  - { path: \"/a/:id\", upstream: \"http://a:1\", auth: none }\n");
    insta::assert_snapshot!(checked.warnings.join("\n"), @r#"gateway.yaml:2: /routes/0/path: "/a/:id" has a segment that begins with `:` and is matched as it stands: `{name}` takes any segment"#);
    let verb = right("routes:\n  - { path: \"/a:batch\", upstream: \"http://a:1\", auth: none }\n");
    assert_eq!(verb.warnings, Vec::<String>::new());
}
