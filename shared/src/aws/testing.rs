//! AWS as tests script it.

use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

use crate::lock::lock;
use crate::upstream::client::{CallError, CallLimits, HttpClient};

/// What a call comes to.
pub(crate) type Reply = Result<Response<Bytes>, CallError>;

type Script = Box<dyn Fn(&Request<Bytes>) -> Reply + Send + Sync>;

/// Answers by a function, and keeps what it was asked.
pub(crate) struct Scripted {
    script: Script,
    pub(crate) calls: Mutex<Vec<Request<Bytes>>>,
}

impl Scripted {
    pub(crate) fn new(script: impl Fn(&Request<Bytes>) -> Reply + Send + Sync + 'static) -> Self {
        Self {
            script: Box::new(script),
            calls: Mutex::default(),
        }
    }

    /// How often it was asked.
    pub(crate) fn count(&self) -> usize {
        lock(&self.calls).len()
    }
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scripted").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Scripted {
    async fn send(&self, request: Request<Bytes>, limits: CallLimits) -> Reply {
        let reply = (self.script)(&request);
        lock(&self.calls).push(request);
        limits.keep(async { reply }).await
    }
}

/// An answer of this status and body.
pub(crate) fn reply(status: u16, body: impl Into<Bytes>) -> Reply {
    let mut response = Response::new(body.into());
    *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
    Ok(response)
}

/// The variables of a function in Frankfurt, and these.
pub(crate) fn variable(more: &[(&str, &str)], name: &str) -> Option<String> {
    let lambda = [
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "very-secret-key"),
        ("AWS_SESSION_TOKEN", "very-secret-token"),
    ];
    let mut all = more.iter().chain(&lambda);
    all.find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned())
}
