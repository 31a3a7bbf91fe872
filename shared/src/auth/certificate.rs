//! `type: client_certificate`: who a client certificate is for.
//!
//! The platform ends mutual TLS: that the client holds the certificate's key, and that somebody trusted issued it, is
//! the front door's word. What the certificate says is read from the certificate itself, in one form whatever the
//! front door makes of it, and must pass the method's rules.

mod name;
mod pem;
mod serial;
mod x509;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::slice;

use serde_json::Value;

use super::claim_path::Claims;
use super::json;
use super::refusal::Refusal;
use crate::clock::Timestamp;
use crate::event::EventKind;
use crate::hex;
use crate::request::{BalancerHeaders, PlatformFacts, PresentedCertificate};
use crate::sha256::sha256;
pub use x509::{Leaf, Unreadable};

/// The certificate, in verify mode.
const LEAF: &str = "x-amzn-mtls-clientcert-leaf";
/// Its serial number, in verify mode.
const SERIAL: &str = "x-amzn-mtls-clientcert-serial-number";
/// The client's whole chain, which nobody looked at.
const PASSED_THROUGH: &str = "x-amzn-mtls-clientcert";

/// Whose word counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// `api_gateway`: a custom domain of an HTTP or REST API with mutual TLS.
    ApiGateway,
    /// `alb_verify`: a load balancer's listener in verify mode.
    AlbVerify,
}

/// A `client_certificate` method. Of each list that is given, one entry must match exactly; all given lists must hold.
#[derive(Clone, Debug)]
pub struct CertificateRules {
    /// `from`.
    pub from: CertificateSource,
    /// `subject`: distinguished names (RFC 4514).
    pub subject: Option<Vec<String>>,
    /// `issuer`: the same.
    pub issuer: Option<Vec<String>>,
    /// `san`: `DNS:...`, `URI:...`, `email:...`, `IP:...`.
    pub san: Option<Vec<String>>,
    /// `serial`: as [`serial_number`] writes them.
    pub serial: Option<Vec<String>>,
    /// `revoked_serials`: the same. None of them may be the certificate's.
    pub revoked_serials: Vec<String>,
}

/// A serial number as claims and rules have it: hexadecimal, in lower case, without separators or leading zeros.
/// `None` for a text that is no hexadecimal number; `:` may stand between its digits.
pub fn serial_number(text: &str) -> Option<String> {
    serial::read(text)
}

/// The one certificate in a PEM text, as DER.
///
/// # Errors
/// A clause for people: what is wrong with the text.
pub fn der_of_pem(text: &str) -> Result<Vec<u8>, &'static str> {
    pem::decode(text)
}

/// A certificate as it came.
struct Presented {
    der: Vec<u8>,
    /// The serial number that the front door says it has, in each way to read what is said; `None` where nothing is.
    serials: Option<Vec<String>>,
}

impl CertificateRules {
    /// Whether there is a certificate, right or wrong, from the front door that `from` names.
    pub fn is_presented(&self, facts: &PlatformFacts) -> bool {
        self.presented(facts).is_some()
    }

    /// What the certificate says of the caller; `None` where there is none.
    ///
    /// # Errors
    /// A certificate that cannot be read, does not hold at `now`, or fails a rule.
    pub fn verify(&self, facts: &PlatformFacts, now: Timestamp) -> Result<Option<Claims>, Refusal> {
        let Some(presented) = self.presented(facts) else {
            return Ok(None);
        };
        let presented = match presented {
            PresentedCertificate::ApiGateway(json) => of_api_gateway(json)?,
            PresentedCertificate::LoadBalancer(said) => of_load_balancer(said)?,
        };
        let leaf = Leaf::read(&presented.der).map_err(|why| Refusal::invalid(why.why()))?;
        if presented.serials.is_some_and(|serials| !serials.contains(&leaf.serial)) {
            return Err(Refusal::invalid(
                "the front door names another serial number than the certificate",
            ));
        }
        holds(&leaf, now)?;
        self.check(&leaf)?;
        claims(leaf, &presented.der).map(Some)
    }

    /// The certificate, if the front door is the one that `from` names: what any other says is not believed.
    fn presented<'f>(&self, facts: &'f PlatformFacts) -> Option<&'f PresentedCertificate> {
        let is_believed = match self.from {
            CertificateSource::ApiGateway => matches!(facts.door, EventKind::Http | EventKind::Rest),
            CertificateSource::AlbVerify => facts.door == EventKind::Alb,
        };
        facts.certificate.as_deref().filter(|_| is_believed)
    }

    fn check(&self, leaf: &Leaf) -> Result<(), Refusal> {
        if self.revoked_serials.contains(&leaf.serial) {
            return Err(Refusal::of(
                "revoked_serials",
                "the certificate's serial number is revoked",
            ));
        }
        one_of("subject", &self.subject, slice::from_ref(&leaf.subject))?;
        one_of("issuer", &self.issuer, slice::from_ref(&leaf.issuer))?;
        one_of("serial", &self.serial, slice::from_ref(&leaf.serial))?;
        one_of("san", &self.san, &leaf.san)
    }
}

