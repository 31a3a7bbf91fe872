use serde_json::{Value, json};

use super::*;
use crate::auth::testing::split;

const DOORS: [EventKind; 4] = [EventKind::Http, EventKind::Url, EventKind::Rest, EventKind::Alb];
const SOURCES: [PlatformSource; 4] = [
    PlatformSource::Iam,
    PlatformSource::Jwt,
    PlatformSource::Lambda,
    PlatformSource::Cognito,
];

fn facts(door: EventKind, authorizer: &Value) -> PlatformFacts {
    PlatformFacts {
        authorizer: Some(authorizer.to_string().into()),
        ..PlatformFacts::none(door)
    }
}

fn signed(identity: &Value) -> PlatformFacts {
    PlatformFacts {
        iam_identity: Some(identity.to_string().into()),
        ..PlatformFacts::none(EventKind::Rest)
    }
}

fn proven(from: PlatformSource, facts: &PlatformFacts) -> Result<Option<Value>, Refusal> {
    claims(from, facts).map(|claims| claims.map(Value::Object))
}

fn why(from: PlatformSource, facts: &PlatformFacts) -> String {
    match proven(from, facts) {
        Err(refused) => {
            let (key, why) = split(refused);
            assert_eq!(key, "from");
            why
        }
        Ok(claims) => format!("not refused: {claims:?}"),
    }
}

fn http_iam() -> Value {
    json!({ "iam": {
        "accessKey": "ASIAIOSFODNN7EXAMPLE",
        "accountId": "111122223333",
        "callerId": "AROAIOSFODNN7EXAMPLE:ci",
        "cognitoIdentity": null,
        "principalOrgId": "o-a1b2c3d4e5",
        "userArn": "arn:aws:sts::111122223333:assumed-role/ci/ci",
        "userId": "AROAIOSFODNN7EXAMPLE:ci",
    } })
}

fn rest_iam() -> Value {
    json!({
        "cognitoIdentityPoolId": null,
        "accountId": "111122223333",
        "cognitoIdentityId": null,
        "caller": "AROAIOSFODNN7EXAMPLE:ci",
        "sourceIp": "203.0.113.7",
        "principalOrgId": "o-a1b2c3d4e5",
        "accessKey": "ASIAIOSFODNN7EXAMPLE",
        "cognitoAuthenticationType": null,
        "cognitoAuthenticationProvider": null,
        "userArn": "arn:aws:sts::111122223333:assumed-role/ci/ci",
        "userAgent": "curl/8.5.0",
        "user": "AROAIOSFODNN7EXAMPLE:ci",
    })
}

fn jwt() -> Value {
    json!({ "jwt": { "claims": { "sub": "usr_1", "exp": "4102444800", "groups": "[a b]" }, "scopes": null } })
}

fn cognito() -> Value {
    json!({ "claims": { "sub": "usr_1", "cognito:username": "ann", "email_verified": "true" }, "scopes": null })
}

fn rest_lambda() -> Value {
    json!({ "principalId": "usr_1", "integrationLatency": 12, "role": "admin" })
}

#[test]
fn whoever_signed_is_the_same_behind_every_front_door() {
    let expected = json!({
        "sub": "arn:aws:sts::111122223333:assumed-role/ci/ci",
        "user_arn": "arn:aws:sts::111122223333:assumed-role/ci/ci",
        "user_id": "AROAIOSFODNN7EXAMPLE:ci",
        "account_id": "111122223333",
        "principal_org_id": "o-a1b2c3d4e5",
    });
    for facts in [
        facts(EventKind::Http, &http_iam()),
        facts(EventKind::Url, &http_iam()),
        signed(&rest_iam()),
    ] {
        assert_eq!(proven(PlatformSource::Iam, &facts), Ok(Some(expected.clone())));
    }
}

#[test]
fn users_of_an_identity_pool_are_told_apart() {
    let arn = "arn:aws:sts::111122223333:assumed-role/pool/CognitoIdentityCredentials";
    let mut of_http = http_iam();
    of_http["iam"]["userArn"] = json!(arn);
    of_http["iam"]["cognitoIdentity"] =
        json!({ "amr": ["unauthenticated"], "identityId": "eu-central-1:ann", "identityPoolId": "eu-central-1:pool" });
    let mut of_rest = rest_iam();
    of_rest["userArn"] = json!(arn);
    of_rest["cognitoIdentityId"] = json!("eu-central-1:ann");
    of_rest["cognitoIdentityPoolId"] = json!("eu-central-1:pool");
    of_rest["cognitoAuthenticationType"] = json!("unauthenticated");
    for (facts, amr) in [
        (facts(EventKind::Http, &of_http), json!(["unauthenticated"])),
        (signed(&of_rest), json!("unauthenticated")),
    ] {
        let claims = proven(PlatformSource::Iam, &facts).unwrap().unwrap();
        assert_eq!(claims["sub"], "eu-central-1:ann");
        assert_eq!(claims["user_arn"], arn);
        assert_eq!(claims["cognito_identity_pool_id"], "eu-central-1:pool");
        assert_eq!(claims["cognito_amr"], amr);
    }
}

