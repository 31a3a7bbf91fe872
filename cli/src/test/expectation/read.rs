//! A file's text, read into an [`Expectation`], or every mistake in it.

use std::path::Path;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::records::records;
use super::values::{LARGEST_BODY, base64, body, failing, headers, only, request_line, set_headers, time};
use super::{Answer, Before, Exchange, Expectation, Expected, Setting, TestedFunction};
use crate::test::document::{Document, Node, Object};

/// The most events that one step may send first.
const MOST_BEFORE: u64 = 10_000;

const ANSWER_BODY: [&str; 4] = ["body", "body_base64", "body_length", "body_file"];

/// What is expected of an answer besides its status.
const OF_AN_ANSWER: [&str; 6] = [
    "headers",
    "body",
    "body_like",
    "body_base64",
    "body_length",
    "response_event",
];

/// Reads the file at `path`. `shared`: it is the one that the folder's expectations share, which says nothing of an
/// outcome. Files that it names are looked for beside it.
///
/// # Errors
/// Every mistake, a line each.
pub(crate) fn read(path: &Path, text: &str, shared: bool) -> Result<Expectation, Vec<String>> {
    let name = path.display().to_string();
    let document = Document::new(&name, text);
    let reader = Reader {
        folder: path.parent().unwrap_or(Path::new("")),
    };
    let expectation = document
        .root()
        .and_then(|root| root.object())
        .map(|object| reader.expectation(object, shared));
    match document.mistakes() {
        mistakes if mistakes.is_empty() => Ok(expectation.unwrap_or_default()),
        mistakes => Err(mistakes),
    }
}

struct Reader<'p> {
    folder: &'p Path,
}

impl Reader<'_> {
    fn expectation(&self, mut object: Object<'_>, shared: bool) -> Expectation {
        let about = object.take("about").and_then(|node| node.text());
        let mut setting = self.setting(&mut object);
        if !shared {
            let function = object.take("function").and_then(|node| node.parsed(str::parse));
            setting.function = function.unwrap_or_default();
            setting.before = object
                .take("sent_before")
                .map(|node| self.before(&node))
                .unwrap_or_default();
        }
        let expectation = Expectation {
            about,
            exchanges: self.exchanges(&mut object, shared),
            outcome: match setting.function {
                _ if shared => None,
                TestedFunction::Gateway => outcome(&mut object),
                TestedFunction::Authorizer => decision(&mut object),
            },
            setting,
        };
        object.finish();
        expectation
    }

    fn setting(&self, object: &mut Object<'_>) -> Setting {
        let config = object.take("config").and_then(|node| node.text());
        Setting {
            config: config.map(|config| self.folder.join(config)),
            variables: object
                .take("variables")
                .and_then(|node| node.members())
                .unwrap_or_default()
                .into_iter()
                .filter_map(|(name, node)| Some((name, node.text()?)))
                .collect(),
            kind: object.take("gateway_event").and_then(|node| node.parsed(str::parse)),
            form: object
                .take("authorizer_response")
                .and_then(|node| node.parsed(str::parse)),
            at: object.take("at").and_then(|node| node.parsed(time)),
            records: object.take("records").map(|node| records(&node)).unwrap_or_default(),
            function: TestedFunction::default(),
            before: Vec::new(),
        }
    }

    /// A number of times, or a list of steps.
    fn before(&self, node: &Node<'_>) -> Vec<Before> {
        if node.raw().starts_with('[') {
            let steps = node.elements().unwrap_or_default();
            return steps.iter().filter_map(|step| self.step(step)).collect();
        }
        let times = node.number(1..=MOST_BEFORE);
        let step = |times| Before {
            event: None,
            times,
            at: None,
            exchanges: Vec::new(),
        };
        times.map(step).into_iter().collect()
    }

    fn step(&self, node: &Node<'_>) -> Option<Before> {
        let mut object = node.object()?;
        let event = object
            .take("event")
            .map(|node| node.parsed(|name| self.event_text(name)));
        let times = object.take("times").map(|node| node.number(1..=MOST_BEFORE));
        let at = object.take("at").and_then(|node| node.parsed(time));
        let exchanges = self.exchanges(&mut object, true);
        object.finish();
        Some(Before {
            event: event.flatten(),
            times: times.flatten().unwrap_or(1),
            at,
            exchanges,
        })
    }

    fn exchanges(&self, object: &mut Object<'_>, only_answers: bool) -> Vec<Exchange> {
        let calls = object.take("upstream").and_then(|node| node.elements());
        let calls = calls.unwrap_or_default();
        let exchanges = calls.iter().filter_map(|node| self.exchange(node, only_answers));
        exchanges.collect()
    }

    /// `only_answers`: nothing is compared of these calls.
    fn exchange(&self, node: &Node<'_>, only_answers: bool) -> Option<Exchange> {
        let mut object = node.object()?;
        let request = object.required("request").and_then(|node| node.parsed(request_line));
        let (headers, body) = match only_answers {
            true => (Vec::new(), None),
            false => (headers(&mut object), body(&mut object)),
        };
        let answer = object.required("answer").and_then(|node| self.answer(&node));
        object.finish();
        Some(Exchange {
            request: request?,
            headers,
            body,
            answer: answer?,
        })
    }

    fn answer(&self, node: &Node<'_>) -> Option<Answer> {
        let mut object = node.object()?;
        if let Some(fails) = object.take("fails") {
            object.finish();
            return fails.parsed(failing).map(Answer::Fails);
        }
        let status = object.required("status");
        // A server's interim answers never reach the gateway, so that no final one is below 200.
        let status: Option<u16> = status.and_then(|node| node.number(200..=599));
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::from_u16(status.unwrap_or(200)).unwrap_or_default();
        if let Some(node) = object.take("headers") {
            set_headers(&node, &mut response);
        }
        self.set_body(&mut object, &mut response);
        object.finish();
        Some(Answer::Response(response))
    }

    fn set_body(&self, object: &mut Object<'_>, response: &mut Response<Bytes>) {
        let Some((name, node)) = only(object, &ANSWER_BODY) else {
            return;
        };
        let body = match name {
            "body_file" => node.parsed(|name| self.file_bytes(name)),
            "body" if !node.raw().starts_with('"') => {
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().entry(CONTENT_TYPE).or_insert(json);
                // As it is written: the gateway keeps the order of members and the text of numbers.
                Some(Bytes::from(node.raw().to_owned()))
            }
            "body" => node.text().map(Bytes::from),
            "body_base64" => node.parsed(base64),
            _ => node
                .number(0..=LARGEST_BODY)
                .map(|length: usize| vec![b'x'; length].into()),
        };
        *response.body_mut() = body.unwrap_or_default();
    }

    fn file_bytes(&self, name: &str) -> Result<Bytes, String> {
        let path = self.folder.join(name);
        let bytes = std::fs::read(&path);
        bytes
            .map(Bytes::from)
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    fn event_text(&self, name: &str) -> Result<String, String> {
        let bytes = self.file_bytes(name)?;
        let text = String::from_utf8(bytes.into()).map_err(|_| format!("{name}: is not UTF-8 text"))?;
        let json = serde_json::from_str::<&RawValue>(&text);
        json.map_err(|error| format!("{name}: is no JSON: {error}"))?;
        Ok(text)
    }
}

