use serde_json::{Value, json};

use crate::event::alb::tests::{MULTI_VALUE, SINGLE_VALUE};
use crate::event::rest::tests::GET as REST_GET;
use crate::event::tests::{HTTP_GET, URL_GET, refused, request, with};
use crate::request::{PlatformFacts, PresentedCertificate};

fn facts(payload: &str) -> PlatformFacts {
    request(payload).unwrap().platform
}

fn parsed(text: Option<&str>) -> Option<Value> {
    text.map(|text| serde_json::from_str(text).unwrap())
}

/// What was lifted: authorizer, IAM identity, API Gateway's certificate.
fn lifted(payload: &str) -> [Option<Value>; 3] {
    let facts = facts(payload);
    let certificate = match facts.certificate.as_deref() {
        None => None,
        Some(PresentedCertificate::ApiGateway(json)) => Some(&**json),
        Some(PresentedCertificate::LoadBalancer(said)) => panic!("{said:?}"),
    };
    [
        parsed(facts.authorizer.as_deref()),
        parsed(facts.iam_identity.as_deref()),
        parsed(certificate),
    ]
}

#[test]
fn ordinary_events_say_nothing_of_the_caller() {
    for payload in [HTTP_GET, URL_GET, REST_GET, SINGLE_VALUE, MULTI_VALUE] {
        let facts = facts(payload);
        assert!(facts.authorizer.is_none() && facts.iam_identity.is_none() && facts.certificate.is_none());
    }
    for nothing in [json!(null), json!({})] {
        for payload in [HTTP_GET, URL_GET, REST_GET] {
            let payload = with(payload, "/requestContext/authorizer", nothing.clone());
            let payload = with(&payload, "/requestContext/authentication", nothing.clone());
            assert_eq!(lifted(&payload), [None, None, None], "{payload}");
        }
        let payload = with(REST_GET, "/requestContext/identity/clientCert", json!(null));
        assert_eq!(lifted(&payload), [None, None, None]);
    }
    let payload = with(
        HTTP_GET,
        "/requestContext/authentication",
        json!({ "clientCert": null }),
    );
    assert_eq!(lifted(&payload), [None, None, None]);
}

#[test]
fn what_stands_in_the_context_is_lifted_as_it_is() {
    let authorizer = json!({ "lambda": { "a": [1, {}], "b": "ä" } });
    let certificate = json!({ "clientCertPem": "x", "serialNumber": "1" });
    for payload in [HTTP_GET, URL_GET, REST_GET] {
        let [lifted, ..] = lifted(&with(payload, "/requestContext/authorizer", authorizer.clone()));
        assert_eq!(lifted, Some(authorizer.clone()));
    }
    let http = with(
        HTTP_GET,
        "/requestContext/authentication",
        json!({ "clientCert": certificate }),
    );
    assert_eq!(lifted(&http), [None, None, Some(certificate.clone())]);
    let rest = with(REST_GET, "/requestContext/identity/clientCert", certificate.clone());
    assert_eq!(lifted(&rest), [None, None, Some(certificate)]);
    let signed = with(REST_GET, "/requestContext/identity/userArn", json!("arn"));
    let [authorizer, identity, certificate] = lifted(&signed);
    assert_eq!(identity.unwrap()["userArn"], "arn");
    assert_eq!((authorizer, certificate), (None, None));
}

#[test]
fn what_is_malformed_is_there_for_the_method_to_refuse_and_costs_no_other_request_anything() {
    for odd in [json!(7), json!("x"), json!([]), json!(false)] {
        for payload in [HTTP_GET, REST_GET] {
            let [authorizer, ..] = lifted(&with(payload, "/requestContext/authorizer", odd.clone()));
            assert_eq!(authorizer, Some(odd.clone()));
        }
        let payload = with(HTTP_GET, "/requestContext/authentication", odd.clone());
        assert_eq!(lifted(&payload), [None, None, Some(odd.clone())]);
        let payload = with(HTTP_GET, "/requestContext/authentication", json!({ "clientCert": odd }));
        assert_eq!(lifted(&payload), [None, None, Some(odd.clone())]);
        let payload = with(REST_GET, "/requestContext/identity/clientCert", odd.clone());
        assert_eq!(lifted(&payload), [None, None, Some(odd)]);
    }
    assert_eq!(
        refused(&with(REST_GET, "/requestContext/identity", json!(7))),
        "The event's `requestContext.identity` is not an object."
    );
}

