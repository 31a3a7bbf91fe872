//! One event and its expectation, and how it is run: by the function itself, in this process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use tollgate::authorizer::Authorizer;
use tollgate::clock::Timestamp;
use tollgate::config::Config;
use tollgate::gateway::{Gateway, Seams};

use super::expectation::{DEFAULT_TIME, Exchange, Expectation, TestedFunction};
use super::outcome::{Handled, Outcome};
use super::seams::{OwnStore, Script, SetClock};

/// What Lambda gives a function unless it is told otherwise, and more than a gateway behind API Gateway uses.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An event with all that it takes to run it.
#[derive(Debug)]
pub(super) struct Case {
    /// The event's file name without `.json`.
    pub(super) name: String,
    pub(super) event: String,
    /// Where the expectation is, or would be.
    pub(super) path: PathBuf,
    /// The expectation's text; `None` for an event that has none.
    pub(super) text: Option<String>,
    /// With the folder's settings where it has none of its own.
    pub(super) expectation: Expectation,
    /// Calls that the folder answers for all of its events.
    pub(super) shared: Vec<Exchange>,
    pub(super) config: Config,
}

/// What happens to a call that nothing in the expectation answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unscripted {
    /// It finds nobody.
    Refused,
    /// It gets 200 and `{}`, so that there is something to write down.
    Answered,
}

impl Case {
    /// Sends what comes before, then the event, to a function that has seen nothing yet.
    pub(super) async fn run(&self, exchanges: &[Exchange], unscripted: Unscripted) -> Outcome {
        let setting = &self.expectation.setting;
        let at = setting.at.unwrap_or(DEFAULT_TIME);
        let clock = Arc::new(SetClock::at(at));
        let otherwise = (unscripted == Unscripted::Answered).then(empty_object);
        let script = Arc::new(Script::new(exchanges.to_vec(), self.shared.clone(), otherwise));
        let function = self.function(&clock, &script);
        let mut refused_before = None;
        for before in &setting.before {
            let (event, at) = (before.event.as_ref().unwrap_or(&self.event), before.at.unwrap_or(at));
            clock.set(at);
            script.answer_first(&before.exchanges);
            for _ in 0..before.times {
                let refused = function.handle(event, at.plus(TIMEOUT)).await.refusal();
                refused_before = refused_before.or(refused);
            }
        }
        clock.set(at);
        script.record();
        let handled = function.handle(&self.event, at.plus(TIMEOUT)).await;
        Outcome::new(handled, script.calls(), refused_before)
    }

    fn function(&self, clock: &Arc<SetClock>, script: &Arc<Script>) -> Function {
        let (config, setting) = (self.config.clone(), &self.expectation.setting);
        let seams = Seams {
            clock: Arc::clone(clock) as _,
            upstreams: Arc::clone(script) as _,
            issuers: Arc::clone(script) as _,
            store: Arc::new(OwnStore::with(setting.records.clone())),
        };
        match setting.function {
            TestedFunction::Gateway => Function::Gateway(Box::new(Gateway::new(config, setting.kind, seams))),
            TestedFunction::Authorizer => {
                let form = setting.form.unwrap_or_default();
                Function::Authorizer(Box::new(Authorizer::new(config, form, &seams)))
            }
        }
    }
}

/// What handles events.
enum Function {
    Gateway(Box<Gateway>),
    Authorizer(Box<Authorizer>),
}

impl Function {
    async fn handle(&self, event: &str, deadline: Timestamp) -> Handled {
        match self {
            Self::Gateway(gateway) => gateway.handle(event, deadline).await.into(),
            Self::Authorizer(authorizer) => authorizer.handle(event, deadline).await.into(),
        }
    }
}

fn empty_object() -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(b"{}"));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
