//! What a failed call means: was it surely not applied, or may it have been?

use std::error::Error;
use std::fmt::Write as _;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ThrottlingReason;

use crate::store::StoreError;

/// Sorts a failed charge.
pub(super) fn classify_charge(table: &str, error: &SdkError<UpdateItemError, HttpResponse>) -> StoreError {
    let why = format!("table {table}: {}", describe(error));
    match error {
        SdkError::ServiceError(service) => match throttling(service.err()) {
            Some(reasons) => StoreError::Throttled {
                one_key: is_one_key(reasons),
                why: listed(why, reasons),
            },
            None => sort(error, why),
        },
        SdkError::TimeoutError(_) => StoreError::TimedOut(why),
        _ => sort(error, why),
    }
}

/// Sorts any other failed call.
pub(super) fn classify<E: ProvideErrorMetadata>(table: &str, error: &SdkError<E, HttpResponse>) -> StoreError {
    sort(error, format!("table {table}: {}", describe(error)))
}

/// Whether the same call may do better at once: what DynamoDB itself said no to it would only hear again.
pub(super) fn may_pass<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => false,
        SdkError::ServiceError(_) => !surely_not_applied(error),
        _ => true,
    }
}

/// Whether the same call would only fail again, however long one waits: no such table, not allowed, malformed, or refused by
/// its own condition.
pub(super) fn is_final<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::ServiceError(service) => {
            surely_not_applied(error) && !service.err().meta().code().is_some_and(throttles)
        }
        _ => false,
    }
}

/// The codes that say "later" ("Error handling with DynamoDB" in its developer guide).
fn throttles(code: &str) -> bool {
    matches!(
        code,
        "ProvisionedThroughputExceededException" | "RequestLimitExceeded" | "ThrottlingException"
    )
}

/// Anything that is not surely unapplied is ambiguous.
fn sort<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>, why: String) -> StoreError {
    if surely_not_applied(error) {
        StoreError::NotApplied(why)
    } else {
        StoreError::Ambiguous(why)
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
    chain(error)
        .filter_map(|error| error.downcast_ref::<hyper_util::client::legacy::Error>())
        .any(hyper_util::client::legacy::Error::is_connect)
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

/// Why a charge was throttled; `None`: it was not.
fn throttling(error: &UpdateItemError) -> Option<&[ThrottlingReason]> {
    match error {
        UpdateItemError::ProvisionedThroughputExceededException(error) => Some(error.throttling_reasons()),
        UpdateItemError::RequestLimitExceeded(error) => Some(error.throttling_reasons()),
        UpdateItemError::ThrottlingException(error) => Some(error.throttling_reasons()),
        _ => None,
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
