//! Decisions in API Gateway's terms: a principal, and a context of strings that integrations can rely on.

use std::collections::BTreeMap;

use crate::auth::{ClaimPath, Identity, header_text};
use crate::error::GatewayError;
use crate::event::authorizer::Ruling;

/// Principals that are no callers. The blank keeps them apart from those that are: in a claim it is written `%20`.
const PUBLIC: &str = "public route";
const UNNAMED: &str = "caller without sub";
const REFUSED: &str = "refused caller";

/// What API Gateway itself, or a refusal, puts beside the context's members: no claim takes their place.
const RESERVED: [&str; 3] = ["principalId", "integrationLatency", "error"];

/// The method of a request that needs none.
const NO_METHOD: &str = "none";

/// Nobody had to say who calls.
pub(super) fn public() -> Ruling {
    granted(PUBLIC.into(), NO_METHOD)
}

/// A caller who is known. The context has what proved it, `sub`, `scope`, and every claim that upstreams get as a
/// header, each as the header has it.
pub(super) fn verified(identity: &Identity) -> Ruling {
    let sub = identity.claim(&ClaimPath::of_name("sub")).and_then(header_text);
    let principal = sub.clone().unwrap_or_else(|| UNNAMED.into());
    let mut ruling = granted(principal, &identity.method_names_or_types());
    let scope = header_text(&identity.scopes().join(" ").into());
    let named = [("sub".to_owned(), sub), ("scope".to_owned(), scope)];
    let mapped = identity.proofs().flat_map(|proof| {
        let mappings = proof.method.claims_to_headers.iter();
        mappings.map(|mapping| {
            let text = mapping.claim.find(&proof.claims).and_then(header_text);
            (context_key(mapping.claim.as_str()), text)
        })
    });
    for (key, text) in named.into_iter().chain(mapped) {
        if let Some(text) = text.filter(|_| !RESERVED.contains(&key.as_str())) {
            // Of claims that come to one key, the first counts; so none stands in for another.
            ruling.context.entry(key).or_insert(text);
        }
    }
    ruling
}

/// With what every context has that allows: who calls, also where nobody is known. An API that maps it to a header so
/// overwrites whatever the client says there, on public routes, too.
fn granted(principal: String, method: &str) -> Ruling {
    let always = [("principal", principal.as_str()), ("method", method)];
    Ruling {
        allowed: true,
        context: always.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        principal,
    }
}

/// A request that may not go on, whoever sends it or whoever it is from. The context says the code, never the reason.
pub(super) fn refused(error: &GatewayError) -> Ruling {
    Ruling {
        allowed: false,
        principal: REFUSED.into(),
        context: BTreeMap::from([("error".into(), error.code().into())]),
    }
}

/// A claim's name, as mapping templates can spell it: `$context.authorizer.` and letters, digits, `_`.
fn context_key(claim: &str) -> String {
    let plain = |char: char| if char.is_ascii_alphanumeric() { char } else { '_' };
    claim.chars().map(plain).collect()
}
