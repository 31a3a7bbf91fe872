//! A verified caller, and the headers by which upstreams learn who it is.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Map, Value};

use super::JwtMethod;

/// What cannot stand in a header as it is: all but visible ASCII, and `%` so that decoding gives back the claim.
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'%');
/// In an element of a list `,` ends the element.
const UNSAFE_IN_LIST: &AsciiSet = &UNSAFE.add(b',');
/// From 2^53 on a floating-point number stands for several integers.
const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;

/// A verified caller.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The token's claims.
    pub claims: Arc<Map<String, Value>>,
    /// How they were verified, which says what upstreams get to know.
    pub method: Arc<JwtMethod>,
}

impl Identity {
    /// Sets the identity headers and takes the token away unless `forward_token`.
    ///
    /// A claim that is a string, number or boolean becomes its text, a list of those its elements joined with `,`;
    /// all that is not visible ASCII, and `%`, is percent-encoded (in a list `,` too). Objects, null, lists with
    /// either in them, and empty text set nothing. A mapped header that is there already is replaced or removed.
    pub fn stamp(&self, headers: &mut HeaderMap) {
        for mapping in &self.method.claims_to_headers {
            headers.remove(&mapping.header);
        }
        for mapping in &self.method.claims_to_headers {
            let text = self.text(&mapping.claim);
            // The encoding leaves nothing that a header value could refuse.
            if let Some(value) = text.and_then(|text| HeaderValue::from_str(&text).ok()) {
                headers.insert(mapping.header.clone(), value);
            }
        }
        if !self.method.forward_token {
            headers.remove(AUTHORIZATION);
        }
    }

    /// A claim as a header would have it; nothing for one that would set nothing.
    pub(crate) fn text(&self, claim: &str) -> Option<String> {
        self.claims.get(claim).and_then(header_text)
    }
}

/// A claim as text, as it is: a string, number or boolean that is not empty. For limit keys.
pub(crate) fn claim_text(claim: &Value) -> Option<String> {
    scalar(claim).filter(|text| !text.is_empty())
}

fn header_text(claim: &Value) -> Option<String> {
    let text = match claim {
        Value::Array(items) => {
            let encoded = |item| Some(utf8_percent_encode(&scalar(item)?, UNSAFE_IN_LIST).to_string());
            items.iter().map(encoded).collect::<Option<Vec<String>>>()?.join(",")
        }
        single => utf8_percent_encode(&scalar(single)?, UNSAFE).to_string(),
    };
    (!text.is_empty()).then_some(text)
}

fn scalar(claim: &Value) -> Option<String> {
    match claim {
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        // An integer too large to be read exactly would make one caller out of several.
        Value::Number(number) if number.is_f64() && number.as_f64().is_none_or(|f| f.abs() >= EXACT_BELOW) => None,
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests;
