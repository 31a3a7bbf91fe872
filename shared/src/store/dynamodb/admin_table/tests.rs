//! Every order of answers that a call may get, without a table, in virtual time.

use std::sync::Mutex;

use aws_sdk_dynamodb::config::{BehaviorVersion, Config};
use aws_sdk_dynamodb::error::ErrorMetadata;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::body::SdkBody;
use tokio::time::Instant;

use super::*;

type Failure = SdkError<DeleteItemError, HttpResponse>;

impl AdminTable {
    /// Three attempts, a second apart at first.
    pub(crate) fn nowhere() -> Self {
        let config = Config::builder().behavior_version(BehaviorVersion::v2026_01_12());
        let retries = RetryConfig::standard().with_initial_backoff(Duration::from_secs(1));
        let config = config.retry_config(retries.with_max_attempts(3));
        Self::new(&Client::from_conf(config.build()), "t")
    }
}

fn said(status: u16, code: &str) -> Failure {
    let error = DeleteItemError::generic(ErrorMetadata::builder().code(code).build());
    SdkError::service_error(error, HttpResponse::new(status.try_into().unwrap(), SdkBody::empty()))
}

/// How an attempt fails, by a word for it.
fn failure(word: &str) -> Option<Failure> {
    match word {
        "done" => None,
        "lost" => Some(SdkError::timeout_error("late")),
        "failed" => Some(said(500, "InternalServerError")),
        "throttled" => Some(said(400, "ThrottlingException")),
        "forbidden" => Some(said(400, "AccessDeniedException")),
        other => panic!("{other}"),
    }
}

/// What attempts that end so come to, and how often the call was made.
async fn called(words: &[&str]) -> (Called<(), DeleteItemError>, usize) {
    let left = Mutex::new(words.iter());
    let made = Mutex::new(0);
    let send = || {
        *made.lock().unwrap() += 1;
        let word = left.lock().unwrap().next().expect("one call too many");
        std::future::ready(failure(word).map_or(Ok(()), Err))
    };
    let called = AdminTable::nowhere().call(send).await;
    (called, made.into_inner().unwrap())
}

async fn meaning(words: &[&str]) -> Result<(), AdminError> {
    let (called, made) = called(words).await;
    assert_eq!(made, words.len(), "{words:?}");
    AdminTable::nowhere().answer(called)
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again_and_what_dynamodb_refuses_is_not() {
    for words in [
        &["done"][..],
        &["lost", "done"],
        &["throttled", "failed", "done"],
        &["throttled", "throttled", "done"],
    ] {
        assert_eq!(meaning(words).await, Ok(()), "{words:?}");
    }
    let started = Instant::now();
    assert!(meaning(&["throttled", "lost", "done"]).await.is_ok());
    assert_eq!(started.elapsed(), Duration::from_secs(1 + 2));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_changed_only_where_no_attempt_may_have_been_applied() {
    let not_applied = meaning(&["throttled", "throttled", "throttled"]).await.unwrap_err();
    assert!(
        matches!(not_applied, AdminError::Store(StoreError::Throttled { .. })),
        "{not_applied:?}"
    );
    for words in [&["forbidden"][..], &["throttled", "forbidden"]] {
        let refused = meaning(words).await.unwrap_err();
        let expected = "table t: AccessDeniedException (status 400)";
        assert_eq!(refused, AdminError::Refused(expected.to_owned()), "{words:?}");
    }
    for words in [
        &["lost", "throttled", "throttled"][..],
        &["throttled", "failed", "throttled"],
        &["throttled", "throttled", "lost"],
        &["lost", "forbidden"],
        &["lost", "lost", "lost"],
    ] {
        let unclear = meaning(words).await.unwrap_err();
        assert!(
            matches!(
                unclear,
                AdminError::Store(StoreError::Ambiguous(_) | StoreError::TimedOut(_))
            ),
            "{words:?}: {unclear:?}"
        );
    }
    let both = meaning(&["lost", "forbidden"]).await.unwrap_err().to_string();
    let expected =
        "the store gave no clear answer: table t: no answer in time, and at last AccessDeniedException (status 400)";
    assert_eq!(both, expected);
}

#[tokio::test(start_paused = true)]
async fn an_answer_tells_of_an_attempt_before_it_that_may_have_been_applied() {
    for (words, unclear) in [
        (&["lost", "throttled", "done"][..], true),
        (&["throttled", "done"], false),
    ] {
        let (called, _) = called(words).await;
        assert_eq!(called.unclear.is_some(), unclear, "{words:?}");
    }
}

#[tokio::test]
async fn the_sdk_does_not_retry_by_itself() {
    let table = AdminTable::nowhere();
    let retries = table.client.config().retry_config().unwrap();
    assert_eq!((retries.max_attempts(), table.attempts), (1, 3));
}
