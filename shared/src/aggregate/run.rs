//! The calls of an aggregate: who may begin, who has ended, and whether the rest is worth waiting for.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use super::freshness::Freshness;
use super::{Aggregate, Asked, MAX_BYTES, Merge, Need, Part, part};
use crate::error::GatewayError;
use crate::request::Request;
use crate::template::Values;
use crate::upstream::Caller;

/// How a part ended.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) answer: Result<PartAnswer, GatewayError>,
    /// What its service answered with, if it did.
    pub(super) status: Option<StatusCode>,
    pub(super) elapsed: Duration,
}

/// What a part gives to the answer.
#[derive(Clone, Debug)]
pub(super) struct PartAnswer {
    /// Its JSON text.
    pub(super) json: Bytes,
    pub(super) freshness: Freshness,
}

/// What stays the same from the first call to the last.
struct Setting<'a> {
    aggregate: &'a Aggregate,
    caller: &'a Caller,
    asked: Asked<'a>,
    /// What every part is told.
    headers: HeaderMap,
    ends: Instant,
}

/// What has come of each part so far, in declared order.
struct Progress {
    begun: Vec<bool>,
    outcomes: Vec<Option<Outcome>>,
    /// What others are filled with: its answer, or what stands in for it.
    texts: Vec<Option<Bytes>>,
}

/// Runs the parts until all have ended, or a required one failed and every one before it has ended too. `None`: not ended.
pub(super) async fn run(aggregate: &Aggregate, caller: &Caller, asked: Asked<'_>) -> Vec<Option<Outcome>> {
    let whole = aggregate
        .timeout
        .map_or(asked.budget, |timeout| timeout.min(asked.budget));
    let setting = Setting {
        aggregate,
        caller,
        asked,
        headers: part::common_headers(&asked.request.headers),
        ends: Instant::now() + whole,
    };
    let mut progress = Progress::new(aggregate.parts.len());
    let mut open = FuturesUnordered::new();
    loop {
        while let Some(index) = progress.next(aggregate) {
            match setting.request(index, &progress) {
                Ok(request) => open.push(setting.call(index, request)),
                Err(error) => progress.end(aggregate, index, Outcome::not_called(error)),
            }
        }
        if progress.is_decided(aggregate) {
            break;
        }
        match open.next().await {
            Some((index, outcome)) => progress.end(aggregate, index, outcome),
            None => break,
        }
    }
    progress.outcomes
}

impl Setting<'_> {
    /// What the part asks. The error is its failure.
    fn request(&self, index: usize, progress: &Progress) -> Result<Request, GatewayError> {
        let part = &self.aggregate.parts[index];
        for &input in &part.inputs {
            let outcome = progress.outcomes[input].as_ref();
            if let Some(Err(error)) = outcome.map(|outcome| &outcome.answer)
                && progress.texts[input].is_none()
            {
                return Err(self.aggregate.parts[input].failed(error));
            }
        }
        let values = Values {
            parts: &progress.texts,
            ..self.asked.values
        };
        part::request(part, self.asked.request, &values, &self.headers)
    }

    async fn call(&self, index: usize, request: Request) -> (usize, Outcome) {
        let part = &self.aggregate.parts[index];
        let begun = Instant::now();
        let left = self.ends.saturating_duration_since(begun);
        let answered = self.caller.call(&part.call, &request, self.asked.stamps, left).await;
        let status = answered.as_ref().ok().map(http::Response::status);
        let outcome = Outcome {
            answer: answered
                .map_err(|error| blamed(part, error))
                .and_then(|answer| self.read(answer)),
            status,
            elapsed: begun.elapsed(),
        };
        (index, outcome)
    }

    fn read(&self, answer: http::Response<Bytes>) -> Result<PartAnswer, GatewayError> {
        let freshness = Freshness::of(answer.headers());
        let json = part::read(answer)?;
        if json.len() > MAX_BYTES {
            let why = format!("The service behind this path answered with more than {MAX_BYTES} bytes.");
            return Err(GatewayError::ResponseTooLarge { why });
        }
        if matches!(self.aggregate.merge, Merge::Spread(_)) && !json.starts_with(b"{") {
            let why = "the answer's body is no object, whose members could be spread".to_owned();
            return Err(GatewayError::UpstreamInvalid { why });
        }
        Ok(PartAnswer { json, freshness })
    }
}

/// A path or query that is too long is another part's doing: front doors take far less from clients.
fn blamed(part: &Part, error: GatewayError) -> GatewayError {
    match error {
        GatewayError::BadRequest { why } if !part.inputs.is_empty() => GatewayError::UpstreamInvalid { why },
        other => other,
    }
}

impl Progress {
    fn new(parts: usize) -> Self {
        Self {
            begun: vec![false; parts],
            outcomes: vec![None; parts],
            texts: vec![None; parts],
        }
    }

    /// A part that can begin now; it counts as begun from here on.
    fn next(&mut self, aggregate: &Aggregate) -> Option<usize> {
        let ended = |input: &usize| self.outcomes[*input].is_some();
        let ready = |(index, part): &(usize, &Part)| !self.begun[*index] && part.inputs.iter().all(ended);
        let (index, _) = aggregate.parts.iter().enumerate().find(ready)?;
        self.begun[index] = true;
        Some(index)
    }

    fn end(&mut self, aggregate: &Aggregate, index: usize, outcome: Outcome) {
        self.texts[index] = match (&outcome.answer, &aggregate.parts[index].need) {
            (Ok(answer), _) => Some(answer.json.clone()),
            (Err(_), Need::Fallback(json)) => Some(json.clone()),
            (Err(_), _) => None,
        };
        self.outcomes[index] = Some(outcome);
    }

    /// Whether nothing that is still open can change the answer. A required part that failed decides it once every
    /// required part before it has ended: else the answer would depend on which failed sooner.
    fn is_decided(&self, aggregate: &Aggregate) -> bool {
        let mut required = aggregate
            .parts
            .iter()
            .zip(&self.outcomes)
            .filter(|(part, _)| part.need == Need::Required);
        let succeeded = |outcome: &Option<Outcome>| outcome.as_ref().is_some_and(|outcome| outcome.answer.is_ok());
        let first = required.find(|(_, outcome)| !succeeded(outcome));
        first.is_some_and(|(_, outcome)| outcome.is_some())
    }
}

impl Outcome {
    fn not_called(error: GatewayError) -> Self {
        Self {
            answer: Err(error),
            status: None,
            elapsed: Duration::ZERO,
        }
    }
}
