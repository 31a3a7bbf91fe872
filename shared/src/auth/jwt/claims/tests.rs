use std::time::Duration;

use serde_json::json;

use super::*;
use crate::auth::testing::{NOW, claims, claims_with, jwt};

fn why(refusal: Refusal) -> String {
    match refusal {
        Refusal::Invalid { why, .. } => why.into_owned(),
        Refusal::Unavailable { .. } | Refusal::CrossSite { .. } => panic!("{refusal:?}"),
    }
}

fn outcome(claims: &Value, now: Timestamp) -> Result<(), String> {
    check(claims.as_object().unwrap(), &jwt(), now).map(drop).map_err(why)
}

fn holds(name: &str, value: Value) -> bool {
    outcome(&claims_with(name, Some(value)), Timestamp::from_secs(NOW)).is_ok()
}

#[test]
fn good_claims_hold() {
    assert_eq!(outcome(&claims(), Timestamp::from_secs(NOW)), Ok(()));
}

#[test]
fn the_issuer_must_be_equal() {
    for (value, expected) in [
        (json!("https://issuer.test"), true),
        (json!("https://issuer.test/"), false),
        (json!("HTTPS://issuer.test"), false),
        (json!("https://issuer.test "), false),
        (json!(""), false),
        (json!(["https://issuer.test"]), false),
        (json!(null), false),
        (json!(1), false),
    ] {
        assert_eq!(holds("iss", value.clone()), expected, "{value}");
    }
    assert!(outcome(&claims_with("iss", None), Timestamp::from_secs(NOW)).is_err());
}

#[test]
fn one_audience_must_be_ours() {
    for (value, expected) in [
        (json!("api"), true),
        (json!("other-api"), true),
        (json!(["x", "api"]), true),
        (json!(["other-api", "api"]), true),
        (json!("API"), false),
        (json!("api "), false),
        (json!("api,x"), false),
        (json!("ap"), false),
        (json!(""), false),
        (json!([]), false),
        (json!(["x"]), false),
        (json!(["api", 1]), false),
        (json!([["api"]]), false),
        (json!({"api": true}), false),
        (json!(null), false),
        (json!(true), false),
    ] {
        assert_eq!(holds("aud", value.clone()), expected, "{value}");
    }
    assert!(outcome(&claims_with("aud", None), Timestamp::from_secs(NOW)).is_err());
}

/// With the default skew of 60 s, to the microsecond.
#[test]
fn exp_and_nbf_have_exact_bounds() {
    let at = |micros: i64| {
        Timestamp::from_micros(NOW * 1_000_000)
            .plus(Duration::from_secs(60))
            .micros() as i64
            + micros
    };
    let until = claims_with("exp", Some(json!(NOW)));
    let until_fraction = claims_with("exp", Some(json!(NOW as f64 + 0.25)));
    let from = claims_with("nbf", Some(json!(NOW + 120)));
    let from_fraction = claims_with("nbf", Some(json!((NOW + 119) as f64 + 0.75)));
    for (claims, micros, expected) in [
        (&until, -1, true),
        (&until, 0, false),
        (&until, 1, false),
        (&until_fraction, 249_999, true),
        (&until_fraction, 250_000, false),
        (&from, -1, false),
        (&from, 0, true),
        (&from_fraction, -250_001, false),
        (&from_fraction, -250_000, true),
    ] {
        let mut claims = claims.clone();
        if claims.get("nbf").is_some() {
            claims["exp"] = json!(NOW + 1000);
        }
        let now = Timestamp::from_micros(u64::try_from(at(micros)).unwrap());
        assert_eq!(outcome(&claims, now).is_ok(), expected, "{claims} at {micros}");
    }
}

/// For whoever remembers the token: its own end, whatever the skew.
#[test]
fn what_comes_back_is_exp_itself() {
    for (exp, end) in [
        (json!(NOW), Timestamp::from_secs(NOW)),
        (
            json!(NOW as f64 + 0.5),
            Timestamp::from_micros(NOW * 1_000_000 + 500_000),
        ),
        (json!(u64::MAX), Timestamp::from_micros(u64::MAX)),
    ] {
        let claims = claims_with("exp", Some(exp));
        let now = Timestamp::from_secs(NOW);
        assert_eq!(check(claims.as_object().unwrap(), &jwt(), now), Ok(end));
    }
    let long_ago = claims_with("exp", Some(json!(-1)));
    let begin = Timestamp::from_micros(0);
    assert_eq!(check(long_ago.as_object().unwrap(), &jwt(), begin), Ok(begin));
}

#[test]
fn the_skew_is_the_methods_own() {
    let strict = JwtRules {
        clock_skew: Duration::ZERO,
        ..jwt()
    };
    let claims = claims_with("exp", Some(json!(NOW)));
    let check = |now| check(claims.as_object().unwrap(), &strict, now).is_ok();
    assert!(check(Timestamp::from_micros(NOW * 1_000_000 - 1)));
    assert!(!check(Timestamp::from_secs(NOW)));
    let endless = JwtRules {
        clock_skew: Duration::MAX,
        ..jwt()
    };
    assert!(super::check(claims.as_object().unwrap(), &endless, Timestamp::from_micros(u64::MAX)).is_ok());
}

#[test]
fn dates_must_be_numbers() {
    for value in [
        json!(null),
        json!("4000000000"),
        json!([4e9]),
        json!({}),
        json!(true),
        json!(""),
    ] {
        assert!(!holds("exp", value.clone()), "exp {value}");
        assert!(!holds("nbf", value.clone()), "nbf {value}");
    }
    assert!(outcome(&claims_with("exp", None), Timestamp::from_secs(NOW)).is_err());
}

#[test]
fn dates_beyond_all_time_stay_there() {
    for (exp, expected) in [
        (json!(u64::MAX), true),
        (json!(1e300), true),
        (json!(4_000_000_000_u64), true),
        (json!(0), false),
        (json!(-1), false),
        (json!(i64::MIN), false),
        (json!(-1e300), false),
        (json!(-0.0), false),
        (json!(1e-300), false),
    ] {
        assert_eq!(holds("exp", exp.clone()), expected, "exp {exp}");
        assert_eq!(holds("nbf", exp.clone()), !expected, "nbf {exp}");
    }
}

#[test]
fn reasons_quote_the_config_and_not_the_token() {
    let now = Timestamp::from_secs(NOW);
    let reason = |name, value| outcome(&claims_with(name, value), now).unwrap_err();
    let reasons = [
        reason("iss", Some(json!("https://evil"))),
        reason("aud", Some(json!("secret-audience"))),
        reason("exp", None),
        reason("exp", Some(json!("soon"))),
        reason("exp", Some(json!(NOW - 95))),
        reason("nbf", Some(json!("never"))),
        reason("nbf", Some(json!(NOW + 61))),
    ];
    insta::assert_snapshot!(reasons.join("\n"), @r#"
    the claim iss is not "https://issuer.test"
    the claim aud names none of ["api", "other-api"]
    there is no claim exp
    the claim exp is not a number
    the token expired 95 s ago, more than the clock skew allows
    the claim nbf is not a number
    the token holds only in 61 s, more than the clock skew allows
    "#);
}
