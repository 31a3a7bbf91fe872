//! An outcome beside what was expected of it: every difference, each at its place.

use std::fmt;

use serde_json::Value;

use super::expectation::{Body, Expectation, Expected, HeaderRule, Headers, is_like};
use super::outcome::{LambdaError, Outcome, Output, Response};
use super::seams::Call;

/// What stands for something that is not there.
const NOTHING: &str = "nothing";
/// How much of a text is shown before and after the place where it differs, in characters.
const AROUND: usize = 60;

/// One thing that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// `status`, `header etag`, `body /user/email`, `upstream 1, header x-user-id`...
    pub(super) place: String,
    pub(super) expected: String,
    pub(super) got: String,
}

impl Difference {
    fn new(place: impl fmt::Display, expected: impl fmt::Display, got: impl fmt::Display) -> Self {
        Self {
            place: place.to_string(),
            expected: expected.to_string(),
            got: got.to_string(),
        }
    }
}

/// Every difference: of the answer first, then of the calls, then of what was sent before.
pub(super) fn differences(expectation: &Expectation, outcome: &Outcome) -> Vec<Difference> {
    let mut found = match (&expectation.outcome, &outcome.result) {
        (None, _) => Vec::new(),
        (Some(Expected::Response { .. }), Ok(Output::Response(response))) => {
            of_response(expectation, outcome, response)
        }
        (Some(Expected::Decision(expected)), Ok(Output::Decision(got))) => {
            of_json("decision ", Some(expected), Some(got))
        }
        (Some(Expected::Error { error_type, message }), Err(error)) => of_error(error_type, message.as_ref(), error),
        (Some(expected), got) => {
            let got = got.as_ref().map_or_else(ToString::to_string, ToString::to_string);
            vec![Difference::new("outcome", expected, got)]
        }
    };
    found.extend(of_calls(expectation, outcome));
    if let Some(why) = &outcome.refused_before {
        found.push(Difference::new("sent_before", "requests", why));
    }
    found
}

fn of_response(expectation: &Expectation, outcome: &Outcome, response: &Response) -> Vec<Difference> {
    let Some(Expected::Response {
        status,
        headers,
        body,
        event,
    }) = &expectation.outcome
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if u64::from(*status) != response.status {
        found.push(Difference::new("status", status, response.status));
    }
    found.extend(of_headers("", headers, |name| outcome.header(response, name)));
    found.extend(of_body("", body.as_ref(), outcome, &response.body));
    for (name, expected) in event {
        let got = response.event.get(name).unwrap_or(&Value::Null);
        found.extend(of_json(&format!("response_event /{name}"), Some(expected), Some(got)));
    }
    found
}

fn of_error(error_type: &str, message: Option<&String>, error: &LambdaError) -> Vec<Difference> {
    let mut found = Vec::new();
    if error_type != error.error_type {
        found.push(Difference::new("error type", error_type, error.error_type));
    }
    if let Some(message) = message.filter(|message| **message != error.message) {
        found.push(of_text("error message", message, &error.message));
    }
    found
}

fn of_calls(expectation: &Expectation, outcome: &Outcome) -> Vec<Difference> {
    let mut found = Vec::new();
    for (place, exchange) in expectation.exchanges.iter().enumerate() {
        let name = format!("upstream {} ", place + 1);
        match call_of(outcome, place) {
            None => found.push(Difference::new(name.trim_end(), &exchange.request, "no such call")),
            Some(call) => {
                found.extend(of_headers(&name, &exchange.headers, |header| {
                    outcome.sent(&call.headers, header)
                }));
                found.extend(of_body(&name, exchange.body.as_ref(), outcome, &call.body));
            }
        }
    }
    let unexpected = outcome.calls.iter().filter(|call| call.exchange.is_none());
    found.extend(unexpected.map(|call| Difference::new("upstream", "no further call", &call.request)));
    found
}

/// The call that an exchange answered.
pub(super) fn call_of(outcome: &Outcome, exchange: usize) -> Option<&Call> {
    outcome.calls.iter().find(|call| call.exchange == Some(exchange))
}

fn of_headers(of: &str, rules: &Headers, values: impl Fn(&str) -> Vec<String>) -> Vec<Difference> {
    let broken = rules.iter().filter_map(|(name, rule)| {
        let got = values(name);
        (!rule.holds(&got)).then(|| Difference::new(format!("{of}header {name}"), rule, quoted(&got)))
    });
    broken.collect()
}

