//! What a value may look like in a log line: no longer than said, nothing that moves a terminal's cursor.

use std::borrow::Cow;

/// The longest value of a CloudWatch dimension that every version of its documents allows, in characters.
const MAX_DIMENSION: usize = 255;

/// The route of a request that no route took. Brackets keep it apart from ids.
const NO_ROUTE: &str = "(none)";

/// At most `max` bytes, cut between characters; `…` behind says that something was cut. JSON escapes only the
/// control characters below U+0020, so the others (DEL, C1, line and paragraph separators, and those that turn the
/// direction of text) become U+FFFD: they would let a path rewrite what a person sees.
pub fn bounded(text: &str, max: usize) -> Cow<'_, str> {
    // Nearly everything is short and plain.
    if text.len() <= max && text.bytes().all(|byte| byte < 0x7F) {
        return Cow::Borrowed(text);
    }
    let kept = &text[..text.floor_char_boundary(max)];
    let mut bounded: String = kept
        .chars()
        .map(|char| if is_deceptive(char) { '\u{FFFD}' } else { char })
        .collect();
    if kept.len() < text.len() {
        bounded.push('…');
    }
    Cow::Owned(bounded)
}

fn is_deceptive(char: char) -> bool {
    matches!(char, '\u{7F}'..='\u{9F}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// A route id as a value that CloudWatch takes for a dimension: printable ASCII, not blank, no colon in front
/// (`Dimension` in the CloudWatch API reference).
pub(super) fn dimension(route: Option<&str>) -> Cow<'_, str> {
    let Some(route) = route.filter(|route| !route.trim().is_empty()) else {
        return Cow::Borrowed(NO_ROUTE);
    };
    if route.len() <= MAX_DIMENSION && route.bytes().all(|byte| matches!(byte, b' '..=b'~')) && !route.starts_with(':')
    {
        return Cow::Borrowed(route);
    }
    let takes = |char: char| matches!(char, ' '..='~');
    let mut plain: String = route
        .chars()
        .take(MAX_DIMENSION)
        .map(|char| if takes(char) { char } else { '_' })
        .collect();
    if plain.starts_with(':') {
        plain.replace_range(..1, "_");
    }
    Cow::Owned(plain)
}
