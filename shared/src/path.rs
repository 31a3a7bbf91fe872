//! Paths: the one canonical form of a request's path. The patterns that match it are in `path/pattern.rs`.
//!
//! Routing, authorization and forwarding read this one string, so that no two of them can read a path differently.
//! Whatever an upstream might read in another way than we do (dot segments, backslashes, encoded slashes, double
//! encoding) is refused instead of repaired. Nothing else is: text is kept as it is, without Unicode normalisation.

mod pattern;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub(crate) use pattern::RESERVED_NAMES;
pub use pattern::{PathPattern, PathPrefix, Segment};

/// What is escaped when a path is forwarded: all but `pchar` (RFC 3986 section 3.3) and the `/` between segments; and
/// `;`, where servlet containers cut a segment: `/private;/x` must not become `/private/x` behind our back.
const OUTSIDE_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b'=')
    .remove(b':')
    .remove(b'@')
    .remove(b'/');

/// A request's path after decoding once: begins with `/`, valid UTF-8, no `.`/`..` segment, no control
/// character, no backslash, no escape left, no empty segment but a last one (`/a/` and `/a` differ).
///
/// A `?`, a `#` or a `%` that begins no escape is an ordinary character here; [`CanonicalPath::encoded`] escapes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalPath(String);

impl CanonicalPath {
    /// Reads a path that is still percent-encoded, as a Function URL gives it. The empty path is `/`.
    ///
    /// # Errors
    /// A sentence for the client, which repeats nothing of the path.
    pub fn from_encoded(raw: &str) -> Result<Self, String> {
        let decoded = decode(raw.as_bytes())?;
        Self::from_text(String::from_utf8(decoded).map_err(|_| "The path is not valid UTF-8 once decoded.")?)
    }

    /// Reads a path that the service has decoded once already, as an HTTP API gives it. The empty path is `/`.
    ///
    /// # Errors
    /// A sentence for the client, which repeats nothing of the path.
    pub fn from_decoded(text: &str) -> Result<Self, String> {
        Self::from_text(text.to_owned())
    }

    /// The path as text, decoded.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path percent-encoded for a request line: everything but unreserved characters, sub-delims other
    /// than `;`, `:`, `@` and `/` is escaped (RFC 3986 section 3.3). [`CanonicalPath::from_encoded`] of it is this path again.
    pub fn encoded(&self) -> String {
        escaped(&self.0)
    }

    /// The text between the slashes. Only the last can be empty: `/a/` is `a` and an empty one, `/` one empty one.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0[1..].split('/')
    }

    /// Without a leading segment that is exactly `stage`, which an HTTP API puts there for every stage but `$default`;
    /// `None` where the path begins otherwise.
    pub fn without_stage(&self, stage: &str) -> Option<Self> {
        if stage.is_empty() { None } else { self.after(stage) }
    }

    /// Without the prefix, whole segments; what is left of nothing is `/`. A path that does not begin with the prefix
    /// stays as it is; the config makes sure that this does not happen ([`PathPrefix::covers`]).
    pub fn strip(&self, prefix: &PathPrefix) -> Self {
        self.after(prefix.segments()).unwrap_or_else(|| self.clone())
    }

    /// What follows these leading segments (no slash around them); `None` where the path begins otherwise.
    fn after(&self, segments: &str) -> Option<Self> {
        match self.0[1..].strip_prefix(segments)? {
            "" => Some(Self("/".into())),
            rest if rest.starts_with('/') => Some(Self(rest.into())),
            _ => None,
        }
    }

    fn from_text(mut text: String) -> Result<Self, String> {
        if text.is_empty() {
            text.push('/');
        }
        if !text.starts_with('/') {
            return Err("The path does not begin with a slash.".into());
        }
        if text.contains(char::is_control) {
            return Err("The path holds a control character.".into());
        }
        if text.contains('\\') {
            return Err("The path holds a backslash.".into());
        }
        if text.split('/').any(is_dot_segment) {
            return Err("The path holds a segment `.` or `..`.".into());
        }
        // Merging slashes below cannot make an escape: a slash stays between what it joins.
        if holds_escape(&text) {
            return Err("The path is percent-encoded twice.".into());
        }
        if let Cow::Owned(merged) = merge_slashes(&text) {
            text = merged;
        }
        Ok(Self(text))
    }
}

/// A decoded path, or one segment of it, percent-encoded for a request line.
pub(crate) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, OUTSIDE_PATH).to_string()
}

/// Why this text cannot be one segment of a canonical path, to be read after its name; `None` where it can.
pub(crate) fn segment_fault(text: &str) -> Option<&'static str> {
    match text {
        "" => Some("is empty"),
        _ if is_dot_segment(text) => Some("is `.` or `..`"),
        _ if text.contains('/') => Some("holds a slash"),
        _ if text.contains('\\') => Some("holds a backslash"),
        _ if text.contains(char::is_control) => Some("holds a control character"),
        _ if holds_escape(text) => Some("holds a percent-encoded character"),
        _ => None,
    }
}

/// Whether some upstream would read the segment as `.` or `..`: servlet containers cut a segment at `;`.
fn is_dot_segment(segment: &str) -> bool {
    let before_parameters = segment.split_once(';').map_or(segment, |(before, _)| before);
    matches!(before_parameters, "." | "..")
}

/// Whether a `%` with two hex digits stands in the text: something down the line would decode it again.
fn holds_escape(text: &str) -> bool {
    text.as_bytes()
        .windows(3)
        .any(|three| three[0] == b'%' && three[1..].iter().all(u8::is_ascii_hexdigit))
}

fn merge_slashes(text: &str) -> Cow<'_, str> {
    if !text.contains("//") {
        return Cow::Borrowed(text);
    }
    let mut merged = String::with_capacity(text.len());
    for character in text.chars() {
        if character != '/' || !merged.ends_with('/') {
            merged.push(character);
        }
    }
    Cow::Owned(merged)
}

/// Decodes escapes once. An escaped slash is refused here, because afterwards it looks like any other slash.
fn decode(raw: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw.iter();
    while let Some(&byte) = rest.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digits = (rest.next().and_then(hex_digit), rest.next().and_then(hex_digit));
        let (Some(high), Some(low)) = digits else {
            return Err("The path holds a `%` that is not followed by two hexadecimal digits.");
        };
        match high << 4 | low {
            b'/' => return Err("The path holds an encoded slash."),
            byte => decoded.push(byte),
        }
    }
    Ok(decoded)
}

fn hex_digit(byte: &u8) -> Option<u8> {
    // `to_digit(16)` is below 16.
    char::from(*byte).to_digit(16).map(|digit| digit as u8)
}
