//! `aggregate`: one request becomes several calls, and their answers one.
//!
//! Parts run side by side, each as soon as what it is filled with is there. The answer is made in declared order, so that
//! the same outcomes give the same bytes, whatever finished first. `docs/aggregation.md` has the table of statuses.

mod freshness;
mod merge;
mod part;
mod run;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Method, Response, StatusCode};

use crate::config::{Pointer, UpstreamCall};
use crate::error::GatewayError;
use crate::record::PartOutcome;
use crate::request::Request;
use crate::template::{HeaderTemplate, Source, TargetTemplate, Values};
use crate::upstream::{Caller, Stamps};
pub(crate) use part::is_own_header;
use run::Outcome;

/// The parts that failed, in declared order, on an answer that does without them.
pub const X_PARTIAL: HeaderName = HeaderName::from_static("x-partial");

/// The member that says why parts are missing, with `partial_errors`.
pub const ERRORS_MEMBER: &str = "_errors";

/// The most parts of an aggregate: it bounds how many connections and how much memory one request takes.
pub const MAX_PARTS: usize = 16;

/// What `on_partial` may be: statuses under which a body is read as it stands. Not 206, which answers a range request.
pub const PARTIAL_STATUSES: [StatusCode; 6] = [
    StatusCode::OK,
    StatusCode::NON_AUTHORITATIVE_INFORMATION,
    StatusCode::MULTI_STATUS,
    StatusCode::BAD_GATEWAY,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

/// How many bytes all parts together may have: more cannot leave through Lambda anyway.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// A route's `aggregate`, with what stands beside it.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// In declared order; at least one, at most [`MAX_PARTS`].
    pub parts: Vec<Part>,
    /// How their answers become one.
    pub merge: Merge,
    /// The status of an answer without some of its parts.
    pub on_partial: StatusCode,
    /// Whether such an answer says why.
    pub partial_errors: bool,
    /// The longest all parts may take together; `None`: each as long as it may, and all as long as the request.
    pub timeout: Option<Duration>,
}

/// One of the calls.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name in the answer, in the log, and in other parts' placeholders.
    pub name: Arc<str>,
    /// Where it stands.
    pub pointer: Pointer,
    /// The service, and how long it may take.
    pub call: UpstreamCall,
    /// How it is asked.
    pub method: Method,
    /// What it is asked for.
    pub target: TargetTemplate,
    /// What it is told besides what all parts are.
    pub headers: Vec<(HeaderName, HeaderTemplate)>,
    /// What its failure means.
    pub need: Need,
    /// The parts whose answers `target` and `headers` are filled with. No circle is in them.
    pub inputs: Vec<usize>,
}

/// What the failure of a part means for the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// There is no answer without it.
    Required,
    /// The answer does without it.
    Optional,
    /// This JSON text stands in for it.
    Fallback(Bytes),
}

/// `merge`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// An object with each part's answer under its name; one that failed is not in it.
    Name,
    /// An object with the members of all parts, each of which is an object.
    Spread(OnConflict),
    /// A list; `null` stands for a part that failed.
    List,
}

/// `on_conflict`: what happens when two parts have a member of one name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// 502: which of them is meant is not the gateway's to guess.
    #[default]
    Error,
    /// The member of the part declared first.
    First,
    /// The member of the part declared last, in the place of the first.
    Last,
}

/// What an aggregate is asked.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Whose headers all parts get: the client's request, ready to go to a service.
    pub request: &'a Request,
    /// What parts are filled with.
    pub values: Values<'a>,
    /// What every call carries.
    pub stamps: Stamps<'a>,
    /// What is left of the request's time.
    pub budget: Duration,
}

impl Aggregate {
    /// What the texts of its parts name.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.parts.iter().flat_map(|part| {
            let headers = part.headers.iter().flat_map(|(_, value)| value.sources());
            part.target.sources().chain(headers)
        })
    }

    /// Calls the parts and makes one answer of theirs. `told` gets how each part ended, in declared order. Nothing is left
    /// running: what is open when the answer is decided, is dropped.
    ///
    /// Errors: `BadRequest` and `Forbidden` before any call, when the request or its caller lacks what a part is filled
    /// with; `Part` for the first required part, in declared order, that failed, or for the first part when all failed;
    /// `UpstreamInvalid` for members that collide; `ResponseTooLarge`.
    pub async fn answer(
        &self,
        caller: &Caller,
        asked: Asked<'_>,
        told: &mut Vec<PartOutcome>,
    ) -> Result<Response<Bytes>, GatewayError> {
        for part in &self.parts {
            part.target
                .check(&asked.values)
                .map_err(|unfilled| unfilled.into_error(&part.pointer))?;
        }
        let outcomes = run::run(self, caller, asked).await;
        told.extend(
            self.parts
                .iter()
                .zip(&outcomes)
                .map(|(part, outcome)| told_of(part, outcome.as_ref())),
        );
        if let Some(error) = self.failure(&outcomes) {
            return Err(error);
        }
        merge::merge(self, &outcomes)
    }

    /// Why there is no answer. The first required part in declared order counts, so that which one fails sooner makes no
    /// difference.
    fn failure(&self, outcomes: &[Option<Outcome>]) -> Option<GatewayError> {
        let failed = |part: &Part, outcome: &Option<Outcome>| {
            let error = outcome.as_ref()?.answer.as_ref().err()?;
            Some(part.failed(error))
        };
        let mut both = self.parts.iter().zip(outcomes);
        let required = both
            .clone()
            .filter(|(part, _)| part.need == Need::Required)
            .find_map(|(part, outcome)| failed(part, outcome));
        required.or_else(|| {
            let errors: Option<Vec<GatewayError>> = both.all(|(part, _)| part.need == Need::Optional).then(|| {
                self.parts
                    .iter()
                    .zip(outcomes)
                    .map(|(part, outcome)| failed(part, outcome))
                    .collect()
            })?;
            errors?.into_iter().next()
        })
    }
}

impl Part {
    /// The error of whatever needs this part.
    fn failed(&self, error: &GatewayError) -> GatewayError {
        GatewayError::Part {
            name: Arc::clone(&self.name),
            error: Box::new(error.clone()),
            at: self.pointer.clone(),
        }
    }
}

fn told_of(part: &Part, outcome: Option<&Outcome>) -> PartOutcome {
    let error = outcome.and_then(|outcome| outcome.answer.as_ref().err());
    PartOutcome {
        name: Arc::clone(&part.name),
        upstream: Arc::clone(&part.call.upstream.name),
        status: outcome.and_then(|outcome| outcome.status),
        error: match outcome {
            Some(_) => error.map(GatewayError::code),
            // Another part's failure decided the answer before this one ended.
            None => Some("unfinished"),
        },
        detail: error.and_then(GatewayError::detail),
        elapsed: outcome.map(|outcome| outcome.elapsed),
    }
}
