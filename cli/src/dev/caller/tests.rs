use std::collections::BTreeMap;
use std::path::PathBuf;

use tollgate::auth::certificate::{CertificateRules, CertificateSource};
use tollgate::auth::platform::{self, PlatformSource};
use tollgate::event::Event;
use tollgate::request::PlatformFacts;

use super::*;
use crate::args::tests::dev;

const ALB: Door = Door::Alb { multi_value: false };
const ALB_MULTI: Door = Door::Alb { multi_value: true };
/// 2030, when the certificate holds.
const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

/// One of the library's test certificates.
fn client() -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/src/auth/certificate/testdata");
    Path::new(folder).join("client.test-only.pem")
}

fn asked(line: &[&str]) -> Result<Caller, String> {
    let line: Vec<&str> = ["tollgate"].into_iter().chain(line.iter().copied()).collect();
    let options = dev(&line);
    Caller::of(&options, Door::of(&options).unwrap()).map_err(|failure| failure.to_string())
}

fn with_certificate() -> Caller {
    Caller {
        certificate: Some(certificate(&client()).unwrap()),
        authorizer: None,
    }
}

/// A bare event of this kind, with what a client wrote into headers.
fn event(door: Door) -> Value {
    let leaf = "x-amzn-mtls-clientcert-leaf";
    match door {
        Door::Http | Door::Url => json!({
            "version": "2.0", "rawPath": "/", "headers": { leaf: "theirs" },
            "requestContext": { "http": { "method": "GET", "sourceIp": "192.0.2.7" } },
        }),
        Door::Rest => json!({
            "path": "/", "httpMethod": "GET", "headers": { leaf: "theirs" },
            "requestContext": { "identity": { "sourceIp": "192.0.2.7" } },
        }),
        Door::Alb { multi_value: false } => json!({
            "path": "/", "httpMethod": "GET", "requestContext": { "elb": {} },
            "headers": { "x-forwarded-proto": "http", leaf: "theirs", "x-amzn-mtls-clientcert": "theirs" },
        }),
        Door::Alb { multi_value: true } => json!({
            "path": "/", "httpMethod": "GET", "requestContext": { "elb": {} },
            "multiValueHeaders": { "x-forwarded-proto": ["http"], leaf: ["a", "b"] },
        }),
    }
}

/// What the gateway lifts out of it.
fn read(caller: &Caller, door: Door) -> PlatformFacts {
    let mut event = event(door);
    caller.put_into(door, &mut event);
    let read = Event::read(&event.to_string(), Some(door.kind())).unwrap();
    read.request(&[])
        .unwrap_or_else(|error| panic!("{error:?}: {event}"))
        .platform
}

fn rules(door: Door) -> CertificateRules {
    CertificateRules {
        from: match door {
            Door::Alb { .. } => CertificateSource::AlbVerify,
            _ => CertificateSource::ApiGateway,
        },
        subject: None,
        issuer: None,
        san: None,
        serial: None,
        revoked_serials: Vec::new(),
    }
}

#[test]
fn the_gateway_finds_the_certificate_behind_every_front_door_that_takes_one() {
    for door in [Door::Http, Door::Rest, ALB, ALB_MULTI] {
        let claims = rules(door).verify(&read(&with_certificate(), door), NOW);
        let claims = claims
            .unwrap_or_else(|refused| panic!("{door:?}: {refused:?}"))
            .unwrap();
        assert_eq!(claims["serial"], "a1b2c3d4e5f60718293a4b5c6d7e8f901234aa", "{door:?}");
    }
}

#[test]
fn without_the_option_nobody_has_one() {
    for door in [Door::Http, Door::Rest, Door::Url] {
        assert!(!rules(door).is_presented(&read(&Caller::default(), door)), "{door:?}");
    }
    // What a client writes for itself is refused: it did not speak TLS.
    for door in [ALB, ALB_MULTI] {
        assert!(
            rules(door).verify(&read(&Caller::default(), door), NOW).is_err(),
            "{door:?}"
        );
    }
}

