//! The paths of the config: patterns that match canonical paths, and prefixes that are taken off them.

#[cfg(test)]
mod tests;

use std::fmt;

use super::{CanonicalPath, escaped, holds_escape, is_dot_segment};

/// Words that stand for something else than a path parameter in placeholders such as `{claims.sub}`.
pub(crate) const RESERVED_NAMES: [&str; 4] = ["claims", "query", "header", "part"];

/// A `path` of the config: literals, `*` or `{name}` for one segment, `**` for any tail including none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathPattern {
    text: String,
    segments: Vec<Segment>,
}

/// One segment of a pattern. The order is the order of precedence: the more specific first.
///
/// Two different literals are ordered too, by their text, which means nothing: no path has both in one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// Exactly this text, case-sensitive. Empty only as the last one, for a slash at the end.
    Literal(String),
    /// `*` or `{name}`: any one segment that is not empty.
    Single,
    /// `**`: whatever is left, also nothing. Only ever the last.
    Tail,
}

/// A `strip_prefix`: whole literal segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPrefix(String);

impl PathPattern {
    /// Reads a pattern. The text between its slashes is decoded text, compared as it stands.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence ready to be shown.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut names = Vec::new();
        let mut segments = Vec::new();
        let mut left = inner(text)?.split('/').peekable();
        while let Some(segment) = left.next() {
            let last = left.peek().is_none();
            segments.push(match segment {
                "**" if last => Segment::Tail,
                "**" => return Err(wrong(text, "`**` can only be the last segment")),
                "*" => Segment::Single,
                "" if last => Segment::Literal(String::new()),
                _ => match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                    Some(name) if !name.contains(['{', '}']) => {
                        check_name(name, &names).map_err(|why| wrong(text, &why))?;
                        names.push(name);
                        Segment::Single
                    }
                    _ => Segment::Literal(literal(segment).map_err(|why| wrong(text, &why))?),
                },
            });
        }
        Ok(Self {
            text: text.to_owned(),
            segments,
        })
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names of its `{name}` segments, each with its index in a path that it matches.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, usize)> {
        let segments = self.text.split('/').skip(1).enumerate();
        segments.filter_map(|(index, segment)| {
            let name = segment.strip_prefix('{')?.strip_suffix('}')?;
            Some((name, index))
        })
    }

    /// Its segments; comparing two slices compares precedence, the smaller wins.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether the path is one of those meant.
    pub fn matches(&self, path: &CanonicalPath) -> bool {
        let mut path = path.segments();
        for segment in &self.segments {
            let fits = match segment {
                Segment::Tail => return true,
                Segment::Single => path.next().is_some_and(|text| !text.is_empty()),
                Segment::Literal(literal) => path.next() == Some(literal),
            };
            if !fits {
                return false;
            }
        }
        path.next().is_none()
    }

    /// Whether some path is matched by both.
    ///
    /// Exact: each segment can be filled without regard to the others, so two patterns share a path unless they
    /// exclude each other at one place, or one is longer and the other has no `**`.
    pub fn overlaps(&self, other: &Self) -> bool {
        let (mut ours, mut theirs) = (self.segments.iter(), other.segments.iter());
        loop {
            match (ours.next(), theirs.next()) {
                (Some(Segment::Tail), _) | (_, Some(Segment::Tail)) | (None, None) => return true,
                (None, Some(_)) | (Some(_), None) => return false,
                (Some(Segment::Literal(one)), Some(Segment::Literal(other))) if one != other => return false,
                (Some(Segment::Literal(one)), Some(Segment::Single)) if one.is_empty() => return false,
                (Some(Segment::Single), Some(Segment::Literal(one))) if one.is_empty() => return false,
                _ => {}
            }
        }
    }
}

impl PathPrefix {
    /// Reads a prefix such as `/api` or `/api/v1`. `/` and a slash at the end are refused: they would say nothing,
    /// or leave open whether `/api` itself is meant.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence ready to be shown.
    pub fn parse(text: &str) -> Result<Self, String> {
        let segments = inner(text)?;
        match text.trim_end_matches('/') {
            "" => return Err(wrong(text, "it takes nothing off: leave it out")),
            shorter if shorter != text => {
                return Err(wrong(
                    text,
                    &format!("a prefix has no slash at the end: write {shorter:?}"),
                ));
            }
            _ => {}
        }
        for segment in segments.split('/') {
            if segment.contains('*') || segment.starts_with('{') {
                return Err(wrong(
                    text,
                    "a prefix is literal text: `*`, `**` and `{name}` have no place in it",
                ));
            }
            literal(segment).map_err(|why| wrong(text, &why))?;
        }
        Ok(Self(segments.to_owned()))
    }

    /// Whether every path that the pattern matches begins with this prefix.
    pub fn covers(&self, pattern: &PathPattern) -> bool {
        let mut segments = pattern.segments.iter();
        self.0
            .split('/')
            .all(|text| matches!(segments.next(), Some(Segment::Literal(literal)) if literal == text))
    }

    /// The prefix as text, percent-encoded like [`CanonicalPath::encoded`].
    pub fn encoded(&self) -> String {
        format!("/{}", escaped(&self.0))
    }

    /// The segments with slashes between them, none around them.
    pub(super) fn segments(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn wrong(text: &str, why: &str) -> String {
    // Debug quotes control characters, so that a message stays one line.
    format!("{text:?}: {why}")
}

/// What follows the leading slash.
fn inner(text: &str) -> Result<&str, String> {
    text.strip_prefix('/')
        .ok_or_else(|| wrong(text, "a path begins with `/`"))
}

fn check_name(name: &str, taken: &[&str]) -> Result<(), String> {
    if let Some(name) = name.strip_suffix('+') {
        let name = name.escape_debug();
        return Err(format!(
            "`{{{name}+}}` is API Gateway's spelling: write `**` as the last segment"
        ));
    }
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    if !name.starts_with(letter) || !name.chars().all(|c| letter(c) || c.is_ascii_digit()) {
        let name = name.escape_debug();
        return Err(format!(
            "`{{{name}}}` is not a name: letters, digits and `_`, not a digit first"
        ));
    }
    if RESERVED_NAMES.contains(&name) {
        return Err(format!(
            "`{name}` is reserved for placeholders such as `{{{name}.x}}`: choose another name"
        ));
    }
    match taken.contains(&name) {
        true => Err(format!("`{{{name}}}` stands in it twice: names are unique in a path")),
        false => Ok(()),
    }
}

/// Text that a segment of a canonical path can have; anything else would never match.
fn literal(segment: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !segment.is_empty() && segment.bytes().all(plain) {
        return Ok(segment.to_owned());
    }
    let why = if segment.is_empty() {
        "`//` matches no request, because slashes are merged: write one"
    } else if is_dot_segment(segment) {
        "a segment `.` or `..` matches no request, because such paths are refused"
    } else if segment.contains(char::is_control) {
        "a control character matches no request, because such paths are refused"
    } else if segment.contains('\\') {
        "a backslash matches no request, because such paths are refused"
    } else if segment.contains('?') {
        "the query is no part of a path: match it under `query`"
    } else if segment.contains('#') {
        "`#` begins a fragment, which is never sent: `*` matches a segment with an encoded one"
    } else if holds_escape(segment) {
        "paths are compared decoded: write the character itself instead of `%` and two digits"
    } else if segment.contains('*') {
        "`*` and `**` stand for whole segments: nothing else fits between the same slashes"
    } else if segment.contains(['{', '}']) {
        "`{name}` stands for a whole segment: nothing else fits between the same slashes"
    } else {
        return Ok(segment.to_owned());
    };
    Err(why.to_owned())
}
