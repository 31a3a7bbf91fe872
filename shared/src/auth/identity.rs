//! A verified caller, and the headers by which upstreams learn who it is.

use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;

use super::claim_path::{ClaimPath, Claims};
use super::method::Method;
use crate::api_key::ApiKeyRecord;
use crate::config::Pointer;

/// By which method an upstream's caller was proven, where the config names its methods: two issuers may well know two
/// different people by one name.
const X_AUTH_METHOD: HeaderName = HeaderName::from_static("x-auth-method");

/// What cannot stand in a header as it is: all but visible ASCII, and `%` so that decoding gives back the claim.
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'%');
/// In an element of a list `,` ends the element.
const UNSAFE_IN_LIST: &AsciiSet = &UNSAFE.add(b',');
/// From 2^53 on a floating-point number stands for several integers.
const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;

/// A verified caller.
#[derive(Clone, Debug)]
pub struct Identity {
    first: Proof,
    /// With `all_of`.
    others: Vec<Proof>,
}

/// What one method has proven.
#[derive(Clone, Debug)]
pub struct Proof {
    /// What the credential says.
    pub claims: Arc<Claims>,
    /// How it was verified, which says what upstreams get to know.
    pub method: Arc<Method>,
    /// The API key, where it is one.
    pub api_key: Option<Arc<ApiKeyRecord>>,
}

impl Identity {
    /// Of what was proven, in the config's order. `None` of nothing.
    pub fn of(proofs: Vec<Proof>) -> Option<Self> {
        let mut proofs = proofs.into_iter();
        let first = proofs.next()?;
        Some(Self {
            first,
            others: proofs.collect(),
        })
    }

    /// The place in the config of the method that proved it, of several the first.
    pub fn proven_by(&self) -> &Pointer {
        &self.first.method.pointer
    }

    /// What was proven, in the config's order; at least one.
    pub fn proofs(&self) -> impl Iterator<Item = &Proof> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// A claim, of the first proof that has it.
    pub fn claim(&self, path: &ClaimPath) -> Option<&Value> {
        self.proofs().find_map(|proof| path.find(&proof.claims))
    }

    /// The API key by which the caller was proven, if one was.
    pub fn api_key(&self) -> Option<&ApiKeyRecord> {
        self.proofs().find_map(|proof| proof.api_key.as_deref())
    }

    /// `sub`, and by whose word: `iss`, or where the credential has none the method's name or type. Of the first proof
    /// that has a `sub`.
    pub(crate) fn user(&self) -> Option<(Cow<'_, str>, String)> {
        self.proofs().find_map(|proof| {
            let sub = proof.claims.get("sub").and_then(claim_text)?;
            let method = &proof.method;
            let by = match proof.claims.get("iss").and_then(Value::as_str) {
                Some(issuer) => issuer.into(),
                None => method.name.as_deref().unwrap_or(method.kind.type_name()).into(),
            };
            Some((by, sub))
        })
    }

    /// The names of the methods that proved it, joined with `,`; `None` where the config has but one, without a name.
    pub fn method_names(&self) -> Option<String> {
        let names: Vec<&str> = self.proofs().filter_map(|proof| proof.method.name.as_deref()).collect();
        (!names.is_empty()).then(|| names.join(","))
    }

    /// The same for those who always need a name: without one the type, `jwt`.
    pub fn method_names_or_types(&self) -> String {
        self.method_names()
            .unwrap_or_else(|| self.first.method.kind.type_name().to_owned())
    }

    /// What the caller was granted, by any proof.
    pub fn scopes(&self) -> Vec<&str> {
        self.proofs().flat_map(|proof| granted_scopes(&proof.claims)).collect()
    }

    /// Sets the identity headers.
    ///
    /// A claim that is a string, number or boolean becomes its text, a list of those its elements joined with `,`;
    /// all that is not visible ASCII, and `%`, is percent-encoded (in a list `,` too). Objects, null, lists with
    /// either in them, and empty text set nothing. A mapped header that is there already is replaced or removed; where
    /// two proofs set one, the first that has something to say does.
    pub fn stamp(&self, headers: &mut HeaderMap) {
        let mappings = || self.proofs().flat_map(|proof| &proof.method.claims_to_headers);
        for mapping in mappings() {
            headers.remove(&mapping.header);
        }
        for proof in self.proofs() {
            for mapping in &proof.method.claims_to_headers {
                if headers.contains_key(&mapping.header) {
                    continue;
                }
                let text = mapping.claim.find(&proof.claims).and_then(header_text);
                // The encoding leaves nothing that a header value could refuse.
                if let Some(value) = text.and_then(|text| HeaderValue::from_str(&text).ok()) {
                    headers.insert(mapping.header.clone(), value);
                }
            }
        }
        if let Some(name) = self.method_names().and_then(|names| HeaderValue::try_from(names).ok()) {
            headers.insert(X_AUTH_METHOD, name);
        }
    }
}

/// What claims grant: `scope` is a list with spaces between (RFC 8693 section 4.2), `scp` the same under another name or a
/// list. `scp` counts only where there is no `scope`.
fn granted_scopes(claims: &Claims) -> Vec<&str> {
    match claims.get("scope").or_else(|| claims.get("scp")) {
        Some(Value::String(text)) => text.split(' ').filter(|scope| !scope.is_empty()).collect(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A claim as text, as it is: a string, number or boolean that is not empty. For limit keys.
pub(crate) fn claim_text(claim: &Value) -> Option<String> {
    scalar(claim).filter(|text| !text.is_empty())
}

/// A claim as [`Identity::stamp`] writes it.
pub(crate) fn header_text(claim: &Value) -> Option<String> {
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
