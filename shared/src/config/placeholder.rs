//! `${NAME}` and `${NAME:-default}`: filled from variables in parsed scalars, never in keys, never in text.
//! So a value can never bring structure with it, and no message ever has to show one.

use super::report::Report;
use super::tree::{Node, Value, quote};

/// Fills every placeholder beneath `node`. A scalar that is exactly one placeholder takes its type from its
/// text. What was filled is never looked at again: a value that holds `${X}` stays as it is.
pub(super) fn fill(node: &mut Node, variable: &dyn Fn(&str) -> Option<String>, report: &mut Report) {
    match &mut node.value {
        Value::List(nodes) | Value::Map(nodes) => nodes.iter_mut().for_each(|node| fill(node, variable, report)),
        // Looking for one byte first is much cheaper, and most texts do not have it.
        Value::Text(text) if text.as_bytes().contains(&b'$') && text.contains("${") => {
            let filled = filled(text, variable);
            let text = std::mem::take(text);
            node.value = match filled {
                Ok(value) if is_one_placeholder(&text) => typed(value),
                Ok(value) => Value::Text(value),
                Err(reason) => {
                    report.mistake(node.place, reason);
                    Value::Broken
                }
            };
            node.written = Some(text.into_boxed_str());
        }
        Value::Text(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Broken => {}
    }
}

/// Whether the whole text is one placeholder. Only asked of texts that could be filled.
fn is_one_placeholder(text: &str) -> bool {
    text.starts_with("${") && text.find('}') == Some(text.len() - 1)
}

/// The type that a bare value would have in JSON, null apart: an empty variable is an empty text.
fn typed(value: String) -> Value {
    match &*value {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        number if serde_json::from_str::<serde_json::Number>(number).is_ok() => Value::Number(value),
        _ => Value::Text(value),
    }
}

fn filled(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        out.push_str(&rest[..dollar]);
        rest = &rest[dollar..];
        if let Some(after) = rest.strip_prefix("$${") {
            out.push_str("${");
            rest = after;
        } else if let Some(after) = rest.strip_prefix("${") {
            let Some((inside, after)) = after.split_once('}') else {
                return Err(format!(
                    "{} has a `${{` without its `}}` (write `$${{` for the two characters)",
                    quote(text)
                ));
            };
            out.push_str(&lookup(inside, variable)?);
            rest = after;
        } else {
            out.push('$');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// The variable that takes the place of a secret.
pub(super) fn stand_in(secret: &str) -> String {
    let upper = |byte: u8| {
        char::from(if byte.is_ascii_alphanumeric() {
            byte.to_ascii_uppercase()
        } else {
            b'_'
        })
    };
    "SECRET_".chars().chain(secret.bytes().map(upper)).collect()
}

/// The text of a secret: what the function has read of it, else a variable that takes its place.
fn filled_from_secret(secret: &str, shown: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let (id, member) = secret.split_once('#').unwrap_or((secret, "all of it"));
    // What Secrets Manager takes in names, and a colon for ARNs.
    let is_of_id = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-:".contains(&byte);
    if id.is_empty() || member.is_empty() || !id.bytes().all(is_of_id) {
        return Err(format!(
            "{shown} names no secret: write `${{secret:NAME}}`, or `${{secret:NAME#MEMBER}}` for a member of its JSON"
        ));
    }
    let stand_in = stand_in(secret);
    variable(&format!("secret:{secret}"))
        .or_else(|| variable(&stand_in))
        .ok_or_else(|| {
            format!("{shown} is read from Secrets Manager by a deployed function alone: set {stand_in} in its place")
        })
}

/// The value for what stands between `${` and `}`. As in a shell, `:-` also stands in for an empty variable.
fn lookup(inside: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let shown = quote(&format!("${{{inside}}}"));
    let upper = name.to_ascii_uppercase();
    if name.starts_with('_') || upper.starts_with("AWS_") || upper.starts_with("LAMBDA_") {
        return Err(format!(
            "{shown} names a variable of the platform (AWS_*, LAMBDA_*, _*), which may hold credentials: use one of your own"
        ));
    }
    if let Some(secret) = name.strip_prefix("secret:") {
        return filled_from_secret(secret, &shown, variable);
    }
    let mut letters = name.bytes();
    let begins = letters.next().is_some_and(|first| first.is_ascii_alphabetic());
    if !begins || !letters.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(format!(
            "{shown} is not a placeholder: write `${{NAME}}` or `${{NAME:-default}}`"
        ));
    }
    if default.is_some_and(|default| default.contains("${")) {
        return Err(format!("{shown} has a placeholder inside: they do not nest"));
    }
    match (variable(name), default) {
        (Some(value), None) => Ok(value),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(format!(
            "{shown} is not set: set the variable, or write `${{{name}:-default}}`"
        )),
    }
}
