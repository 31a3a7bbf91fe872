//! A text into what stands as it is and what is filled in. `{{` and `}}` are the braces themselves.

/// A piece as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written<'t> {
    /// Braces undone; never empty.
    Text(String),
    /// The name between the braces.
    Placeholder(&'t str),
}

/// Reads a text. The error is ready to be shown.
pub(super) fn split(text: &str) -> Result<Vec<Written<'_>>, String> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        plain.push_str(&rest[..at]);
        let from = &rest[at..];
        if let Some(after) = from.strip_prefix("{{") {
            plain.push('{');
            rest = after;
        } else if let Some(after) = from.strip_prefix("}}") {
            plain.push('}');
            rest = after;
        } else if let Some(open) = from.strip_prefix('{') {
            let (name, after) = name(text, open)?;
            if !plain.is_empty() {
                pieces.push(Written::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Written::Placeholder(name));
            rest = after;
        } else {
            return Err(wrong(text, "`}` closes nothing: write `}}` for the brace itself"));
        }
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Written::Text(plain));
    }
    Ok(pieces)
}

/// What stands before the closing brace, and what after it.
fn name<'t>(text: &str, open: &'t str) -> Result<(&'t str, &'t str), String> {
    let closed = open.split_once('}').filter(|(name, _)| !name.contains('{'));
    match closed {
        None => Err(wrong(
            text,
            "`{` begins a placeholder that does not end: write `{{` for the brace itself",
        )),
        Some(("", _)) => Err(wrong(text, "`{}` names nothing to fill in")),
        Some(found) => Ok(found),
    }
}

/// A message about a text. Debug quotes control characters, so that it stays one line.
pub(super) fn wrong(text: &str, why: &str) -> String {
    format!("{text:?}: {why}")
}
