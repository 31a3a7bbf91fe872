//! `Cache-Control`: the directives of a message, read so that what forbids is never missed.

use http::HeaderMap;
use http::header::CACHE_CONTROL;

/// What a number of seconds that is too large to count is taken for (RFC 9111 section 1.2.2).
const MOST: u64 = 1 << 31;

/// The directives of one message, in all its `Cache-Control` lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Directives(Vec<Directive>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Directive {
    /// In lower case.
    name: Vec<u8>,
    /// Without its quotes.
    value: Option<Vec<u8>>,
}

impl Directives {
    /// Of these headers.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut all = Vec::new();
        for line in headers.get_all(CACHE_CONTROL) {
            read(line.as_bytes(), &mut all);
        }
        Self(all)
    }

    /// Whether a directive is there, in any spelling and whatever its value says.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|directive| directive.name == name.as_bytes())
    }

    /// The seconds that a directive states, as a token or in quotes; of several the fewest, and none of them where one is
    /// no number: a freshness that nobody can read has passed (RFC 9111 section 4.2.1). `None`: it is not there.
    pub(crate) fn seconds(&self, name: &str) -> Option<u64> {
        let named = self.0.iter().filter(|directive| directive.name == name.as_bytes());
        let stated = named.map(|directive| directive.value.as_deref().and_then(seconds).unwrap_or(0));
        stated.min()
    }
}

/// Digits alone are a number of seconds; one that is too large counts as the largest.
pub(super) fn seconds(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let sum = |sum: u64, digit: &u8| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    Some(text.iter().fold(0, sum).min(MOST))
}

/// Reads a line. A quote that nothing closes, or that ends amid a directive, hides nothing: what follows it is read as if
/// there were no quote.
fn read(line: &[u8], all: &mut Vec<Directive>) {
    let mut rest = line;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len());
        let equals = rest[..end].iter().position(|byte| *byte == b'=');
        let quoted = equals.and_then(|equals| quoted(&rest[equals + 1..]).map(|(value, after)| (equals, value, after)));
        rest = match (quoted, equals) {
            (Some((equals, value, after)), _) => {
                push(&rest[..equals], Some(value), all);
                let (beside, next) = until_comma(after);
                if beside.trim_ascii().is_empty() {
                    next
                } else {
                    // Something stands where nothing belongs: the quotes may be others than they look like.
                    push(beside, None, all);
                    until_comma(rest).1
                }
            }
            (None, Some(equals)) => {
                let value = &rest[equals + 1..end];
                push(&rest[..equals], Some(value.to_vec()), all);
                push_words(value, all);
                until_comma(rest).1
            }
            (None, None) => {
                push(&rest[..end], None, all);
                until_comma(rest).1
            }
        };
    }
}

fn push(name: &[u8], value: Option<Vec<u8>>, all: &mut Vec<Directive>) {
    let name = name.trim_ascii().to_ascii_lowercase();
    if name.is_empty() {
        return;
    }
    push_words(&name, all);
    all.push(Directive { name, value });
}

/// Where several words stand in the place of one, somebody has put semicolons or spaces in the place of commas: each of
/// them is a directive, and none has a value.
fn push_words(text: &[u8], all: &mut Vec<Directive>) {
    let is_between = |byte: &u8| matches!(byte, b';' | b'=') || byte.is_ascii_whitespace();
    let words: Vec<&[u8]> = text.split(is_between).filter(|word| !word.is_empty()).collect();
    if words.len() > 1 || text.first().is_some_and(is_between) {
        all.extend(words.into_iter().map(|word| Directive {
            name: word.to_ascii_lowercase(),
            value: None,
        }));
    }
}

/// What stands before the next comma and what behind it.
fn until_comma(text: &[u8]) -> (&[u8], &[u8]) {
    match text.iter().position(|byte| *byte == b',') {
        Some(comma) => (&text[..comma], &text[comma + 1..]),
        None => (text, &[]),
    }
}

