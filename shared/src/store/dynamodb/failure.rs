//! What a failed call means: was it surely not applied, or may it have been?

use std::error::Error;
use std::fmt::Write as _;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ThrottlingReason;

use crate::store::StoreError;
use crate::upstream::client::CallError;

/// Sorts a failed charge. Of one that was throttled, DynamoDB says what was too busy.
pub(super) fn classify_charge(table: &str, error: &SdkError<UpdateItemError, HttpResponse>) -> StoreError {
    sort(table, error, error.as_service_error().map_or(&[], reasons))
}

/// Sorts any other failed call.
pub(super) fn classify<E: ProvideErrorMetadata>(table: &str, error: &SdkError<E, HttpResponse>) -> StoreError {
    sort(table, error, &[])
}

/// Whether the same call may do better at once: what DynamoDB itself said no to it would only hear again, and a time-out
/// has used up the time. A connection that could not be opened has used less: what it lost may have been one packet.
pub(super) fn may_pass<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) | SdkError::TimeoutError(_) => false,
        SdkError::ServiceError(_) => !surely_not_applied(error),
        _ => true,
    }
}

/// Whether the same call would only fail again, however long one waits: no such table, not allowed, malformed, or refused by
/// its own condition.
pub(super) fn is_final<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::ServiceError(_) => surely_not_applied(error) && !is_throttled(error),
        _ => false,
    }
}

/// What is neither throttled nor surely unapplied may have been applied.
fn sort<E: ProvideErrorMetadata>(
    table: &str,
    error: &SdkError<E, HttpResponse>,
    reasons: &[ThrottlingReason],
) -> StoreError {
    let why = format!("table {table}: {}", describe(error));
    if is_throttled(error) {
        StoreError::Throttled {
            one_key: is_one_key(reasons),
            why: listed(why, reasons),
        }
    } else if surely_not_applied(error) {
        StoreError::NotApplied(why)
    } else if is_time_out(error) {
        StoreError::TimedOut(why)
    } else {
        StoreError::Ambiguous(why)
    }
}

/// Whether DynamoDB said "later" ("Error handling with DynamoDB" in its developer guide).
fn is_throttled<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let SdkError::ServiceError(service) = error else {
        return false;
    };
    let code = service.err().meta().code();
    service.raw().status().is_client_error()
        && matches!(
            code,
            Some("ProvisionedThroughputExceededException" | "RequestLimitExceeded" | "ThrottlingException")
        )
}

/// Whether there was no answer in time.
fn is_time_out<E>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::TimeoutError(_) => true,
        SdkError::DispatchFailure(failure) => failure.is_timeout(),
        _ => false,
    }
}

/// Whether no byte of it was acted on.
pub(super) fn surely_not_applied<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::DispatchFailure(failure) => failure.as_connector_error().is_some_and(|error| never_connected(error)),
        // DynamoDB itself said no: throttled, no such table, not allowed, malformed. Its own failures are 5xx, and a
        // 4xx without a code of the API comes from something in between, which may have passed the request on.
        SdkError::ServiceError(service) => {
            service.raw().status().is_client_error() && service.err().meta().code().is_some()
        }
        // A time-out, an answer that cannot be read, and whatever the SDK adds one day.
        _ => false,
    }
}

/// Whether it failed while connecting (refused, unknown host, TLS, connect time-out): then no byte of the request
/// was sent.
fn never_connected(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|error| matches!(error.downcast_ref(), Some(CallError::Connect(_))))
}

/// For the log: the error's code, or what happened on the way. Not the service's own sentence: for a refused
/// signature it may quote the session token.
pub(super) fn describe<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> String {
    match error {
        SdkError::ConstructionFailure(_) => "the request could not be built".into(),
        SdkError::TimeoutError(_) => "no answer in time".into(),
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(error) => {
                let causes: Vec<String> = chain(error).map(ToString::to_string).collect();
                causes.join(": ")
            }
            None => "the request could not be sent".into(),
        },
        SdkError::ResponseError(response) => format!("an unreadable answer with status {}", response.raw().status()),
        SdkError::ServiceError(service) => {
            let status = service.raw().status();
            match service.err().meta().code() {
                Some(code) => format!("{code} (status {status})"),
                None => format!("an answer with status {status} and no error code"),
            }
        }
        _ => "an error of a kind not known here".into(),
    }
}

/// Why a charge was throttled, where it was and DynamoDB says so.
fn reasons(error: &UpdateItemError) -> &[ThrottlingReason] {
    match error {
        UpdateItemError::ProvisionedThroughputExceededException(error) => error.throttling_reasons(),
        UpdateItemError::RequestLimitExceeded(error) => error.throttling_reasons(),
        UpdateItemError::ThrottlingException(error) => error.throttling_reasons(),
        _ => &[],
    }
}

/// Whether only the key's own partition is too busy (`TableWriteKeyRangeThroughputExceeded`), and not the table or the
/// account. Without a reason nobody can tell.
fn is_one_key(reasons: &[ThrottlingReason]) -> bool {
    let names = || reasons.iter().filter_map(ThrottlingReason::reason);
    names().next().is_some() && names().all(|name| name.contains("KeyRange"))
}

fn listed(mut why: String, reasons: &[ThrottlingReason]) -> String {
    for reason in reasons.iter().filter_map(ThrottlingReason::reason) {
        // Writing to a `String` cannot fail.
        let _ = write!(why, ", {reason}");
    }
    why
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
