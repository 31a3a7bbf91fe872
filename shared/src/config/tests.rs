//! Tests of the whole loader: every way to be wrong as a file with its exact message, the examples, and that
//! one mistake hides no other.

mod aggregate;
mod cache;
mod collected;
mod documents;
mod edge;
mod hostile;
mod packed;
mod respond;
#[cfg(feature = "schema")]
mod schema;
mod secrets;
mod source;
mod upstreams;
mod values;
mod wrong;

use super::{Checked, Mistakes, Route, Target, UpstreamCall, parse};

/// What placeholders find in these tests.
pub(super) fn variable(name: &str) -> Option<String> {
    let value = match name {
        "A_HOST" => "a.internal",
        "RPS" => "100",
        "YES" => "true",
        "EMPTY" => "",
        "NESTED" => "${RPS}",
        "SECRET" => "hunter2-hunter2",
        _ => return None,
    };
    Some(value.to_owned())
}

fn load(text: &str) -> Result<Checked, Mistakes> {
    parse("gateway.yaml", text, &variable)
}

/// The document, right.
#[track_caller]
fn right(text: &str) -> Checked {
    match load(text) {
        Ok(checked) => checked,
        Err(mistakes) => panic!("should be right:\n{mistakes}"),
    }
}

/// The mistakes of a document, one line each.
#[track_caller]
fn mistakes(text: &str) -> String {
    match load(text) {
        Ok(_) => panic!("should be wrong"),
        Err(mistakes) => mistakes.to_string(),
    }
}

/// How a route calls its service.
#[track_caller]
fn call(route: &Route) -> &UpstreamCall {
    match &route.target {
        Target::Call(call) => call,
        other => panic!("calls nobody: {other:?}"),
    }
}

/// Routes without an `auth` section: what a document needs besides what a test is about.
const OPEN_ROUTE: &str = "routes:\n  - path: /a\n    upstream: http://a:1\n    auth: none\n";
