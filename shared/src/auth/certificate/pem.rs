//! A certificate's armour: one PEM block (RFC 7468), in a header also URL-encoded.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode;

/// The longest text accepted, in bytes. A certificate with an RSA key of 8,192 bits, the largest that front doors take,
/// has about 4 KiB.
pub(super) const LONGEST: usize = 16 * 1024;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The DER of the one certificate in this text. The error is for the log.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, &'static str> {
    if text.len() > LONGEST {
        return Err("the certificate is longer than 16 KiB");
    }
    let body = text
        .trim_end_matches(['\r', '\n'])
        .strip_prefix(BEGIN)
        .and_then(|rest| rest.strip_suffix(END))
        .ok_or("the certificate is not one PEM block")?;
    if body.contains("-----") {
        return Err("there is more than one certificate");
    }
    let lines: String = body.split(['\r', '\n']).collect();
    STANDARD
        .decode(lines)
        .map_err(|_| "the certificate's PEM is not base64")
}

/// The same of a header's value. Load balancers leave `+` as it is: it is no blank.
pub(super) fn decode_url_encoded(value: &[u8]) -> Result<Vec<u8>, &'static str> {
    // An encoded byte takes three.
    if value.len() > 3 * LONGEST {
        return Err("the certificate is longer than 16 KiB");
    }
    let text = percent_decode(value);
    let text = text.decode_utf8().map_err(|_| "the certificate is not text")?;
    decode(&text)
}
