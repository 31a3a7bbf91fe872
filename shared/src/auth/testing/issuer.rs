//! A server that vouches for callers, and answers what it is told to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};

use super::Signer;
use crate::upstream::client::{CallError, CallLimits, HttpClient};

/// What the issuer answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Keys(Vec<Value>),
    Status(u16, Vec<u8>),
    Fails(CallError),
    /// After so long.
    Slowly(Duration, Box<Answer>),
    Never,
    Panics(&'static str),
}

#[derive(Debug)]
pub(crate) struct Issuer {
    answer: Mutex<Answer>,
    calls: AtomicUsize,
    pub(crate) last: Mutex<Option<(http::Request<Bytes>, CallLimits)>>,
}

impl Issuer {
    pub(crate) fn new(answer: Answer) -> Arc<Self> {
        Arc::new(Self {
            answer: Mutex::new(answer),
            calls: AtomicUsize::new(0),
            last: Mutex::default(),
        })
    }

    pub(in crate::auth) fn with_keys<'a>(keys: impl IntoIterator<Item = &'a Signer>) -> Arc<Self> {
        Self::new(keys_of(keys))
    }

    pub(crate) fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

pub(crate) fn keys_of<'a>(keys: impl IntoIterator<Item = &'a Signer>) -> Answer {
    Answer::Keys(keys.into_iter().map(|key| key.jwk.clone()).collect())
}

pub(crate) fn down() -> Answer {
    Answer::Fails(CallError::Connect("refused".into()))
}

#[async_trait]
impl HttpClient for Issuer {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        limits: CallLimits,
    ) -> Result<http::Response<Bytes>, CallError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        *self.last.lock().unwrap() = Some((request, limits));
        let mut answer = self.answer.lock().unwrap().clone();
        loop {
            let (status, body) = match answer {
                Answer::Keys(keys) => (200, json!({ "keys": keys }).to_string().into_bytes()),
                Answer::Status(status, body) => (status, body),
                Answer::Fails(error) => return Err(error),
                Answer::Slowly(after, then) => {
                    tokio::time::sleep(after).await;
                    answer = *then;
                    continue;
                }
                Answer::Never => std::future::pending().await,
                Answer::Panics(why) => panic!("{why}"),
            };
            return Ok(http::Response::builder().status(status).body(body.into()).unwrap());
        }
    }
}
