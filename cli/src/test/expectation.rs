//! What `NAME.expect.json` says: how the event is sent, what upstreams answer, and what must come out.
//! `docs/testing.md` has the grammar.

mod read;
mod records;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use bytes::Bytes;
use serde_json::{Map, Value};
use tollgate::api_key::ApiKeyRecord;
use tollgate::clock::Timestamp;
use tollgate::event::EventKind;
use tollgate::event::authorizer::ResponseForm;
use tollgate::limit::PlanDocument;
use tollgate::store::{SessionHash, SessionRecord};

use crate::function_kind::FunctionKind;

pub(super) use read::read;

/// The clock of a case that names no time: 2026-01-01T00:00:00Z.
pub(super) const DEFAULT_TIME: Timestamp = Timestamp::from_secs(1_767_225_600);

/// One file.
#[derive(Clone, Debug, Default)]
pub(super) struct Expectation {
    /// What the case is for, in the words of whoever wrote it.
    pub(super) about: Option<String>,
    pub(super) setting: Setting,
    /// Calls that the gateway must make, and their answers.
    pub(super) exchanges: Vec<Exchange>,
    /// `None` in the file that the folder's expectations share, and for an event that has none yet.
    pub(super) outcome: Option<Expected>,
}

/// How the event is sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Setting {
    /// The config, seen from where the command runs.
    pub(super) config: Option<PathBuf>,
    /// Values for placeholders.
    pub(super) variables: BTreeMap<String, String>,
    /// Which function gets it.
    pub(super) function: TestedFunction,
    /// `GATEWAY_EVENT`.
    pub(super) kind: Option<EventKind>,
    /// `AUTHORIZER_RESPONSE`.
    pub(super) form: Option<ResponseForm>,
    /// What the gateway's clock shows.
    pub(super) at: Option<Timestamp>,
    pub(super) records: Records,
    /// What is sent first.
    pub(super) before: Vec<Before>,
}

/// A function that can be tested without a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TestedFunction {
    #[default]
    Gateway,
    Authorizer,
}

impl FromStr for TestedFunction {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse()? {
            FunctionKind::Gateway => Ok(Self::Gateway),
            FunctionKind::Authorizer => Ok(Self::Authorizer),
            FunctionKind::Admin => {
                Err("\"admin\" works on a database, and these tests have none: `tollgate invoke` has one".into())
            }
        }
    }
}

/// What stands in the tables before anything is sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    pub(super) api_keys: Vec<ApiKeyRecord>,
    /// Names and what they let through.
    pub(super) plans: Vec<(String, PlanDocument)>,
    pub(super) sessions: Vec<(SessionHash, SessionRecord)>,
}

/// Events that are sent first: they move counters, fill caches, open circuit breakers.
#[derive(Clone, Debug)]
pub(super) struct Before {
    /// `None`: the event of the case itself.
    pub(super) event: Option<String>,
    pub(super) times: u32,
    /// `None`: at the time of the case itself.
    pub(super) at: Option<Timestamp>,
    /// What upstreams say to it, before what they say to the case itself. Each answers any number of calls.
    pub(super) exchanges: Vec<Exchange>,
}

/// A call of the gateway: to an upstream, or for a key set.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    /// `GET http://users.internal/users/42?a=1`.
    pub(super) request: String,
    pub(super) headers: Headers,
    pub(super) body: Option<Body>,
    pub(super) answer: Answer,
}

/// Header names in lower case, each with what must hold.
pub(super) type Headers = Vec<(String, HeaderRule)>;

/// What must hold of one header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HeaderRule {
    Absent,
    /// These values, in this order, and no other.
    Values(Vec<String>),
    /// One value of this form, in which `*` stands for any text.
    Like(String),
}

/// A body, said in one of five ways.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    Text(String),
    /// Text of this form, in which `*` stands for any text.
    Like(String),
    /// The order of members does not count.
    Json(Value),
    Bytes(Bytes),
    /// Only how many bytes it has.
    Length(usize),
}

/// How a call ends.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Response(http::Response<Bytes>),
    Fails(Failing),
}

/// The ways in which a call can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failing {
    /// No connection.
    Connect,
    /// No answer within the time-out.
    Timeout,
    /// The connection broke off.
    Broken,
}

/// What must come out.
#[derive(Clone, Debug)]
pub(super) enum Expected {
    Response {
        status: u16,
        headers: Headers,
        body: Option<Body>,
        /// Members of the response event itself; `null` is one that is not there.
        event: Map<String, Value>,
    },
    /// What the authorizer answers, whole.
    Decision(Value),
    /// A Lambda error: what the event's source takes for "not handled".
    Error {
        error_type: String,
        message: Option<String>,
    },
}

impl HeaderRule {
    /// Whether a header with these values is as it must be.
    pub(super) fn holds(&self, values: &[String]) -> bool {
        match self {
            Self::Absent => values.is_empty(),
            Self::Values(expected) => values == expected,
            Self::Like(form) => matches!(values, [value] if is_like(value, form)),
        }
    }
}

/// Whether a text has a form in which `*` stands for any text, also for none.
pub(super) fn is_like(text: &str, form: &str) -> bool {
    let mut parts = form.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    // The first place that fits is as good as any later one: what follows may begin anywhere after it.
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