#[test]
fn tokens_that_api_gateway_verified() {
    let of = |authorizer: &Value| proven(PlatformSource::Jwt, &facts(EventKind::Http, authorizer));
    // Lists stay as they come: what is one text in brackets looks the same.
    assert_eq!(
        of(&jwt()),
        Ok(Some(json!({ "sub": "usr_1", "exp": "4102444800", "groups": "[a b]" })))
    );
    let mut scoped = jwt();
    scoped["jwt"]["scopes"] = json!(["orders:read", "orders:write"]);
    assert_eq!(of(&scoped).unwrap().unwrap()["scope"], "orders:read orders:write");
    // The token's own claim is not replaced.
    scoped["jwt"]["claims"]["scope"] = json!("orders:read email");
    assert_eq!(of(&scoped).unwrap().unwrap()["scope"], "orders:read email");
    let of_pool = proven(PlatformSource::Cognito, &facts(EventKind::Rest, &cognito()));
    assert_eq!(of_pool, Ok(Some(cognito()["claims"].clone())));
}

#[test]
fn what_a_lambda_authorizer_says() {
    let of_http = |authorizer: Value| proven(PlatformSource::Lambda, &facts(EventKind::Http, &authorizer)).unwrap();
    let of_rest = |authorizer: Value| proven(PlatformSource::Lambda, &facts(EventKind::Rest, &authorizer)).unwrap();
    assert_eq!(
        of_rest(rest_lambda()),
        Some(json!({ "sub": "usr_1", "principalId": "usr_1", "role": "admin" }))
    );
    let named = json!({ "principalId": "p", "sub": "ann" });
    assert_eq!(of_rest(named.clone()), Some(named.clone()));
    assert_eq!(of_http(json!({ "lambda": named })), Some(named));
    let nested = json!({ "user_id": "usr_1", "groups": ["a"], "org": { "id": 7 } });
    assert_eq!(of_http(json!({ "lambda": nested })), Some(nested));
    // A simple response without a context lets the request in, but says nobody's name.
    for nobody in [json!(null), json!({}), json!({ "integrationLatency": 3 })] {
        assert_eq!(of_http(json!({ "lambda": nobody })), None);
    }
    assert_eq!(of_rest(json!({ "integrationLatency": 3 })), None);
    // A context cannot pass for Cognito's result: its values are text.
    let posing = json!({ "principalId": "p", "claims": "{\"sub\":\"root\"}" });
    assert_eq!(of_rest(posing.clone()).unwrap()["sub"], "p");
    assert_eq!(
        proven(PlatformSource::Cognito, &facts(EventKind::Rest, &posing)),
        Ok(None)
    );
}

#[test]
fn the_result_of_another_authorizer_is_not_there() {
    let given = [
        (
            PlatformSource::Iam,
            EventKind::Http,
            facts(EventKind::Http, &http_iam()),
        ),
        (PlatformSource::Iam, EventKind::Url, facts(EventKind::Url, &http_iam())),
        (PlatformSource::Iam, EventKind::Rest, signed(&rest_iam())),
        (PlatformSource::Jwt, EventKind::Http, facts(EventKind::Http, &jwt())),
        (
            PlatformSource::Lambda,
            EventKind::Http,
            facts(EventKind::Http, &json!({ "lambda": rest_lambda() })),
        ),
        (
            PlatformSource::Lambda,
            EventKind::Rest,
            facts(EventKind::Rest, &rest_lambda()),
        ),
        (
            PlatformSource::Cognito,
            EventKind::Rest,
            facts(EventKind::Rest, &cognito()),
        ),
    ];
    for (its_source, its_door, facts) in &given {
        for from in SOURCES {
            let claims = proven(from, facts).unwrap();
            assert_eq!(
                claims.is_some(),
                from == *its_source,
                "{from:?} of {its_source:?} behind {its_door:?}"
            );
        }
    }
    // Nor does a load balancer have any, whatever its event says, nor anybody where nothing is said.
    for (from, _, facts) in &given {
        let facts = PlatformFacts {
            door: EventKind::Alb,
            ..facts.clone()
        };
        assert_eq!(proven(*from, &facts), Ok(None));
    }
    for (from, door) in SOURCES.into_iter().flat_map(|from| DOORS.map(|door| (from, door))) {
        assert_eq!(proven(from, &PlatformFacts::none(door)), Ok(None), "{from:?} {door:?}");
    }
}

