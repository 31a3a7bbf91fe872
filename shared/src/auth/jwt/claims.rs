//! What a token must claim: who issued it, for whom, and when it holds (RFC 7519 section 4.1).

use serde_json::Value;

use super::JwtRules;
use crate::auth::claim_path::Claims;
use crate::auth::refusal::Refusal;
use crate::clock::Timestamp;

const MICROS_PER_SECOND: i128 = 1_000_000;

/// Checks `iss`, `aud`, `exp` (required) and `nbf` at `now`.
pub(super) fn check(claims: &Claims, rules: &JwtRules, now: Timestamp) -> Result<(), Refusal> {
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
        let seconds = now.saturating_sub(expires) / MICROS_PER_SECOND;
        let why = format!("the token expired {seconds} s ago, more than the clock skew allows");
        return Err(Refusal::of("clock_skew", why));
    }
    if let Some(value) = claims.get("nbf") {
        let starts = numeric_date(value).ok_or_else(|| Refusal::invalid("the claim nbf is not a number"))?;
        if now.saturating_add(skew) < starts {
            let seconds = starts.saturating_sub(now) / MICROS_PER_SECOND;
            let why = format!("the token holds only in {seconds} s, more than the clock skew allows");
            return Err(Refusal::of("clock_skew", why));
        }
    }
    Ok(())
}

/// `aud` is one string or a list of strings; anything else names nobody.
fn names_one_of(aud: Option<&Value>, audiences: &[String]) -> bool {
    let ours = |name: &str| audiences.iter().any(|audience| audience == name);
    match aud {
        Some(Value::String(name)) => ours(name),
        Some(Value::Array(names)) => {
            names.iter().all(Value::is_string) && names.iter().filter_map(Value::as_str).any(ours)
        }
        _ => false,
    }
}

/// A NumericDate in microseconds since the epoch: seconds, possibly with a fraction (RFC 7519 section 2).
fn numeric_date(value: &Value) -> Option<i128> {
    let number = value.as_number()?;
    match number.as_i128() {
        Some(seconds) => Some(seconds.saturating_mul(MICROS_PER_SECOND)),
        // The cast saturates, so that dates beyond all time stay beyond it.
        None => number.as_f64().map(|seconds| (seconds * 1e6).round() as i128),
    }
}

#[cfg(test)]
mod tests;
