//! The authorizer: decides for API Gateway on requests that others serve, by the gateway's own routes and credentials.
//!
//! A request is read, sealed, routed and authenticated as [`crate::gateway`] does it; instead of being served it is
//! ruled on. What an answer may be: `docs/authorizer.md`.

mod grant;
#[cfg(test)]
mod tests;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use http::StatusCode;
use serde_json::value::RawValue;

use crate::auth::Authenticator;
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, HeaderRules};
use crate::error::GatewayError;
use crate::event::authorizer::{
    AuthorizerEvent, AuthorizerKind, MethodArn, NotAuthorizer, ResponseForm, Ruling, write,
};
use crate::gateway::budget::Budget;
use crate::gateway::{Seams, panic_message, request_id};
use crate::limit::Subject;
use crate::record::Record;
use crate::router::Router;
use crate::store::Store;
use crate::upstream::trace::TraceParent;

/// The longest an HTTP API waits for its authorizer
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>). A REST API waits longer; it
/// has no reason to.
const FRONT_DOOR: Duration = Duration::from_secs(10);

/// The text by which API Gateway knows that it has to answer 401; any other error is a 500.
const UNAUTHORIZED: &str = "Unauthorized";

/// Everything that decides, built once from a checked config. What it remembers between events (key sets, refused
/// credentials) is its environment's own.
#[derive(Debug)]
pub struct Authorizer {
    form: ResponseForm,
    clock: Arc<dyn Clock>,
    headers: HeaderRules,
    trusted_proxies: Vec<ipnet::IpNet>,
    router: Router,
    authenticator: Authenticator,
    store: Arc<dyn Store>,
    served: AtomicBool,
}

/// What one event comes to.
#[derive(Debug)]
pub struct Decision {
    /// The answer, or the Lambda error in its place.
    pub outcome: Result<Box<RawValue>, Failure>,
    /// The log line, without its newline.
    pub log: String,
}

/// A Lambda error in place of an answer. API Gateway turns it into a 401 or a 500 and, other than a policy, does not
/// keep it for later requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// `errorType`.
    pub error_type: &'static str,
    /// `errorMessage`: nothing in it that a client may not see.
    pub message: String,
}

impl Authorizer {
    /// Compiles a checked config. `form` is that of answers to HTTP APIs with payload 2.0; all others take a policy.
    pub fn new(config: Config, form: ResponseForm, seams: &Seams) -> Self {
        Self {
            form,
            headers: config.headers,
            trusted_proxies: config.trusted_proxies,
            router: Router::new(&config.routes),
            authenticator: Authenticator::new(config.auth, seams),
            clock: Arc::clone(&seams.clock),
            store: Arc::clone(&seams.store),
            served: AtomicBool::new(false),
        }
    }

    /// Opens what the first event would otherwise wait for. Never fails: what is down now may be up later.
    pub async fn warm(&self) {
        self.store.warm().await;
    }

    /// Decides on one event; `deadline` is when Lambda ends the invocation. Only an event that asks for no decision is
    /// an error without a log line.
    pub async fn handle(&self, payload: &str, deadline: Timestamp) -> Result<Decision, NotAuthorizer> {
        let now = self.clock.now();
        let mut record = Record::start(now, !self.served.swap(true, Ordering::Relaxed));
        record.stage("read");
        let event = AuthorizerEvent::read(payload)?;
        record.id = request_id(event.headers());
        let (form, arn) = (self.form_for(event.kind()), event.arn().clone());
        let budget = Budget::within(FRONT_DOOR, now, deadline);

        let outcome = AssertUnwindSafe(self.decide(event, form, budget, &mut record))
            .catch_unwind()
            .await;
        let decided = outcome.unwrap_or_else(|panic| {
            Err(GatewayError::Internal {
                why: panic_message(&*panic),
            })
        });
        Ok(conclude(decided, form, &arn, record))
    }

    /// The gateway's stages up to the one that knows who calls. Either the request may go on, or an error says why not.
    async fn decide(
        &self,
        event: AuthorizerEvent,
        form: ResponseForm,
        budget: Budget,
        record: &mut Record,
    ) -> Result<Ruling, GatewayError> {
        let can_be_named = form == ResponseForm::Simple || event.arn().is_exact();
        let mut request = event.request(&self.trusted_proxies)?;
        record.method = Some(request.method.clone());
        record.path = Some(request.path.as_str().to_owned());
        record.trace_id = Some(TraceParent::of(&request.headers).trace_id().to_owned());
        self.headers.seal(&mut request.headers);
        if !can_be_named {
            return Err(not_exact());
        }

        record.stage("route");
        let route = self.router.find(&request)?.route;
        record.route = Some(Arc::clone(&route.id));

        record.stage("authenticate");
        let identity = self.authenticator.authenticate(route, &request, budget.left()).await?;
        if let Some(identity) = &identity {
            record.auth = identity.method_names();
            record.subject = Some(Subject::of_caller(identity, route, &request).as_str().to_owned());
        }
        Ok(identity.as_ref().map_or_else(grant::public, grant::verified))
    }

    fn form_for(&self, kind: AuthorizerKind) -> ResponseForm {
        match kind {
            AuthorizerKind::Http2 => self.form,
            AuthorizerKind::RestToken | AuthorizerKind::Rest | AuthorizerKind::Http1 => ResponseForm::Policy,
        }
    }
}

/// A path that no policy can name without naming others.
fn not_exact() -> GatewayError {
    GatewayError::BadRequest {
        why: "The path holds `*`, `?` or `${`, which a policy would read as a pattern.".into(),
    }
}

/// Writes the answer, and closes the record with the status that the gateway itself would have answered with.
fn conclude(
    decided: Result<Ruling, GatewayError>,
    form: ResponseForm,
    arn: &MethodArn,
    mut record: Record,
) -> Decision {
    record.stage("answer");
    let (status, outcome) = match decided {
        Ok(ruling) => (StatusCode::OK, Ok(write(&ruling, form, arn))),
        Err(error) => {
            record.fail(&error);
            let answer = refuse(&error).map(|ruling| write(&ruling, form, arn));
            (error.status(), answer)
        }
    };
    let bytes = outcome.as_ref().map_or(0, |answer| answer.get().len());
    Decision {
        outcome,
        log: record.finish(status, bytes),
    }
}

/// What API Gateway hears of an error. A refusal that a policy holds may be kept for later requests, so it must be one
/// that they would get, too: who is not known gets 401, and what cannot be known now is an error. Too many refused
/// credentials are both for a while; they are the client's, so that nobody can raise alarms about a gateway with them.
fn refuse(error: &GatewayError) -> Result<Ruling, Failure> {
    match error.status() {
        StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS => Err(Failure {
            error_type: UNAUTHORIZED,
            message: UNAUTHORIZED.into(),
        }),
        status if status.is_server_error() => Err(Failure {
            error_type: error.code(),
            message: error.message(),
        }),
        _ => Ok(grant::refused(error)),
    }
}
