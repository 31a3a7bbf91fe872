//! One event, from its envelope to its answer. The gateway's own reader and writer of events are used, not
//! `lambda_http`'s: decision 24 says why.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{ALLOW, CACHE_CONTROL, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use tokio::time::timeout;
use tollgate::clock::{Clock, Timestamp};
use tollgate::config::ErrorFormat;
use tollgate::error::response::{negotiate, shaped};
use tollgate::event::{self, AnswerForm, Event, NotHttp, platform_facts};
use tollgate::gateway::{Answer, panic_message, request_id};
use tollgate::request::PlatformFacts;
use tower_service::Service;

use crate::error::{ApiError, Effect};
use crate::principals::Principals;
use crate::record::Record;
use crate::router::{AdminState, Notes, router};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_RESPONSE_TIME: HeaderName = HeaderName::from_static("x-response-time");
/// What is left of an invocation for the answer and its log line, once the table is not waited for any more.
const RESERVE: Duration = Duration::from_millis(500);

/// RFC 5789 section 3.1.
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// The admin API of one function environment.
#[derive(Debug)]
pub struct Admin {
    router: Router,
    principals: Principals,
    clock: Arc<dyn Clock>,
    served: AtomicBool,
}

impl Admin {
    /// For these principals, on these tables.
    pub fn new(state: AdminState, principals: Principals) -> Self {
        Self {
            clock: Arc::clone(&state.clock),
            router: router(state),
            principals,
            served: AtomicBool::new(false),
        }
    }

    /// Answers one event; `deadline` is when Lambda ends the invocation. Only an event that is no HTTP request is an error:
    /// every other one, however broken, gets an answer and a log line, also where the table does not answer in time.
    ///
    /// # Errors
    /// An event that is no HTTP request.
    pub async fn handle(&self, payload: &str, deadline: Timestamp) -> Result<Answer, NotHttp> {
        let event = Event::read(payload, None)?;
        let facts = platform_facts(payload)?;
        let form = event.form();
        let format = negotiate(ErrorFormat::Json, event.headers());
        let cold_start = !self.served.swap(true, Ordering::Relaxed);
        let now = self.clock.now();
        let mut record = Record::start(now, cold_start, request_id(event.headers()));

        let time = deadline.since(now).saturating_sub(RESERVE);
        let running = AssertUnwindSafe(self.run(event, &facts, &mut record)).catch_unwind();
        let outcome = match timeout(time, running).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => {
                let why = panic_message(&*panic);
                Err(ApiError::Internal { why }.into())
            }
            Err(_) => Err(ApiError::out_of_time().into()),
        };
        let response = outcome.unwrap_or_else(|failed| failed.response(format, &mut record));
        Ok(end(form, response, format, record))
    }

    /// Who calls is asked first: whoever may not call hears nothing of what is wrong with the request.
    async fn run(&self, event: Event, facts: &PlatformFacts, record: &mut Record) -> Result<Response<Bytes>, Failed> {
        let principal = self.principals.admit(facts);
        record.principal = Some(principal.map_err(|why| ApiError::Forbidden { why })?);
        let request = event.request(&[]);
        let request = request.map_err(|error| ApiError::BadRequest { why: error.message() })?;
        record.method = Some(request.method.clone());
        let mut response = self.route(request, record.notes.clone()).await?;
        match response.extensions_mut().remove::<ApiError>() {
            Some(error) => Err(Failed {
                allow: response.headers_mut().remove(ALLOW),
                error,
            }),
            None => whole(response).await,
        }
    }

    async fn route(&self, request: tollgate::request::Request, notes: Notes) -> Result<Response<Body>, ApiError> {
        let target = match &*request.query {
            "" => request.path.encoded(),
            query => format!("{}?{query}", request.path.encoded()),
        };
        let uri: Uri = target.parse().map_err(|_| ApiError::BadRequest {
            why: "The path and the query are too long, or hold what no request line can carry.".into(),
        })?;
        let mut routed = Request::new(Body::from(request.body));
        *routed.method_mut() = request.method;
        *routed.uri_mut() = uri;
        *routed.headers_mut() = request.headers;
        routed.extensions_mut().insert(notes);
        // A router is always ready.
        let Ok(response) = self.router.clone().call(routed).await;
        Ok(response)
    }
}

/// An error with what the router says besides.
struct Failed {
    error: ApiError,
    /// The methods that the path takes.
    allow: Option<HeaderValue>,
}

impl From<ApiError> for Failed {
    fn from(error: ApiError) -> Self {
        Self { error, allow: None }
    }
}

impl Failed {
    /// The answer, in the shape of all errors.
    fn response(self, format: ErrorFormat, record: &mut Record) -> Response<Bytes> {
        let Self { error, allow } = self;
        let retry_after = error.retry_after();
        let effect = Effect::of(record.method.as_ref(), record.notes.about().route.as_deref());
        let mut response = shaped(
            error.status(),
            error.code(),
            &error.message(effect),
            retry_after,
            format,
            &record.id,
        );
        let retry_after = retry_after.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds)));
        let patches = error
            .accept_patch()
            .filter(|_| record.method == Some(Method::PATCH))
            .and_then(|types| HeaderValue::from_str(&types).ok());
        let headers = allow.map(|methods| (ALLOW, methods)).into_iter().chain(retry_after);
        let headers = headers.chain(patches.map(|types| (ACCEPT_PATCH, types)));
        response.headers_mut().extend(headers);
        record.error = Some(error);
        response
    }
}

/// Every error of the routes is an [`ApiError`]; one that is not came past them, and its body is not ours.
async fn whole(response: Response<Body>) -> Result<Response<Bytes>, Failed> {
    let (head, body) = response.into_parts();
    if head.status.is_client_error() || head.status.is_server_error() {
        let why = format!("the router answered {} by itself", head.status);
        return Err(ApiError::Internal { why }.into());
    }
    match to_bytes(body, usize::MAX).await {
        Ok(body) => Ok(Response::from_parts(head, body)),
        Err(error) => Err(ApiError::Internal { why: error.to_string() }.into()),
    }
}

/// Stamps the answer, writes it as the event wants it, and closes the record.
fn end(form: AnswerForm, response: Response<Bytes>, format: ErrorFormat, mut record: Record) -> Answer {
    let response = stamped(response, &record);
    let (status, bytes) = (response.status(), response.body().len());
    match event::write(form, response, &record.id) {
        Ok(event) => Answer {
            event,
            log: record.finish(status, bytes),
        },
        Err(error) => {
            let failed = Failed::from(ApiError::Internal { why: error.message() });
            let response = stamped(failed.response(format, &mut record), &record);
            let (status, bytes) = (response.status(), response.body().len());
            // An error of the API's own is far below any size limit.
            let event = event::write(form, response, &record.id).unwrap_or_default();
            Answer {
                event,
                log: record.finish(status, bytes),
            }
        }
    }
}

/// What every answer carries. None may be kept: some hold a key, and all are of this moment.
fn stamped(mut response: Response<Bytes>, record: &Record) -> Response<Bytes> {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&record.id) {
        headers.insert(X_REQUEST_ID, id);
    }
    if let Ok(time) = HeaderValue::from_str(&format!("{}ms", record.elapsed_ms())) {
        headers.insert(X_RESPONSE_TIME, time);
    }
    response
}

#[cfg(test)]
mod tests;
