//! A request's record as one line that a person can read. Lenient: what a record lacks is left out.

use anstyle::{AnsiColor, Style};
use serde_json::Value;

const DIM: Style = Style::new().dimmed();

/// `12:03:58 200 GET /api/users/42  12 ms  users  19 left`.
pub(crate) fn format(record: &Value) -> String {
    let status = record.get("status").and_then(Value::as_u64).unwrap_or_default();
    let style = status_style(status);
    let mut parts = vec![format!("{style}{status}{style:#}")];
    if let Some(time) = text(record, "/time") {
        parts.insert(0, format!("{DIM}{}{DIM:#}", time_of_day(&time)));
    }
    parts.extend(text(record, "/method"));
    parts.extend(text(record, "/path"));
    parts.extend(milliseconds(record).map(|duration| format!("{DIM}{duration} ms{DIM:#}")));
    parts.extend(text(record, "/route").map(|route| format!("{DIM}{route}{DIM:#}")));
    parts.extend(text(record, "/limit/remaining").map(|left| format!("{DIM}{left} left{DIM:#}")));
    parts.extend(text(record, "/error").map(|error| format!("{style}{error}{style:#}")));
    parts.extend(text(record, "/detail").map(|why| format!("({why})")));
    parts.join(" ")
}

fn status_style(status: u64) -> Style {
    match status {
        ..300 => AnsiColor::Green.on_default(),
        300..400 => AnsiColor::Cyan.on_default(),
        400..500 => AnsiColor::Yellow.on_default(),
        500.. => AnsiColor::Red.on_default().bold(),
    }
}

/// What stands there, if it is text or a number.
fn text(record: &Value, pointer: &str) -> Option<String> {
    match record.pointer(pointer)? {
        Value::String(text) => Some(printable(text)),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The time of day of an RFC 3339 date and time; anything else as it is.
fn time_of_day(time: &str) -> &str {
    time.split_once('T').and_then(|(_, time)| time.get(..8)).unwrap_or(time)
}

fn milliseconds(record: &Value) -> Option<String> {
    let value = record.get("latency").and_then(Value::as_f64)?;
    Some(if value < 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    })
}

/// Text from elsewhere, such as a request's path, without the control characters that steer terminals.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\t' {
            printable.extend(character.escape_debug());
        } else {
            printable.push(character);
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plain(record: &Value) -> String {
        anstream::adapter::strip_str(&format(record)).to_string()
    }

    #[test]
    fn a_served_request() {
        let record = json!({
            "time": "2026-11-21T12:03:58.123Z", "status": 200, "method": "GET", "path": "/api/users/42",
            "route": "users", "latency": 12.34, "limit": { "remaining": 19 },
        });
        assert_eq!(plain(&record), "12:03:58 200 GET /api/users/42 12 ms users 19 left");
    }

    #[test]
    fn an_error_says_which_and_why() {
        let record = json!({
            "status": 502, "method": "GET", "path": "/x", "latency": 1.5, "error": "upstream_unreachable",
            "detail": "connection refused",
        });
        assert_eq!(
            plain(&record),
            "502 GET /x 1.5 ms upstream_unreachable (connection refused)"
        );
    }

    #[test]
    fn a_strange_record_is_still_a_line() {
        assert_eq!(
            plain(&json!({"status": 204, "time": 5, "path": ["x"], "error": null})),
            "5 204"
        );
    }

    #[test]
    fn a_path_cannot_steer_the_terminal() {
        let record = json!({"status": 400, "method": "GET", "path": "/\u{1b}]0;owned\u{7}"});
        assert!(!format(&record).contains("\u{1b}]"), "{:?}", format(&record));
    }

    #[test]
    fn control_characters_are_shown_not_obeyed() {
        assert_eq!(printable("a\tb\r\u{9b}2Jé"), "a\tb\\r\\u{9b}2Jé");
    }
}
