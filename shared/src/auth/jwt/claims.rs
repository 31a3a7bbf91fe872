//! What a token must claim: who issued it, for whom, and when it holds (RFC 7519 section 4.1).

use serde_json::Value;

use super::JwtRules;
use crate::auth::claim_path::Claims;
use crate::auth::refusal::Refusal;
use crate::auth::registered::{names_one_of, numeric_date, timestamp};
use crate::clock::Timestamp;

/// Checks `iss`, `aud`, `exp` (required) and `nbf` at `now`. What comes back is `exp` itself, without the clock skew.
pub(super) fn check(claims: &Claims, rules: &JwtRules, now: Timestamp) -> Result<Timestamp, Refusal> {
    if claims.get("iss").and_then(Value::as_str) != Some(&rules.issuer) {
        let why = format!("the claim iss is not {:?}", rules.issuer);
        return Err(Refusal::of("issuer", why));
    }
    if !names_one_of(claims.get("aud"), &rules.audiences) {
        let why = format!("the claim aud names none of {:?}", rules.audiences);
        return Err(Refusal::of("audiences", why));
    }
    let now = i128::from(now.micros());
    let skew = i128::try_from(rules.clock_skew.as_micros()).unwrap_or(i128::MAX);
    let expires = match claims.get("exp") {
        Some(value) => numeric_date(value).ok_or_else(|| Refusal::invalid("the claim exp is not a number"))?,
        None => return Err(Refusal::invalid("there is no claim exp")),
    };
    // "On or after" `exp` a token no longer holds (section 4.1.4).
    if now >= expires.saturating_add(skew) {
        let seconds = now.saturating_sub(expires) / 1_000_000;
        let why = format!("the token expired {seconds} s ago, more than the clock skew allows");
        return Err(Refusal::of("clock_skew", why));
    }
    if let Some(value) = claims.get("nbf") {
        let starts = numeric_date(value).ok_or_else(|| Refusal::invalid("the claim nbf is not a number"))?;
        if now.saturating_add(skew) < starts {
            let seconds = starts.saturating_sub(now) / 1_000_000;
            let why = format!("the token holds only in {seconds} s, more than the clock skew allows");
            return Err(Refusal::of("clock_skew", why));
        }
    }
    Ok(timestamp(expires))
}

#[cfg(test)]
mod tests;