#[test]
fn as_each_service_writes_it() {
    let caller = with_certificate();
    let mut http = event(Door::Http);
    caller.put_into(Door::Http, &mut http);
    let pem = std::fs::read_to_string(client()).unwrap();
    assert_eq!(
        http["requestContext"]["authentication"]["clientCert"],
        json!({
            "clientCertPem": pem,
            "issuerDN": "CN=Example Devices CA,O=Example Devices,C=DE",
            "serialNumber": "a1:b2:c3:d4:e5:f6:07:18:29:3a:4b:5c:6d:7e:8f:90:12:34:aa",
            "subjectDN": "CN=sensor-17,OU=Sensors,O=Example Devices,L=Berlin,ST=Berlin,C=DE",
            "validity": { "notAfter": "Jan  1 00:00:00 2035 GMT", "notBefore": "Jan  1 00:00:00 2025 GMT" },
        })
    );
    let mut alb = event(ALB);
    caller.put_into(ALB, &mut alb);
    let headers: BTreeMap<String, String> = serde_json::from_value(alb["headers"].clone()).unwrap();
    let leaf = &headers["x-amzn-mtls-clientcert-leaf"];
    assert!(
        leaf.starts_with("-----BEGIN%20CERTIFICATE-----%0AMII") && leaf.ends_with("-----END%20CERTIFICATE-----%0A")
    );
    let rest: Vec<(&str, &str)> = headers.iter().map(|(name, text)| (&**name, &**text)).collect();
    assert_eq!(
        rest,
        [
            (
                "x-amzn-mtls-clientcert-issuer",
                "CN=Example Devices CA,O=Example Devices,C=DE"
            ),
            ("x-amzn-mtls-clientcert-leaf", leaf),
            (
                "x-amzn-mtls-clientcert-serial-number",
                "A1B2C3D4E5F60718293A4B5C6D7E8F901234AA"
            ),
            (
                "x-amzn-mtls-clientcert-subject",
                "CN=sensor-17,OU=Sensors,O=Example Devices,L=Berlin,ST=Berlin,C=DE"
            ),
            (
                "x-amzn-mtls-clientcert-validity",
                "NotBefore=2025-01-01T00:00:00Z;NotAfter=2035-01-01T00:00:00Z"
            ),
            ("x-forwarded-proto", "https"),
        ]
    );
}

#[test]
fn a_short_serial_number_has_whole_bytes() {
    let mut certificate = certificate(&client()).unwrap();
    certificate.leaf.serial = "3a5b1".to_owned();
    assert_eq!(certificate.serial_bytes(), ["03", "a5", "b1"]);
}

#[test]
fn the_gateway_finds_the_authorizers_result() {
    let caller = Caller {
        certificate: None,
        authorizer: Some(json!({ "lambda": { "sub": "ann" }, "principalId": "ann" })),
    };
    for door in [Door::Http, Door::Rest] {
        let claims = platform::claims(PlatformSource::Lambda, &read(&caller, door)).unwrap();
        assert_eq!(claims.unwrap()["sub"], "ann", "{door:?}");
    }
}

#[test]
fn what_a_service_does_not_have_is_refused() {
    let file = client();
    let file = file.to_str().unwrap();
    for kind in ["http", "rest", "alb"] {
        assert!(
            asked(&["--event", kind, "--client-certificate", file]).is_ok(),
            "{kind}"
        );
    }
    let refused = asked(&["--event", "url", "--client-certificate", file]).unwrap_err();
    assert!(
        refused.contains("a Function URL takes no client certificates"),
        "{refused}"
    );
    let refused = asked(&["--event", "alb", "--authorizer", file]).unwrap_err();
    assert!(refused.contains("a load balancer has no authorizers"), "{refused}");
}

#[test]
fn files_that_are_wrong_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let written = |text: &str| {
        let path = folder.path().join("file");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let pem = std::fs::read_to_string(client()).unwrap();
    for (option, text, why) in [
        ("--client-certificate", "", "the certificate is not one PEM block"),
        (
            "--client-certificate",
            &format!("{pem}{pem}"),
            "there is more than one certificate",
        ),
        (
            "--client-certificate",
            &pem.replacen("MII", "MIJ", 1),
            "the certificate is not DER",
        ),
        ("--authorizer", "[]", "it must be a JSON object"),
        ("--authorizer", "{", "EOF"),
    ] {
        let file = written(text);
        let refused = asked(&[option, &file]).unwrap_err();
        assert!(
            refused.starts_with(&format!("{option} {file}: ")) && refused.contains(why),
            "{refused}"
        );
    }
    let refused = asked(&["--authorizer", "/nonexistent/file"]).unwrap_err();
    assert!(refused.contains("/nonexistent/file"), "{refused}");
}