fn of_body(of: &str, expected: Option<&Body>, outcome: &Outcome, got: &[u8]) -> Vec<Difference> {
    let place = format!("{of}body");
    let text = std::str::from_utf8(got).map(|text| outcome.stable(text));
    let binary = || format!("{} bytes that are no text", got.len());
    match expected {
        None => Vec::new(),
        Some(body) if body.is(outcome, got) => Vec::new(),
        Some(Body::Length(length)) => vec![Difference::new(
            place,
            format!("{length} bytes"),
            format!("{} bytes", got.len()),
        )],
        Some(Body::Like(form)) => {
            let got = text.map_or_else(|_| binary(), |text| short(&text));
            vec![Difference::new(place, format!("a text like {form:?}"), got)]
        }
        Some(Body::Bytes(bytes)) => vec![Difference::new(place, hex(bytes), hex(got))],
        Some(Body::Text(expected)) => match text {
            Ok(text) => vec![of_text(&place, expected, &text)],
            Err(_) => vec![Difference::new(place, short(expected), binary())],
        },
        Some(Body::Json(expected)) => match text.map(|text| serde_json::from_str::<Value>(&text).map_err(|_| text)) {
            Ok(Ok(got)) => of_json(&format!("{place} "), Some(expected), Some(&got)),
            Ok(Err(text)) => vec![Difference::new(place, "JSON", short(&text))],
            Err(_) => vec![Difference::new(place, "JSON", binary())],
        },
    }
}

impl Body {
    /// Whether these bytes are this body.
    pub(super) fn is(&self, outcome: &Outcome, got: &[u8]) -> bool {
        let text = || std::str::from_utf8(got).ok().map(|text| outcome.stable(text));
        match self {
            Self::Length(length) => got.len() == *length,
            Self::Bytes(bytes) => bytes == got,
            Self::Like(form) => text().is_some_and(|text| is_like(&text, form)),
            Self::Text(expected) => text().is_some_and(|text| text == *expected),
            Self::Json(expected) => {
                text().is_some_and(|text| serde_json::from_str(&text).is_ok_and(|got: Value| got == *expected))
            }
        }
    }
}

/// The places at which two values differ, as JSON pointers.
fn of_json(place: &str, expected: Option<&Value>, got: Option<&Value>) -> Vec<Difference> {
    match (expected, got) {
        (Some(expected), Some(got)) if expected == got => Vec::new(),
        (Some(Value::Object(expected)), Some(Value::Object(got))) => {
            let more = got.keys().filter(|name| !expected.contains_key(*name));
            let names = expected.keys().chain(more);
            let inner = |name: &String| {
                let place = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
                of_json(&place, expected.get(name), got.get(name))
            };
            names.flat_map(inner).collect()
        }
        (Some(Value::Array(expected)), Some(Value::Array(got))) => {
            let inner = |at: usize| of_json(&format!("{place}/{at}"), expected.get(at), got.get(at));
            (0..expected.len().max(got.len())).flat_map(inner).collect()
        }
        (expected, got) => {
            let shown = |value: Option<&Value>| value.map_or(NOTHING.to_owned(), |value| short(&value.to_string()));
            vec![Difference::new(place.trim_end(), shown(expected), shown(got))]
        }
    }
}

/// Two texts around the first character that differs.
fn of_text(place: &str, expected: &str, got: &str) -> Difference {
    let same = expected
        .chars()
        .zip(got.chars())
        .take_while(|(one, other)| one == other)
        .count();
    let cut = |text: &str| {
        let from = same.saturating_sub(AROUND);
        let mut part: String = text.chars().skip(from).take(2 * AROUND).collect();
        if from > 0 {
            part.insert(0, '…');
        }
        if text.chars().count() > from + 2 * AROUND {
            part.push('…');
        }
        format!("{part:?}")
    };
    Difference::new(place, cut(expected), cut(got))
}

fn short(text: &str) -> String {
    match text.char_indices().nth(4 * AROUND) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

fn hex(bytes: &[u8]) -> String {
    let shown: String = bytes.iter().take(AROUND).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > AROUND { "…" } else { "" };
    format!("{} bytes, {shown}{more}", bytes.len())
}

fn quoted(values: &[String]) -> String {
    match values {
        [] => NOTHING.to_owned(),
        values => values
            .iter()
            .map(|value| format!("{value:?}"))
            .collect::<Vec<_>>()
            .join(" and "),
    }
}

impl fmt::Display for HeaderRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str(NOTHING),
            Self::Values(values) => f.write_str(&quoted(values)),
            Self::Like(form) => write!(f, "a value like {form:?}"),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response { status, .. } => write!(f, "an answer, status {status}"),
            Self::Decision(_) => f.write_str("a decision"),
            Self::Error { error_type, .. } => write!(f, "the Lambda error {error_type}"),
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response(response) => write!(f, "an answer, status {}", response.status),
            Self::Decision(decision) => write!(f, "the decision {}", short(&decision.to_string())),
        }
    }
}

impl fmt::Display for LambdaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the Lambda error {}: {}", self.error_type, self.message)
    }
}
