use serde_json::json;

use super::*;
use crate::auth::testing::{policy, proven};

fn with_scopes(scopes: &[&str], any: bool) -> AuthPolicy {
    AuthPolicy {
        scopes: Some(ScopeRule {
            pointer: Pointer::new("/routes/0/auth/scopes"),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            any,
        }),
        ..policy()
    }
}

fn with_claim(path: &str, test: ClaimTest) -> AuthPolicy {
    let rule = ClaimRule {
        pointer: Pointer::new("/routes/0/auth/claims/x"),
        path: ClaimPath::parse(path).unwrap(),
        test,
    };
    AuthPolicy {
        claims: vec![rule],
        ..policy()
    }
}

fn allowed(policy: &AuthPolicy, claims: &Value) -> bool {
    policy.authorize(&proven(claims.clone())).is_ok()
}

#[test]
fn who_asks_for_nothing_lets_everybody_in_who_is_known() {
    assert!(allowed(&policy(), &json!({})));
}

#[test]
fn scopes_are_a_text_or_a_list_and_all_of_them_by_default() {
    let both = with_scopes(&["a:read", "a:write"], false);
    let one = with_scopes(&["a:read", "a:write"], true);
    for (claims, all, any) in [
        (json!({"scope": "a:read a:write"}), true, true),
        (json!({"scope": "x a:write a:read"}), true, true),
        (json!({"scope": "a:read"}), false, true),
        (json!({"scp": ["a:read", "a:write"]}), true, true),
        (json!({"scp": ["a:write"]}), false, true),
        (json!({"scp": "a:read a:write"}), true, true),
        (json!({"scope": ["a:read", "a:write"]}), true, true),
        // `scope` is the registered name: where it is, `scp` adds nothing.
        (json!({"scope": "a:read", "scp": ["a:write"]}), false, true),
        (json!({"scope": "", "scp": ["a:read", "a:write"]}), false, false),
        (json!({"scope": null, "scp": ["a:read", "a:write"]}), false, false),
        (json!({"scope": "a:read,a:write"}), false, false),
        (json!({"scope": "a:read\ta:write"}), false, false),
        (json!({"scope": "A:READ A:WRITE"}), false, false),
        (json!({"scope": "a:read:all a:writer"}), false, false),
        (json!({"scope": {"a:read": true}}), false, false),
        (json!({"scp": [["a:read"], 1]}), false, false),
        (json!({"scopes": "a:read a:write"}), false, false),
        (json!({}), false, false),
    ] {
        assert_eq!(
            (allowed(&both, &claims), allowed(&one, &claims)),
            (all, any),
            "{claims}"
        );
    }
}

#[test]
fn a_missing_scope_is_told_with_its_place() {
    let error = with_scopes(&["a", "b"], false).authorize(&proven(json!({"scope": "a"})));
    let expected = GatewayError::InsufficientScope {
        needed: "a b".into(),
        by_token: true,
        at: Pointer::new("/routes/0/auth/scopes"),
    };
    assert_eq!(error, Err(expected));
}

#[test]
fn claims_equal_one_of_the_values() {
    let tenant = |values: &[Value]| with_claim("tenant", ClaimTest::OneOf(values.to_vec()));
    for (values, claims, expected) in [
        (vec![json!("acme")], json!({"tenant": "acme"}), true),
        (vec![json!("acme")], json!({"tenant": "ACME"}), false),
        (vec![json!("acme")], json!({"tenant": "acme "}), false),
        (vec![json!("acme")], json!({"tenant": ["x", "acme"]}), true),
        (vec![json!("acme")], json!({"tenant": [["acme"]]}), false),
        (vec![json!("acme")], json!({"tenant": {"acme": true}}), false),
        (vec![json!("acme")], json!({"tenant": null}), false),
        (vec![json!("acme")], json!({}), false),
        (vec![json!("a"), json!("b")], json!({"tenant": "b"}), true),
        (vec![json!("a"), json!("b")], json!({"tenant": "a,b"}), false),
        (vec![json!(7)], json!({"tenant": 7}), true),
        (vec![json!(7)], json!({"tenant": "7"}), false),
        (vec![json!("true")], json!({"tenant": true}), false),
        (vec![json!(true)], json!({"tenant": true}), true),
        (vec![], json!({"tenant": "a"}), false),
    ] {
        assert_eq!(allowed(&tenant(&values), &claims), expected, "{values:?} {claims}");
    }
}

#[test]
fn claims_are_there_or_not() {
    let present = with_claim("org.team", ClaimTest::Present(true));
    let absent = with_claim("org.team", ClaimTest::Present(false));
    for (claims, there) in [
        (json!({"org": {"team": "blue"}}), true),
        (json!({"org": {"team": false}}), true),
        (json!({"org": {"team": ""}}), true),
        (json!({"org": {"team": null}}), false),
        (json!({"org": "team"}), false),
        (json!({"org.team": "blue"}), false),
        (json!({}), false),
    ] {
        assert_eq!(
            (allowed(&present, &claims), allowed(&absent, &claims)),
            (there, !there),
            "{claims}"
        );
    }
}

#[test]
fn every_rule_must_hold() {
    let mut rules = with_claim("a", ClaimTest::Present(true));
    rules.claims.extend(with_claim("b", ClaimTest::Present(true)).claims);
    rules.scopes = with_scopes(&["s"], false).scopes;
    assert!(allowed(&rules, &json!({"a": 1, "b": 2, "scope": "s"})));
    assert!(!allowed(&rules, &json!({"a": 1, "scope": "s"})));
    assert!(!allowed(&rules, &json!({"b": 1, "scope": "s"})));
    assert!(!allowed(&rules, &json!({"a": 1, "b": 2})));
    let forbidden = rules.authorize(&proven(json!({"a": 1, "scope": "s"})));
    assert_eq!(
        forbidden.unwrap_err().at().map(Pointer::as_str),
        Some("/routes/0/auth/claims/x")
    );
}
