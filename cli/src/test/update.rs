//! `--update`: what came out becomes what is expected. Members that need no change keep the text they have.

mod draft;
#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::case::{Case, Unscripted};
use super::compare::{call_of, differences};
use super::expectation::{Body, Exchange, Expectation, Expected, HeaderRule, Headers};
use super::outcome::{Outcome, Output, Response};
use super::seams::Call;
use draft::Draft;

/// What differs from run to run.
const VOLATILE: [&str; 3] = ["x-request-id", "x-response-time", "traceparent"];
/// The members that say what a body is.
const BODY: [&str; 4] = ["body", "body_like", "body_base64", "body_length"];
/// The members that say what the gateway answers, besides these.
const ANSWER: [&str; 3] = ["status", "headers", "response_event"];
/// A longer body of which nothing is expected yet is only counted, in bytes.
const LONGEST_BODY: usize = 16 * 1024;

/// A new text for an expectation's file.
#[derive(Debug)]
pub(super) struct Update {
    pub(super) text: String,
    /// Calls that nothing answered, and that got `200 {}` for the time being.
    pub(super) made_up: Vec<String>,
    /// Calls that are not made any more, and were taken out with the answers that somebody wrote for them.
    pub(super) taken_out: Vec<String>,
}

/// Runs a case that is not as expected once more, and writes down what comes out.
pub(super) async fn update(case: &Case) -> Update {
    let mut exchanges = case.expectation.exchanges.clone();
    let mut outcome = case.run(&exchanges, Unscripted::Answered).await;
    if rename(&mut exchanges, &outcome) {
        outcome = case.run(&exchanges, Unscripted::Answered).await;
    }
    let expectation = Expectation {
        exchanges,
        ..case.expectation.clone()
    };
    let mut draft = Draft::read(case.text.as_deref().unwrap_or("{}"));
    write_calls(&mut draft, &expectation, &outcome);
    write_outcome(&mut draft, expectation.outcome.as_ref(), &outcome);
    Update {
        text: draft.render(0) + "\n",
        made_up: unanswered(&outcome).map(|call| call.request.clone()).collect(),
        taken_out: not_made(&expectation.exchanges, &outcome)
            .map(|place| expectation.exchanges[place].request.clone())
            .collect(),
    }
}

/// Whether a case has nothing to update.
pub(super) fn is_settled(case: &Case, outcome: &Outcome) -> bool {
    case.expectation.outcome.is_some() && differences(&case.expectation, outcome).is_empty()
}

fn unanswered(outcome: &Outcome) -> impl Iterator<Item = &Call> {
    outcome.calls.iter().filter(|call| call.exchange.is_none())
}

/// The places of exchanges that nobody asked for.
fn not_made(exchanges: &[Exchange], outcome: &Outcome) -> impl Iterator<Item = usize> {
    (0..exchanges.len()).filter(|place| call_of(outcome, *place).is_none())
}

/// Gives exchanges that nobody asked for the requests that nothing answered, in their order, so that a route that goes
/// elsewhere now keeps the answer that somebody wrote for it. Whether there were any.
fn rename(exchanges: &mut [Exchange], outcome: &Outcome) -> bool {
    let pairs: Vec<(usize, &Call)> = not_made(exchanges, outcome).zip(unanswered(outcome)).collect();
    for (place, call) in &pairs {
        exchanges[*place].request.clone_from(&call.request);
    }
    !pairs.is_empty()
}

fn write_calls(draft: &mut Draft, expectation: &Expectation, outcome: &Outcome) {
    let before = draft.list("upstream");
    let mut after = Vec::new();
    for (place, (exchange, mut draft)) in expectation.exchanges.iter().zip(before).enumerate() {
        // An exchange that nobody asked for is no part of what came out.
        let Some(call) = call_of(outcome, place) else { continue };
        draft.set("request", &json!(exchange.request));
        write_headers(&mut draft, &exchange.headers, |name| outcome.sent(&call.headers, name));
        write_body(&mut draft, exchange.body.as_ref(), outcome, &call.body);
        after.push(draft);
    }
    after.extend(unanswered(outcome).map(|call| new_exchange(call, outcome)));
    match after.is_empty() {
        true => draft.remove("upstream"),
        false => draft.set_list("upstream", &after),
    }
}