/// A quoted string (RFC 9110 section 5.6.4) and what follows it; `None` where there is none, or it has no end.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let mut value = Vec::new();
    let mut at = 0;
    loop {
        match *text.get(at)? {
            b'"' => return Some((value, &text[at + 1..])),
            b'\\' => {
                value.push(*text.get(at + 1)?);
                at += 2;
            }
            byte => {
                value.push(byte);
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::headers;

    fn of(lines: &[&str]) -> Directives {
        let lines: Vec<(&str, &str)> = lines.iter().map(|line| ("cache-control", *line)).collect();
        Directives::of(&headers(&lines))
    }

    #[test]
    fn names_have_no_case_and_lines_count_together() {
        let all = of(&["Private, MAX-age=60", "No-Store"]);
        assert!(all.has("private") && all.has("no-store") && !all.has("no-cache"));
        assert_eq!(all.seconds("max-age"), Some(60));
        assert_eq!(all.seconds("s-maxage"), None);
    }

    #[test]
    fn a_number_is_digits_as_a_token_or_in_quotes_and_anything_else_is_none() {
        for (text, seconds) in [
            ("max-age=60", 60),
            ("max-age=\"60\"", 60),
            ("max-age=\"6\\0\"", 60),
            ("max-age=0060", 60),
            ("max-age=99999999999999999999999999", 1 << 31),
            ("max-age=-60", 0),
            ("max-age='60'", 0),
            ("max-age=60.0", 0),
            ("max-age= 60", 0),
            ("max-age=60a", 0),
            ("max-age=\"60", 0),
            ("max-age=", 0),
            ("max-age", 0),
            ("max-age =60", 60),
            ("max-age=60, max-age=30", 30),
            ("max-age=60, max-age=x", 0),
        ] {
            assert_eq!(of(&[text]).seconds("max-age"), Some(seconds), "{text}");
        }
    }

    #[test]
    fn what_stands_in_quotes_is_no_directive() {
        let all = of(&["extension=\"max-age=3600, private\", max-age=1"]);
        assert_eq!(all.seconds("max-age"), Some(1));
        assert!(!all.has("private"));
        assert!(of(&["private=\"set-cookie\", x=\"a\\\"b\", no-cache"]).has("no-cache"));
    }

    #[test]
    fn a_quote_hides_nothing_unless_it_is_closed_behind_an_equals_sign() {
        for line in [
            "x=\"a, private",
            "x=\"a\\\", private",
            "x=6\"0, private, \"",
            "\"x, private",
            "x=\"a\"private",
            "x=\"\" private",
            ",,private,,",
            "=,private",
            "x=\"\\, private",
            "x=\"a, private=\"x, y\"",
        ] {
            assert!(of(&[line]).has("private"), "{line}");
        }
    }

    #[test]
    fn what_forbids_is_found_behind_other_separators_than_commas() {
        for line in [
            "private; max-age=60",
            "max-age=60; private",
            "max-age=60;private;x=1",
            "no-cache private",
            "private max-age=60",
            "x=1 private",
            "x = private",
            "public;x=\"a\";private",
        ] {
            assert!(of(&[line]).has("private"), "{line}");
            assert_ne!(of(&[line]).seconds("max-age"), Some(60), "{line}");
        }
        assert!(!of(&["x-private=60, not-private"]).has("private"));
    }

    proptest! {
        #[test]
        fn no_line_panics_and_a_directive_at_either_end_of_one_is_found(line in "[ -~]{0,40}", spelt in "[Nn][Oo]-[Ss][Tt][Oo][Rr][Ee]") {
            assert!(of(&[&format!("{spelt},{line}")]).has("no-store"));
            let all = of(&[&line, &format!("x=1, {spelt}")]);
            assert!(all.has("no-store"));
            _ = all.seconds("x");
        }
    }
}