/// REST's object holds a context of any names: one may be called as a member of payload format 2.0 is.
#[test]
fn a_rest_context_is_no_iam_or_jwt_result() {
    let context = json!({ "principalId": "p", "iam": { "userArn": "root" }, "jwt": { "claims": { "sub": "root" } } });
    for from in [PlatformSource::Iam, PlatformSource::Jwt, PlatformSource::Cognito] {
        assert_eq!(proven(from, &facts(EventKind::Rest, &context)), Ok(None), "{from:?}");
    }
    // Nor the other way round.
    let flat = json!({ "principalId": "root", "sub": "root", "claims": { "sub": "root" } });
    for from in SOURCES {
        assert_eq!(proven(from, &facts(EventKind::Http, &flat)), Ok(None), "{from:?}");
    }
}

#[test]
fn malformed_results_are_refused() {
    let http = |from, authorizer: Value| why(from, &facts(EventKind::Http, &authorizer));
    let rest = |from, authorizer: Value| why(from, &facts(EventKind::Rest, &authorizer));
    let no_object = "what the front door says of the caller is not an object without duplicates";
    for odd in [json!(7), json!("x"), json!([]), json!(true)] {
        for from in [PlatformSource::Iam, PlatformSource::Jwt, PlatformSource::Lambda] {
            assert_eq!(http(from, odd.clone()), no_object);
        }
        for from in [PlatformSource::Lambda, PlatformSource::Cognito] {
            assert_eq!(rest(from, odd.clone()), no_object);
        }
        assert_eq!(why(PlatformSource::Iam, &signed(&odd)), no_object);
        assert_eq!(
            http(PlatformSource::Iam, json!({ "iam": odd })),
            "authorizer.iam is not an object"
        );
        assert_eq!(
            http(PlatformSource::Lambda, json!({ "lambda": odd })),
            "authorizer.lambda is not an object"
        );
        let claims = json!({ "jwt": { "claims": odd } });
        assert_eq!(
            http(PlatformSource::Jwt, claims),
            "the authorizer's claims are not an object"
        );
    }
    assert_eq!(
        http(PlatformSource::Jwt, json!({ "jwt": {} })),
        "the authorizer's claims are not an object"
    );
    for scopes in [json!("a b"), json!([1]), json!({}), json!(["a", null])] {
        let result = json!({ "jwt": { "claims": { "sub": "a" }, "scopes": scopes } });
        assert_eq!(
            http(PlatformSource::Jwt, result),
            "the authorizer's scopes are not a list of strings"
        );
    }
    let twice = PlatformFacts {
        authorizer: Some(r#"{"lambda":{"sub":"ann","sub":"root"}}"#.into()),
        ..PlatformFacts::none(EventKind::Http)
    };
    assert_eq!(why(PlatformSource::Lambda, &twice), no_object);
}

#[test]
fn whoever_signed_has_an_arn() {
    let of = |member: &str, value: Value| {
        let (mut of_http, mut of_rest) = (http_iam(), rest_iam());
        of_http["iam"][member] = value.clone();
        of_rest[member] = value;
        let http = why(PlatformSource::Iam, &facts(EventKind::Http, &of_http));
        assert_eq!(why(PlatformSource::Iam, &signed(&of_rest)), http);
        http
    };
    assert_eq!(of("userArn", json!(null)), "the caller has no userArn");
    assert_eq!(of("userArn", json!("")), "the caller's user_arn is not text");
    assert_eq!(of("userArn", json!(7)), "the caller's user_arn is not text");
    assert_eq!(of("accountId", json!({})), "the caller's account_id is not text");
    let mut only_pool = http_iam();
    only_pool["iam"]["userArn"] = json!(null);
    only_pool["iam"]["cognitoIdentity"] = json!({ "identityId": "a" });
    assert_eq!(
        why(PlatformSource::Iam, &facts(EventKind::Http, &only_pool)),
        "the caller has no userArn"
    );
}