fn new_exchange(call: &Call, outcome: &Outcome) -> Draft {
    let mut draft = Draft::default();
    draft.set("request", &json!(call.request));
    let names = call.headers.keys().map(|name| name.as_str());
    set_headers(&mut draft, names, |name| outcome.sent(&call.headers, name));
    if !call.body.is_empty() {
        set_body(&mut draft, outcome, &call.body, LONGEST_BODY);
    }
    draft.set_text("answer", r#"{ "status": 200, "body": {} }"#);
    draft
}

fn write_outcome(draft: &mut Draft, expected: Option<&Expected>, outcome: &Outcome) {
    let response = match &outcome.result {
        Ok(Output::Response(response)) => response,
        Ok(Output::Decision(decision)) => return write_only(draft, "decision", decision),
        Err(error) => {
            let error = json!({ "type": error.error_type, "message": error.message });
            return write_only(draft, "error", &error);
        }
    };
    draft.remove("decision");
    draft.remove("error");
    draft.set("status", &json!(response.status));
    match expected {
        Some(Expected::Response {
            headers, body, event, ..
        }) => {
            write_headers(draft, headers, |name| outcome.header(response, name));
            write_body(draft, body.as_ref(), outcome, &response.body);
            write_event(draft, event, response);
        }
        Some(Expected::Decision(_) | Expected::Error { .. }) | None => {
            let names = response.headers.iter().map(|(name, _)| name.as_str());
            set_headers(draft, names, |name| outcome.header(response, name));
            set_body(draft, outcome, &response.body, LONGEST_BODY);
        }
    }
}

/// Writes what an event comes to where that is one member, in place of all others that could say it.
fn write_only(draft: &mut Draft, name: &str, value: &Value) {
    let others = ANSWER.into_iter().chain(BODY).chain(["decision", "error"]);
    others
        .filter(|other| *other != name)
        .for_each(|other| draft.remove(other));
    draft.set(name, value);
}

/// Rules that hold stay as they are.
fn write_headers(draft: &mut Draft, rules: &Headers, values: impl Fn(&str) -> Vec<String>) {
    if rules.iter().all(|(name, rule)| rule.holds(&values(name))) {
        return;
    }
    let rewritten = rules.iter().map(|(name, rule)| {
        let values = values(name);
        let value = match rule {
            HeaderRule::Like(form) if rule.holds(&values) => json!({ "like": form }),
            _ => header(&values),
        };
        (name.clone(), value)
    });
    draft.set("headers", &Value::Object(rewritten.collect()));
}

/// All headers but those that differ from run to run.
fn set_headers<'n>(draft: &mut Draft, names: impl Iterator<Item = &'n str>, values: impl Fn(&str) -> Vec<String>) {
    let stable = names.filter(|name| !VOLATILE.contains(name));
    let headers: Map<String, Value> = stable.map(|name| (name.to_owned(), header(&values(name)))).collect();
    draft.set("headers", &Value::Object(headers));
}

fn header(values: &[String]) -> Value {
    match values {
        [] => Value::Null,
        [value] => json!(value),
        values => json!(values),
    }
}

fn write_body(draft: &mut Draft, expected: Option<&Body>, outcome: &Outcome, got: &[u8]) {
    match expected {
        None => {}
        Some(body) if body.is(outcome, got) => {}
        Some(Body::Length(_)) => draft.set("body_length", &json!(got.len())),
        // Whoever wrote down a whole body has it compared whole, however long it is.
        Some(_) => set_body(draft, outcome, got, usize::MAX),
    }
}

/// A body longer than `longest` bytes is only counted.
fn set_body(draft: &mut Draft, outcome: &Outcome, got: &[u8], longest: usize) {
    for name in BODY {
        draft.remove(name);
    }
    let text = std::str::from_utf8(got).map(|text| outcome.stable(text));
    match text {
        _ if got.len() > longest => draft.set("body_length", &json!(got.len())),
        Err(_) => draft.set("body_base64", &json!(STANDARD.encode(got))),
        Ok(text) => match serde_json::from_str(&text) {
            Ok(json @ (Value::Object(_) | Value::Array(_))) => draft.set("body", &json),
            _ => draft.set("body", &json!(text)),
        },
    }
}

fn write_event(draft: &mut Draft, expected: &Map<String, Value>, response: &Response) {
    let got = |name: &String| response.event.get(name).cloned().unwrap_or_default();
    if expected.iter().all(|(name, value)| got(name) == *value) {
        return;
    }
    let event = expected.keys().map(|name| (name.clone(), got(name))).collect();
    draft.set("response_event", &Value::Object(event));
}
