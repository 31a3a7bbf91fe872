//! What a token must claim: who issued it, for whom, and when it holds (RFC 7519 section 4.1).

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::JwtMethod;
use crate::clock::Timestamp;

const MICROS_PER_SECOND: i128 = 1_000_000;

/// Checks `iss`, `aud`, `exp` (required) and `nbf` at `now`. The error is for the log; it quotes the config, never
/// the token.
pub(super) fn check(claims: &Map<String, Value>, method: &JwtMethod, now: Timestamp) -> Result<(), Cow<'static, str>> {
    if claims.get("iss").and_then(Value::as_str) != Some(&method.issuer) {
        return Err(format!("the claim iss is not {:?}", method.issuer).into());
    }
    if !names_one_of(claims.get("aud"), &method.audiences) {
        return Err(format!("the claim aud names none of {:?}", method.audiences).into());
    }
    let now = i128::from(now.micros());
    let skew = i128::try_from(method.clock_skew.as_micros()).unwrap_or(i128::MAX);
    let expires = match claims.get("exp") {
        Some(value) => numeric_date(value).ok_or("the claim exp is not a number")?,
        None => return Err("there is no claim exp".into()),
    };
    // "On or after" `exp` a token no longer holds (section 4.1.4).
    if now >= expires.saturating_add(skew) {
        let seconds = now.saturating_sub(expires) / MICROS_PER_SECOND;
        return Err(format!("the token expired {seconds} s ago, more than the clock skew allows").into());
    }
    if let Some(value) = claims.get("nbf") {
        let starts = numeric_date(value).ok_or("the claim nbf is not a number")?;
        if now.saturating_add(skew) < starts {
            let seconds = starts.saturating_sub(now) / MICROS_PER_SECOND;
            return Err(format!("the token holds only in {seconds} s, more than the clock skew allows").into());
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
