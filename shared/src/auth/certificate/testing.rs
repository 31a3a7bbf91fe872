//! What the tests of this module share: certificates of OpenSSL's making, and a writer for those that no tool makes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{CertificateRules, CertificateSource};
use crate::clock::Timestamp;
use crate::event::EventKind;
use crate::request::{BalancerHeaders, PlatformFacts, PresentedCertificate};

/// Version 3, 2025 to 2035, with alternative names of six kinds. Made with `openssl ca`.
pub(super) const CLIENT: &str = include_str!("testdata/client.test-only.pem");
/// All that has to be escaped in a name, and an end after 2050.
pub(super) const ODD_NAMES: &str = include_str!("testdata/odd-names.test-only.pem");
/// Version 1, which `openssl ca` makes of a request without extensions.
pub(super) const V1: &str = include_str!("testdata/v1.test-only.pem");

pub(super) const CLIENT_SERIAL: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f901234aa";
/// 2025-01-01T00:00:00Z, when all of these begin to hold.
pub(super) const NOT_BEFORE: u64 = 1_735_689_600;
/// 2035-01-01T00:00:00Z.
pub(super) const NOT_AFTER: u64 = 2_051_222_400;

/// In the middle of it.
pub(super) fn now() -> Timestamp {
    Timestamp::from_secs(2_000_000_000)
}

/// A method without rules.
pub(super) fn rules(from: CertificateSource) -> CertificateRules {
    CertificateRules {
        from,
        subject: None,
        issuer: None,
        san: None,
        serial: None,
        revoked_serials: Vec::new(),
    }
}

/// As API Gateway has a certificate in an event of this kind.
pub(super) fn api_gateway(door: EventKind, client_cert: &Value) -> PlatformFacts {
    PlatformFacts {
        certificate: Some(Box::new(PresentedCertificate::ApiGateway(
            client_cert.to_string().into(),
        ))),
        ..PlatformFacts::none(door)
    }
}

/// An HTTP API's `clientCert` of this PEM.
pub(super) fn http(pem: &str) -> PlatformFacts {
    api_gateway(EventKind::Http, &json!({ "clientCertPem": pem }))
}

/// A load balancer's headers, given without `x-amzn-mtls-clientcert`.
pub(super) fn alb(headers: &[(&str, &str)]) -> PlatformFacts {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = format!("x-amzn-mtls-clientcert{name}").parse().unwrap();
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    let said = BalancerHeaders {
        headers: map,
        https: true,
    };
    PlatformFacts {
        certificate: Some(Box::new(PresentedCertificate::LoadBalancer(said))),
        ..PlatformFacts::none(EventKind::Alb)
    }
}

/// As a load balancer encodes a PEM, "with `+=/` as safe characters".
pub(super) fn url_encoded(pem: &str) -> String {
    const ALB: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC
        .remove(b'+')
        .remove(b'=')
        .remove(b'/')
        .remove(b'-')
        .remove(b'.');
    utf8_percent_encode(pem, ALB).to_string()
}

pub(super) fn pem(der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<&str> = base64
        .as_bytes()
        .chunks(64)
        .map(|line| str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

pub(super) const UTF8: u8 = 0x0c;
pub(super) const PRINTABLE: u8 = 0x13;
pub(super) const TELETEX: u8 = 0x14;
pub(super) const IA5: u8 = 0x16;
pub(super) const BMP: u8 = 0x1e;

/// `2.5.4.3`, `2.5.4.10`, `2.5.4.42` (which has no name).
pub(super) const CN: &[u8] = &[0x55, 4, 3];
pub(super) const O: &[u8] = &[0x55, 4, 10];
pub(super) const GIVEN_NAME: &[u8] = &[0x55, 4, 42];

/// A value in DER: tag, length, content.
pub(super) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short @ 0..0x80) => out.push(short),
        Ok(long) => out.extend([0x81, long]),
        Err(_) => {
            out.push(0x82);
            out.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    out.extend(content);
    out
}

pub(super) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub(super) fn attribute(id: &[u8], tag: u8, text: &[u8]) -> Vec<u8> {
    sequence(&[tlv(0x06, id), tlv(tag, text)])
}

/// A name of parts with one attribute each.
pub(super) fn name(attributes: &[Vec<u8>]) -> Vec<u8> {
    let parts: Vec<Vec<u8>> = attributes.iter().map(|attribute| tlv(0x31, attribute)).collect();
    sequence(&parts)
}

pub(super) fn common_name(text: &str) -> Vec<u8> {
    name(&[attribute(CN, UTF8, text.as_bytes())])
}

pub(super) fn extension(id: &[u8], value: &[u8]) -> Vec<u8> {
    sequence(&[tlv(0x06, id), tlv(0x04, value)])
}

/// The extension with these `GeneralName`s.
pub(super) fn san(names: &[Vec<u8>]) -> Vec<u8> {
    extension(&[0x55, 29, 17], &sequence(names))
}

/// The certificate's last field, with these extensions.
pub(super) fn extensions(list: &[Vec<u8>]) -> Vec<u8> {
    tlv(0xa3, &sequence(list))
}

/// A certificate field by field, each as DER. Its signature is none: nobody here looks at it.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) version: Vec<u8>,
    pub(super) serial: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    pub(super) not_before: Vec<u8>,
    pub(super) not_after: Vec<u8>,
    pub(super) subject: Vec<u8>,
    /// All that follows the public key.
    pub(super) rest: Vec<u8>,
}

impl Draft {
    pub(super) fn new() -> Self {
        Self {
            version: tlv(0xa0, &tlv(2, &[2])),
            serial: tlv(2, &[5]),
            issuer: common_name("ca"),
            not_before: tlv(0x17, b"250101000000Z"),
            not_after: tlv(0x17, b"350101000000Z"),
            subject: common_name("ann"),
            rest: Vec::new(),
        }
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(super) fn der(&self) -> Vec<u8> {
        let algorithm = sequence(&[tlv(0x06, &[0x2a, 0x03])]);
        let signed = sequence(&[
            self.version.clone(),
            self.serial.clone(),
            algorithm.clone(),
            self.issuer.clone(),
            sequence(&[self.not_before.clone(), self.not_after.clone()]),
            self.subject.clone(),
            sequence(&[algorithm.clone(), tlv(0x03, &[0, 1])]),
            self.rest.clone(),
        ]);
        sequence(&[signed, algorithm, tlv(0x03, &[0, 1])])
    }
}
