//! The gateway function alone, on a Lambda Runtime API that a test plays: nothing else talks to what it talks to.

use std::process::Command;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{Mutex, mpsc};

use crate::binaries::binary;
use crate::journal::Journal;
use crate::running::{Running, without_settings};
use crate::server::{Incoming, Outgoing, Server, reply};

const PREFIX: &str = "/2018-06-01/runtime/invocation/";

/// A function environment, frozen never, ended and reaped when dropped.
#[derive(Debug)]
pub struct Function {
    process: Running,
    events: mpsc::UnboundedSender<String>,
    calls: Arc<Journal<Call>>,
    _api: Server,
}

/// What the function told its Runtime API.
#[derive(Clone, Debug)]
enum Call {
    /// It asks for the next event.
    Next,
    /// It answers one.
    Response(Value),
    /// It could not.
    Error(String),
}

impl Function {
    /// Starts the function's own binary (or the one that `TOLLGATE_FUNCTION_BINARY` names) with this config and
    /// these variables besides those that Lambda sets. Returns when it asks for its first event.
    ///
    /// # Panics
    /// With all it printed, when it does not come that far.
    pub async fn start(config: &Value, variables: &[(&str, &str)]) -> Self {
        let (events, waiting) = mpsc::unbounded_channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let calls: Arc<Journal<Call>> = Arc::default();
        let journal = Arc::clone(&calls);
        let api = Server::start(move |call| {
            let (waiting, journal) = (Arc::clone(&waiting), Arc::clone(&journal));
            async move { answer(&call, &waiting, &journal).await }
        });
        let api = api.await;
        let mut command = environment(&[]);
        command
            .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
            .env("GATEWAY_CONFIG", config.to_string())
            .envs(variables.iter().copied());
        let function = Self {
            process: Running::start(command),
            events,
            calls,
            _api: api,
        };
        function.asks().await;
        function
    }

    async fn asks(&self) {
        let asked = self.calls.find(|call| matches!(call, Call::Next).then_some(()));
        tokio::select! {
            asked = asked => asked,
            () = self.process.stderr().closed() => None,
        }
        .unwrap_or_else(|| panic!("it never asked for an event\n{}", self.process.output()));
    }

    /// The first line of its log so far with this word in it.
    pub fn logged(&self, word: &str) -> Option<Value> {
        let lines = self.process.stdout().all();
        let line = lines.iter().find(|line| line.contains(word))?;
        serde_json::from_str(line).ok()
    }

    /// What it wrote to standard error so far.
    pub fn complaints(&self) -> String {
        self.process.stderr().all().join("\n")
    }

    /// One event, and its response event.
    ///
    /// # Panics
    /// When there is none.
    pub async fn invoke(&self, event: &str) -> Value {
        let before = self.calls.len();
        self.events.send(event.to_owned()).expect("the API is there");
        let outcome = self.calls.find_from(before, |call| match call {
            Call::Next => None,
            Call::Response(response) => Some(Ok(response.clone())),
            Call::Error(error) => Some(Err(error.clone())),
        });
        let outcome = outcome.await.expect("an outcome");
        outcome.unwrap_or_else(|error| panic!("{error}\n{}", self.process.output()))
    }
}

/// The function's own binary, or the one that `TOLLGATE_FUNCTION_BINARY` names, with what Lambda sets but for its Runtime API,
/// and these variables.
pub fn environment(variables: &[(&str, &str)]) -> Command {
    let given = std::env::var_os("TOLLGATE_FUNCTION_BINARY").filter(|path| !path.is_empty());
    let mut command = without_settings(Command::new(given.map_or_else(|| binary("gateway"), Into::into)));
    command
        .env("AWS_LAMBDA_FUNCTION_NAME", "gateway")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("QUOTA_TABLE", "tollgate-quota")
        .envs(variables.iter().copied());
    command
}

async fn answer(call: &Incoming, waiting: &Mutex<mpsc::UnboundedReceiver<String>>, calls: &Journal<Call>) -> Outgoing {
    let operation = call.uri().path().strip_prefix(PREFIX).unwrap_or_default();
    if operation == "next" {
        calls.push(Call::Next);
        let event = waiting.lock().await.recv().await?;
        let mut next = reply(200, "application/json", event)?;
        for (name, value) in [
            ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
            // The end of the year 2199.
            ("lambda-runtime-deadline-ms", "7258118399000"),
            (
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:us-east-1:123456789012:function:gateway",
            ),
            (
                "lambda-runtime-trace-id",
                "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
            ),
        ] {
            next.headers_mut().insert(name, http::HeaderValue::from_static(value));
        }
        return Some(next);
    }
    let body = String::from_utf8_lossy(call.body()).into_owned();
    let response = operation
        .ends_with("/response")
        .then(|| serde_json::from_str(&body).ok());
    calls.push(response.flatten().map_or(Call::Error(body), Call::Response));
    reply(202, "application/json", r#"{"status":"OK"}"#)
}
