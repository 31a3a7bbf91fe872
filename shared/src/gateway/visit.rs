//! One request on its way through the stages: what every answer to it carries, however it ends.

use bytes::Bytes;
use http::Response;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::Answer;
use super::budget::Budget;
use crate::config::ErrorFormat;
use crate::edge::EdgeRules;
use crate::edge::finish::Finish;
use crate::edits::{Edits, Stage};
use crate::error::{GatewayError, response};
use crate::event::{self, AnswerForm, Event};
use crate::limit::{self, Admission, Decision, Patience};
use crate::record::{LimitOutcome, Record};
use crate::request::Request;
use crate::respond::FixedAnswer;
use crate::router::Found;
use crate::upstream::trace::random_hex;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_RESPONSE_TIME: HeaderName = HeaderName::from_static("x-response-time");

/// What is known of a request from its first moment on and stamped on every answer, however it ends.
pub(super) struct Visit<'e> {
    pub(super) record: Record,
    pub(super) request_id: String,
    pub(super) error_format: ErrorFormat,
    finish: Finish,
    budget: Budget,
    /// What its checks have decided so far, and how long the next may take.
    pub(super) limits: Vec<Decision>,
    pub(super) patience: Patience,
    /// What was changed, where that is asked for.
    pub(super) edits: &'e mut Edits,
}

impl<'e> Visit<'e> {
    /// Begins with what the request's headers say of any answer to it, also where the rest of its event is broken.
    /// `unrouted` holds until it finds a route.
    pub(super) fn open(
        mut record: Record,
        event: &Event,
        budget: Budget,
        format: ErrorFormat,
        unrouted: &EdgeRules,
        edits: &'e mut Edits,
    ) -> Self {
        let headers = event.headers();
        let request_id = request_id(headers);
        record.id.clone_from(&request_id);
        Self {
            record,
            request_id,
            error_format: response::negotiate(format, headers),
            finish: unrouted.finish_early(headers, event.https()),
            budget,
            limits: Vec::new(),
            patience: Patience::default(),
            edits,
        }
    }

    /// From here on answers say what this route's rules say, and what had a say in finding it.
    pub(super) fn enter(&mut self, found: Found<'_>, request: &Request) {
        self.finish = Finish {
            by_accept: found.by_accept,
            by_headers: found.by_headers,
            ..found.route.edge.finish(request)
        };
    }

    /// The answer to a preflight, where the route has rules for it: all that is left to do.
    pub(super) fn preflight(&mut self, request: &Request) -> Option<Response<Bytes>> {
        self.finish.cors.as_mut()?.preflight(request)
    }

    /// Keeps what a check came to, for the record and every later answer. The error is what the request ends with.
    pub(super) fn admitted(&mut self, admission: Admission) -> Result<(), GatewayError> {
        let (outcome, verdict) = match admission {
            Admission::Decided(decision) => {
                let outcome = LimitOutcome {
                    rule: decision.rule().clone(),
                    allowed: decision.allowed(),
                    remaining: Some(decision.remaining()),
                    shadow: decision.is_shadow(),
                    uncounted: None,
                };
                let verdict = decision.require();
                self.limits.push(decision);
                (outcome, verdict)
            }
            Admission::Uncounted {
                rule,
                shadow,
                why,
                verdict,
            } => {
                let outcome = LimitOutcome {
                    rule,
                    allowed: verdict.is_ok(),
                    remaining: None,
                    shadow,
                    uncounted: Some(why),
                };
                (outcome, verdict)
            }
        };
        // Of several the one that refused, or would have, says most.
        if self.record.limit.as_ref().is_none_or(|before| before.allowed) {
            self.record.limit = Some(outcome);
        }
        verdict
    }

    pub(super) fn respond(&mut self, fixed: &FixedAnswer) -> Response<Bytes> {
        self.record.stage("respond");
        fixed.response()
    }

    pub(super) fn refuse(&mut self, error: &GatewayError) -> Response<Bytes> {
        self.record.fail(error);
        response::of_error(error, self.error_format, &self.request_id)
    }

    /// Stamps the answer, writes it as the event wants it, and closes the record.
    pub(super) fn end(mut self, form: AnswerForm, answer: Response<Bytes>) -> Answer {
        self.record.stage("answer");
        let answer = self.stamped(answer);
        let (status, bytes) = (answer.status(), answer.body().len());
        match event::write(form, answer, &self.request_id) {
            Ok(event) => Answer {
                event,
                log: self.record.finish(status, bytes),
            },
            Err(error) => {
                let answer = self.refuse(&error);
                // It may be these that made the answer too large.
                self.finish = Finish::default();
                let answer = self.stamped(answer);
                let (status, bytes) = (answer.status(), answer.body().len());
                // An error of the gateway's own is far below any size limit.
                let event = event::write(form, answer, &self.request_id).unwrap_or_default();
                Answer {
                    event,
                    log: self.record.finish(status, bytes),
                }
            }
        }
    }

    fn stamped(&mut self, answer: Response<Bytes>) -> Response<Bytes> {
        let in_time = || !self.budget.left().is_zero();
        let mut answer = self.finish.apply(answer, in_time, self.edits);
        let headers = answer.headers_mut();
        let edits = &mut *self.edits;
        edits.headers(Stage::Limits, None, headers, |headers| {
            limit::stamp(&self.limits, headers)
        });
        edits.headers(Stage::Answer, None, headers, |headers| {
            if let Ok(id) = HeaderValue::from_str(&self.request_id) {
                headers.insert(X_REQUEST_ID, id);
            }
            if let Ok(time) = HeaderValue::from_str(&format!("{}ms", self.record.elapsed_ms())) {
                headers.insert(X_RESPONSE_TIME, time);
            }
        });
        answer
    }
}

/// The client's own id when it is well-formed, else a new one.
pub fn request_id(headers: &HeaderMap) -> String {
    let well_formed = |id: &&str| {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    let given = headers
        .get(X_REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(well_formed);
    given.map_or_else(new_request_id, str::to_owned)
}

fn new_request_id() -> String {
    let digits: [u8; 20] = random_hex();
    format!("req_{}", String::from_utf8_lossy(&digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_chooses_its_request_id_only_in_a_safe_form() {
        let with = |id: &str| crate::testing::headers(&[("x-request-id", id)]);
        assert_eq!(request_id(&with("A-z.0_9")), "A-z.0_9");
        for unsafe_id in ["", "a b", "a/b", "é", "<script>", &"a".repeat(65)] {
            assert!(request_id(&with(unsafe_id)).starts_with("req_"), "{unsafe_id}");
        }
        assert_ne!(new_request_id(), new_request_id());
    }
}
