//! What the front door says of every caller: the certificate of `--client-certificate`, the result of `--authorizer`.
//!
//! Locally nobody shows a certificate or passes an authorizer; these stand in for both, in the form of each service.

use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use tollgate::auth::certificate::{Leaf, der_of_pem};
use tollgate::clock::Timestamp;

use crate::args::DevOptions;
use crate::dev::calendar;
use crate::dev::door::Door;
use crate::dev::event::ACCOUNT;
use crate::exit::Failure;

#[cfg(test)]
mod tests;

/// What a load balancer leaves as it is: "URL-encoded PEM format [...] with `+=/` as safe characters", and the dashes of
/// its example.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'+').remove(b'=').remove(b'/').remove(b'-');
/// How the names of all its headers about a certificate begin.
const MTLS_HEADERS: &str = "x-amzn-mtls-clientcert";

/// What one kind of front door adds to each of its events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller {
    certificate: Option<Certificate>,
    authorizer: Option<Value>,
}

#[derive(Clone, Debug)]
struct Certificate {
    pem: String,
    leaf: Leaf,
}

impl Caller {
    /// The one that was asked for.
    pub(crate) fn of(options: &DevOptions, door: Door) -> Result<Self, Failure> {
        if options.client_certificate.is_some() && door == Door::Url {
            return Err(Failure::usage(
                "a Function URL takes no client certificates; use --client-certificate with --event http, rest or alb",
            ));
        }
        if options.authorizer.is_some() && matches!(door, Door::Alb { .. }) {
            return Err(Failure::usage(
                "a load balancer has no authorizers; use --authorizer with --event http, rest or url",
            ));
        }
        Ok(Self {
            certificate: options.client_certificate.as_deref().map(certificate).transpose()?,
            authorizer: options.authorizer.as_deref().map(authorizer).transpose()?,
        })
    }

    /// The one principal of the local admin API, as IAM authorization of an HTTP API names a user.
    pub(crate) fn administrator() -> Self {
        let user = "AIDALOCALADMIN";
        Self {
            certificate: None,
            authorizer: Some(json!({ "iam": {
                "accessKey": "AKIALOCALADMIN",
                "accountId": ACCOUNT,
                "callerId": user,
                "cognitoIdentity": null,
                "principalOrgId": null,
                "userArn": format!("arn:aws:iam::{ACCOUNT}:user/local-admin"),
                "userId": user,
            } })),
        }
    }

    /// Puts it where this front door has it. Of a certificate in headers, nothing that a client wrote is left.
    pub(crate) fn put_into(&self, door: Door, event: &mut Value) {
        let context = &mut event["requestContext"];
        if let Some(authorizer) = &self.authorizer {
            context["authorizer"] = authorizer.clone();
        }
        let Some(certificate) = &self.certificate else { return };
        match door {
            Door::Http | Door::Url => context["authentication"] = json!({ "clientCert": certificate.client_cert() }),
            Door::Rest => context["identity"]["clientCert"] = certificate.client_cert(),
            Door::Alb { multi_value: false } => certificate.put_into(event["headers"].as_object_mut(), Value::from),
            Door::Alb { multi_value: true } => {
                certificate.put_into(event["multiValueHeaders"].as_object_mut(), |text| json!([text]));
            }
        }
    }
}

fn certificate(file: &Path) -> Result<Certificate, Failure> {
    given("--client-certificate", file, |text| {
        let der = der_of_pem(text)?;
        let leaf = Leaf::read(&der).map_err(|why| why.to_string())?;
        let pem = format!("{}\n", text.trim_end());
        Ok(Certificate { pem, leaf })
    })
}

fn authorizer(file: &Path) -> Result<Value, Failure> {
    given("--authorizer", file, |text| match serde_json::from_str(text) {
        Ok(authorizer @ Value::Object(_)) => Ok(authorizer),
        Ok(_) => Err("it must be a JSON object, as `requestContext.authorizer` is".to_owned()),
        Err(error) => Err(error.to_string()),
    })
}

/// What the file of an option says.
fn given<T>(option: &str, file: &Path, read: impl FnOnce(&str) -> Result<T, String>) -> Result<T, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string());
    let value = text.and_then(|text| read(&text));
    value.map_err(|why| Failure::usage(format!("{option} {}: {why}", file.display())))
}

impl Certificate {
    /// As API Gateway has it. In which order the parts of a name stand, its guides show in both ways.
    fn client_cert(&self) -> Value {
        json!({
            "clientCertPem": self.pem,
            "issuerDN": self.leaf.issuer,
            "serialNumber": self.serial_bytes().join(":"),
            "subjectDN": self.leaf.subject,
            "validity": {
                "notAfter": calendar::openssl(Timestamp::from_secs(self.leaf.not_after)),
                "notBefore": calendar::openssl(Timestamp::from_secs(self.leaf.not_before)),
            },
        })
    }

    /// As a load balancer's listener in verify mode has it: in headers, which it writes itself, and behind TLS.
    fn put_into(&self, headers: Option<&mut Map<String, Value>>, value: impl Fn(String) -> Value) {
        let Some(headers) = headers else { return };
        headers.retain(|name, _| !name.starts_with(MTLS_HEADERS));
        headers.insert("x-forwarded-proto".to_owned(), value("https".to_owned()));
        let [not_before, not_after] =
            [self.leaf.not_before, self.leaf.not_after].map(|at| calendar::iso_8601(Timestamp::from_secs(at)));
        for (name, text) in [
            ("-issuer", self.leaf.issuer.clone()),
            ("-leaf", utf8_percent_encode(&self.pem, ENCODED).to_string()),
            ("-serial-number", self.serial_bytes().concat().to_uppercase()),
            ("-subject", self.leaf.subject.clone()),
            ("-validity", format!("NotBefore={not_before};NotAfter={not_after}")),
        ] {
            headers.insert(format!("{MTLS_HEADERS}{name}"), value(text));
        }
    }

    /// The serial number's bytes, two digits each.
    fn serial_bytes(&self) -> Vec<String> {
        let serial = &self.leaf.serial;
        let digits: Vec<char> = "0".repeat(serial.len() % 2).chars().chain(serial.chars()).collect();
        digits.chunks(2).map(|byte| byte.iter().collect()).collect()
    }
}