#[test]
fn each_kind_has_its_own_places_and_no_other() {
    let certificate = json!({ "clientCertPem": "x" });
    let identity = json!({ "userArn": "arn", "clientCert": certificate });
    let authentication = json!({ "clientCert": certificate });
    for (payload, places) in [
        (
            HTTP_GET,
            vec![
                ("/requestContext/identity", &identity),
                ("/authentication", &authentication),
            ],
        ),
        // No Function URL ends mutual TLS.
        (
            URL_GET,
            vec![
                ("/requestContext/identity", &identity),
                ("/requestContext/authentication", &authentication),
            ],
        ),
        (
            REST_GET,
            vec![
                ("/requestContext/authentication", &authentication),
                ("/identity", &identity),
            ],
        ),
        (
            SINGLE_VALUE,
            vec![
                ("/requestContext/authentication", &authentication),
                ("/requestContext/identity", &identity),
                ("/requestContext/authorizer", &identity),
            ],
        ),
    ] {
        for (pointer, value) in places {
            assert_eq!(
                lifted(&with(payload, pointer, value.clone())),
                [None, None, None],
                "{pointer}"
            );
        }
    }
}

/// The headers of a load balancer, and whether there was TLS.
fn of_balancer(payload: &str) -> Option<(Vec<String>, bool)> {
    let facts = facts(payload);
    match facts.certificate.as_deref() {
        None => None,
        Some(PresentedCertificate::LoadBalancer(said)) => {
            let line =
                |(name, value): (&http::HeaderName, &http::HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
            Some((said.headers.iter().map(line).collect(), said.https))
        }
        Some(PresentedCertificate::ApiGateway(json)) => panic!("{json}"),
    }
}

const SPELLINGS: [&str; 6] = [
    "X-Amzn-Mtls-Clientcert-Leaf",
    "x-amzn-mtls-clientcert-leaf",
    "X-AMZN-MTLS-CLIENTCERT-LEAF",
    "X_Amzn_Mtls_Clientcert_Leaf",
    "x-amzn-mtls_clientcert-leaf",
    "x.amzn.mtls.clientcert.leaf",
];

#[test]
fn a_load_balancers_headers_are_lifted_each_with_its_repeats() {
    let multi = with(
        MULTI_VALUE,
        "/multiValueHeaders/x-amzn-mtls-clientcert-leaf",
        json!(["a", "b"]),
    );
    let multi = with(&multi, "/multiValueHeaders/X-Amzn-Mtls-Clientcert", json!(["c"]));
    let (mut lines, https) = of_balancer(&multi).unwrap();
    lines.sort();
    assert!(https);
    assert_eq!(
        lines,
        [
            "x-amzn-mtls-clientcert-leaf: a",
            "x-amzn-mtls-clientcert-leaf: b",
            "x-amzn-mtls-clientcert: c"
        ]
    );
    let single = with(SINGLE_VALUE, "/headers/x-amzn-mtls-clientcert-leaf", json!("a"));
    assert_eq!(
        of_balancer(&single),
        Some((vec!["x-amzn-mtls-clientcert-leaf: a".into()], false))
    );
    // Two spellings in case are one name; any other spelling is no load balancer's.
    let cases = with(&single, "/headers/X-Amzn-Mtls-Clientcert-Leaf", json!("b"));
    assert_eq!(of_balancer(&cases).unwrap().0.len(), 2);
    for spelling in &SPELLINGS[3..] {
        assert_eq!(
            of_balancer(&with(SINGLE_VALUE, &format!("/headers/{spelling}"), json!("a"))),
            None,
            "{spelling}"
        );
    }
}

#[test]
fn nobody_else_has_a_certificate_in_headers() {
    for spelling in SPELLINGS {
        for payload in [HTTP_GET, URL_GET, REST_GET] {
            let payload = with(payload, &format!("/headers/{spelling}"), json!("a"));
            assert_eq!(lifted(&payload), [None, None, None], "{spelling}");
        }
        let payload = with(REST_GET, &format!("/multiValueHeaders/{spelling}"), json!(["a"]));
        assert_eq!(lifted(&payload), [None, None, None], "{spelling}");
    }
}

#[test]
fn debug_output_tells_what_there_is_but_not_what_it_says() {
    let payload = with(
        HTTP_GET,
        "/requestContext/authorizer",
        json!({ "lambda": { "token": "s3cret" } }),
    );
    let shown = format!("{:?}", request(&payload).unwrap());
    assert!(
        shown.contains("authorizer: true") && !shown.contains("s3cret"),
        "{shown}"
    );
}