fn one_of(key: &'static str, wanted: &Option<Vec<String>>, found: &[String]) -> Result<(), Refusal> {
    match wanted {
        Some(wanted) if !found.iter().any(|found| wanted.contains(found)) => Err(Refusal::of(
            key,
            format!("the certificate's {key} is none of {wanted:?}"),
        )),
        _ => Ok(()),
    }
}

/// Both ends belong to the time in which a certificate holds (RFC 5280 section 4.1.2.5). No skew: the front door checked
/// with a clock of its own, but a load balancer can be told to ignore that one has expired.
fn holds(leaf: &Leaf, now: Timestamp) -> Result<(), Refusal> {
    let now = now.secs();
    if now < leaf.not_before {
        let seconds = leaf.not_before - now;
        return Err(Refusal::invalid(format!("the certificate holds only in {seconds} s")));
    }
    if now > leaf.not_after {
        let seconds = now - leaf.not_after;
        return Err(Refusal::invalid(format!("the certificate expired {seconds} s ago")));
    }
    Ok(())
}

fn claims(leaf: Leaf, der: &[u8]) -> Result<Claims, Refusal> {
    let sub = match (&*leaf.subject, &leaf.san[..]) {
        // "If the subject field contains an empty sequence, [...] the subjectAltName extension" says who it is (section
        // 4.1.2.6). Of several names none would be the caller's.
        ("", [only]) => only,
        ("", _) => {
            return Err(Refusal::invalid(
                "the certificate has no subject, and not one alternative name",
            ));
        }
        (subject, _) => subject,
    };
    let mut claims = Claims::new();
    claims.insert("sub".into(), sub.into());
    if !leaf.subject.is_empty() {
        claims.insert("subject".into(), leaf.subject.into());
    }
    claims.insert("issuer".into(), leaf.issuer.into());
    claims.insert("serial".into(), leaf.serial.into());
    if !leaf.san.is_empty() {
        claims.insert("san".into(), leaf.san.into());
    }
    claims.insert("not_before".into(), leaf.not_before.into());
    claims.insert("not_after".into(), leaf.not_after.into());
    claims.insert("fingerprint".into(), hex::of(&sha256(der)).into());
    Ok(claims)
}

/// `clientCert` in the event
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>).
fn of_api_gateway(json: &str) -> Result<Presented, Refusal> {
    let members = json::object(json.as_bytes()).ok_or_else(|| Refusal::invalid("clientCert is not an object"))?;
    let pem = members.get("clientCertPem").and_then(Value::as_str);
    let pem = pem.ok_or_else(|| Refusal::invalid("clientCertPem is not a string"))?;
    let serials = match members.get("serialNumber") {
        None | Some(Value::Null) => None,
        // The guide shows `a1:a1:...`, but nowhere says that small numbers are hexadecimal, too.
        Some(Value::String(said)) => Some(
            serial::read(said)
                .into_iter()
                .chain(serial::read_decimal(said))
                .collect(),
        ),
        Some(_) => return Err(Refusal::invalid("clientCert.serialNumber is not a string")),
    };
    Ok(Presented {
        der: pem::decode(pem).map_err(Refusal::invalid)?,
        serials,
    })
}

/// The headers of a load balancer
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/mutual-authentication.html>).
fn of_load_balancer(said: &BalancerHeaders) -> Result<Presented, Refusal> {
    if !said.https {
        let why = "the client did not speak TLS to the load balancer: the certificate's headers are its own";
        return Err(Refusal::of("from", why));
    }
    // The load balancer writes each once. Of two one is somebody else's.
    if said.headers.len() > said.headers.keys_len() {
        return Err(Refusal::of("from", "a header about the certificate is there twice"));
    }
    if said.headers.contains_key(PASSED_THROUGH) {
        let why = "the load balancer passes certificates through unverified: its listener must be in verify mode";
        return Err(Refusal::of("from", why));
    }
    let Some(leaf) = said.headers.get(LEAF) else {
        return Err(Refusal::of("from", format!("there is no header {LEAF}")));
    };
    let serials = said.headers.get(SERIAL).map(|serial| {
        let text = serial.to_str().ok();
        text.and_then(serial::read).into_iter().collect()
    });
    Ok(Presented {
        der: pem::decode_url_encoded(leaf.as_bytes()).map_err(Refusal::invalid)?,
        serials,
    })
}