fn outcome(object: &mut Object<'_>) -> Option<Expected> {
    if let Some(node) = object.take("decision") {
        node.wrong("is the authorizer's: it goes with \"function\": \"authorizer\"");
    }
    let error = object.take("error");
    let status = object.take("status");
    // Beside an error they would never be looked at.
    if status.is_none() && error.is_some() {
        for (name, node) in object.among(&OF_AN_ANSWER) {
            node.wrong(format!("a Lambda error has no \"{name}\": that is of an answer"));
        }
    }
    let headers = headers(object);
    let body = body(object);
    let event = object.take("response_event");
    match (status, error) {
        (Some(status), None) => Some(Expected::Response {
            status: status.number(100..=599)?,
            headers,
            body,
            event: event.and_then(|node| response_event(&node)).unwrap_or_default(),
        }),
        (None, Some(error)) => read_error(&error),
        _ => {
            object.wrong("needs either \"status\" (an answer) or \"error\" (a Lambda error)");
            None
        }
    }
}

/// What an authorizer's event comes to.
fn decision(object: &mut Object<'_>) -> Option<Expected> {
    for (name, node) in object.among(&["status"]).into_iter().chain(object.among(&OF_AN_ANSWER)) {
        node.wrong(format!(
            "the authorizer gives no \"{name}\": that is of the gateway's answer"
        ));
    }
    match (object.take("decision"), object.take("error")) {
        (Some(decision), None) => decision.value().map(Expected::Decision),
        (None, Some(error)) => read_error(&error),
        _ => {
            object.wrong("needs either \"decision\" (the authorizer's answer) or \"error\" (a Lambda error)");
            None
        }
    }
}

fn read_error(node: &Node<'_>) -> Option<Expected> {
    let mut object = node.object()?;
    let error_type = object.required("type").and_then(|node| node.text());
    let message = object.take("message").and_then(|node| node.text());
    object.finish();
    Some(Expected::Error {
        error_type: error_type?,
        message,
    })
}

fn response_event(node: &Node<'_>) -> Option<Map<String, Value>> {
    let members = node.members()?.into_iter();
    Some(members.filter_map(|(name, node)| Some((name, node.value()?))).collect())
}
