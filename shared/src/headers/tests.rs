use proptest::prelude::*;

use super::*;
use crate::testing::headers;

fn rules() -> HeaderRules {
    HeaderRules {
        sealed: SealedHeaders::with(["X-Tenant".to_owned()]),
        keep_underscores: false,
    }
}

fn sealed(rules: &HeaderRules, lines: &[(&str, &str)]) -> Vec<String> {
    let mut headers = headers(lines);
    rules.seal(&mut headers);
    let mut names: Vec<String> = headers.keys().map(|name| name.as_str().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn every_family_is_sealed_in_every_spelling() {
    for name in [
        "X-User-Id",
        "x_user_id",
        "X-USER-ID",
        "X.User.Id",
        "x!user!id",
        "X-User-",
        "X-Consumer-Name",
        "X-Authenticated-Scope",
        "X-Auth-Request-Email",
        "X-Jwt-Payload",
        "X-Gateway-Anything",
        "X-Tollgate-Trace",
        "X-Amzn-Oidc-Data",
        "X-Amzn-Mtls-Clientcert",
        "X-Amzn-Request-Context",
        "x_amzn_lambda_context",
        "Remote-User",
        "X-Original-URL",
        "x_rewrite_url",
        "X-HTTP-Method-Override",
        "X-Tenant",
        "x~tenant",
    ] {
        for keep_underscores in [false, true] {
            let rules = HeaderRules {
                keep_underscores,
                ..rules()
            };
            assert!(sealed(&rules, &[(name, "me")]).is_empty(), "{name}");
        }
    }
}

#[test]
fn names_that_only_resemble_a_family_pass() {
    let passing = [
        "authorization",
        "user-agent",
        "x-authority",
        "x-tenants",
        "x-user",
        "x-userid",
    ];
    let lines: Vec<_> = passing.iter().map(|name| (*name, "v")).collect();
    assert_eq!(sealed(&rules(), &lines), passing);
}

#[test]
fn forwarding_headers_are_always_our_own() {
    let lines = [
        ("Forwarded", "for=1.2.3.4"),
        ("X-Real-IP", "1.2.3.4"),
        ("X-Forwarded-For", "1.2.3.4"),
        ("X-Forwarded-User", "root"),
        ("x.forwarded.host", "evil"),
        ("True-Client-IP", "1.2.3.4"),
        ("CF_Connecting_IP", "1.2.3.4"),
        ("Accept", "*/*"),
    ];
    assert_eq!(sealed(&rules(), &lines), ["accept"]);
}

#[test]
fn hop_by_hop_and_connection_named_headers_go() {
    let lines = [
        ("Connection", "close, X-Custom ,"),
        ("Connection", "x-second"),
        ("X-Custom", "1"),
        ("X-Second", "1"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "trailers"),
        ("Upgrade", "websocket"),
        ("Proxy-Authorization", "Basic eA=="),
        ("Proxy", "http://evil"),
        ("Expect", "100-continue"),
        ("Accept", "*/*"),
    ];
    assert_eq!(sealed(&rules(), &lines), ["accept"]);
}

#[test]
fn other_names_with_an_underscore_are_dropped_unless_kept() {
    assert!(sealed(&rules(), &[("x_custom", "1")]).is_empty());
    let keeping = HeaderRules {
        keep_underscores: true,
        ..rules()
    };
    assert_eq!(sealed(&keeping, &[("x_custom", "1")]), ["x_custom"]);
}

proptest! {
    /// Nor does one about the connection or the message's frame, which a server behind us might go by.
    #[test]
    fn no_spelling_of_a_framing_header_survives(
        name in prop::sample::select([&HOP_BY_HOP[..], &OF_THE_MESSAGE].concat()),
        separator in prop::sample::select("-_.!#$%&'*+^`|~".chars().collect::<Vec<_>>()),
    ) {
        let name = name.replace('-', &separator.to_string());
        let keeping = HeaderRules { keep_underscores: true, ..rules() };
        prop_assert!(keeping.removes(&name.parse().expect("a name")), "{}", name);
        prop_assert!(sealed(&keeping, &[(&name, "forged")]).is_empty(), "{}", name);
    }

    /// However the separators and the case are varied, no client value survives.
    #[test]
    fn no_spelling_of_an_identity_header_survives(
        family in prop::sample::select(vec!["user", "consumer", "jwt", "auth", "gateway"]),
        rest in "[A-Za-z0-9]{0,8}",
        separators in prop::collection::vec(prop::sample::select("-_.!#$%&'*+^`|~".chars().collect::<Vec<_>>()), 2),
        upper in any::<u64>(),
    ) {
        let name: String = format!("x{}{family}{}{rest}", separators[0], separators[1])
            .chars()
            .enumerate()
            .map(|(i, c)| if upper >> (i % 64) & 1 == 1 { c.to_ascii_uppercase() } else { c })
            .collect();
        let keeping = HeaderRules { keep_underscores: true, ..rules() };
        prop_assert!(sealed(&keeping, &[(&name, "forged")]).is_empty(), "{}", name);
    }
}

#[test]
fn a_connection_header_with_strange_bytes_still_names_the_rest() {
    let mut headers = headers(&[("x-hop", "1"), ("x-stays", "1")]);
    headers.insert("connection", HeaderValue::from_bytes(b"\xff, X-Hop").expect("a value"));
    remove_hop_by_hop(&mut headers);
    assert!(!headers.contains_key("x-hop") && headers.contains_key("x-stays"));
}
