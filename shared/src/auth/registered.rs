//! Claims that are registered (RFC 7519 section 4.1), however they come: in a token, or in an answer about one.

use serde_json::Value;

use crate::clock::Timestamp;

/// `aud` is one string or a list of strings; anything else names nobody.
pub(super) fn names_one_of(aud: Option<&Value>, audiences: &[String]) -> bool {
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
pub(super) fn numeric_date(value: &Value) -> Option<i128> {
    let number = value.as_number()?;
    match number.as_i128() {
        Some(seconds) => Some(seconds.saturating_mul(1_000_000)),
        // The cast saturates, so that dates beyond all time stay beyond it.
        None => number.as_f64().map(|seconds| (seconds * 1e6).round() as i128),
    }
}

/// The same as a point in time; what lies before the epoch is the epoch, and what lies beyond all time its end.
pub(super) fn timestamp(micros: i128) -> Timestamp {
    Timestamp::from_micros(u64::try_from(micros.max(0)).unwrap_or(u64::MAX))
}

/// Whether it can be one of the names in a `scope` claim: a `scope-token` (RFC 6749 section 3.3, which RFC 8693 section 4.2
/// makes a claim of).
pub(crate) fn is_scope(text: &str) -> bool {
    let in_scope = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    !text.is_empty() && text.bytes().all(in_scope)
}
