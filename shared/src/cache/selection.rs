//! The headers that an answer says it depends on (`Vary`, RFC 9111 section 4.1), and what a request had of them.

use http::header::{ACCEPT_ENCODING, VARY};
use http::{HeaderMap, HeaderName};

/// How many names of a `Vary` are looked at: with more an answer is not kept.
const MOST_NAMES: usize = 32;

/// Names, and the values that the request had whose answer this is; `None`: it had none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selection(Vec<(HeaderName, Option<Vec<u8>>)>);

impl Selection {
    /// Of the request as the service got it, by what the answer names and by these; `None` where the answer names too much,
    /// or what is no name.
    pub(super) fn of<'n>(
        answer: &HeaderMap,
        besides: impl IntoIterator<Item = &'n HeaderName>,
        sent: &HeaderMap,
    ) -> Option<Self> {
        let mut names = names(answer)?;
        for name in besides {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let pairs = names.into_iter().map(|name| {
            let value = value_of(sent, &name);
            (name, value)
        });
        Some(Self(pairs.collect()))
    }

    /// Those read of a table.
    pub(super) fn from_pairs(pairs: Vec<(HeaderName, Option<Vec<u8>>)>) -> Self {
        Self(pairs)
    }

    /// Names with values.
    pub(super) fn pairs(&self) -> &[(HeaderName, Option<Vec<u8>>)] {
        &self.0
    }

    /// The names alone.
    pub(super) fn names(&self) -> impl Iterator<Item = &HeaderName> {
        self.0.iter().map(|(name, _)| name)
    }

    /// Whether it is about this header.
    pub(super) fn has(&self, name: &HeaderName) -> bool {
        self.names().any(|own| own == name)
    }

    /// Whether a request that the service would get with these headers has the same values.
    pub(super) fn fits(&self, sent: &HeaderMap) -> bool {
        self.0.iter().all(|(name, value)| *value == value_of(sent, name))
    }
}

/// The names of an answer's `Vary`, each once.
pub(super) fn names(answer: &HeaderMap) -> Option<Vec<HeaderName>> {
    let mut names = Vec::new();
    for line in answer.get_all(VARY) {
        for name in line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if name.is_empty() {
                continue;
            }
            let name = HeaderName::from_bytes(name).ok()?;
            if !names.contains(&name) {
                names.push(name);
            }
            if names.len() > MOST_NAMES {
                return None;
            }
        }
    }
    Some(names)
}

/// Whether a service that names this header in `Vary` may be told of it for that alone. Not so `Accept-Encoding`, unless the
/// config says so: compression is the gateway's own.
pub(super) fn may_be_learned(name: &HeaderName) -> bool {
    *name != ACCEPT_ENCODING
}

/// All values of a header as one list, without the white space around its members.
pub(super) fn value_of(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let mut joined: Option<Vec<u8>> = None;
    for line in headers.get_all(name) {
        for member in line.as_bytes().split(|byte| *byte == b',') {
            match &mut joined {
                None => joined = Some(member.trim_ascii().to_vec()),
                Some(joined) => {
                    joined.push(b',');
                    joined.extend_from_slice(member.trim_ascii());
                }
            }
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::headers;

    #[test]
    fn a_request_fits_with_the_same_values_however_they_are_written() {
        let answer = headers(&[("vary", "Accept-Language, X-Tone"), ("vary", "accept-language")]);
        let first = headers(&[("accept-language", "de, en"), ("other", "1")]);
        let selection = Selection::of(&answer, [], &first).expect("two names");
        assert_eq!(selection.names().count(), 2);
        for same in [
            headers(&[("accept-language", " de ,en")]),
            headers(&[("accept-language", "de"), ("accept-language", "en"), ("other", "2")]),
        ] {
            assert!(selection.fits(&same), "{same:?}");
        }
        for other in [
            headers(&[]),
            headers(&[("accept-language", "de")]),
            headers(&[("accept-language", "en, de")]),
            headers(&[("accept-language", "de, en"), ("x-tone", "")]),
        ] {
            assert!(!selection.fits(&other), "{other:?}");
        }
    }

    #[test]
    fn what_is_no_name_or_too_many_of_them_selects_nothing() {
        let many: Vec<String> = (0..40).map(|n| format!("x-{n}")).collect();
        for vary in ["a b", "\"x\"", "*,\u{e9}", &many.join(",")] {
            assert_eq!(
                Selection::of(&headers(&[("vary", vary)]), [], &HeaderMap::new()),
                None,
                "{vary}"
            );
        }
        let none = headers(&[("vary", " , ,")]);
        assert_eq!(Selection::of(&none, [], &HeaderMap::new()), Some(Selection::default()));
    }
}
