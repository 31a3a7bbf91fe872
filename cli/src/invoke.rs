//! `tollgate invoke`: one event through one function environment, over the Runtime API.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;
use tollgate::clock::{Clock, SystemClock};

use crate::args::InvokeOptions;
use crate::dev::console::Console;
use crate::dev::dynamodb::Database;
use crate::dev::environment::InvokeError;
use crate::dev::environments::Environments;
use crate::dev::function_program::FunctionProgram;
use crate::dev::invoke_api::error_value;
use crate::dev::random;
use crate::dev::runtime::{self, Runtime};
use crate::dev::services::Services;
use crate::dev::shutdown::{Shutdown, asked_to_stop};
use crate::document::{Source, Variables, read_text};
use crate::exit::{Failure, print};

/// As `dev`'s default.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What the function made of the event.
struct Outcome {
    request_id: String,
    result: Result<Bytes, InvokeError>,
}

pub(crate) async fn run(options: InvokeOptions) -> Result<(), Failure> {
    let shutdown = Shutdown::new();
    let console = Console::aside();
    let outcome = tokio::select! {
        outcome = invoke(&options, &console, &shutdown) => outcome,
        _ = asked_to_stop() => Err(Failure::unavailable("stopped before the function answered")),
    };
    // The function's last lines come before its answer.
    shutdown.finish().await;
    console.finish().await;
    show(outcome?)
}

async fn invoke(options: &InvokeOptions, console: &Console, shutdown: &Shutdown) -> Result<Outcome, Failure> {
    let program = FunctionProgram::of(options.function_binary.as_deref())?;
    let event = read_text(&options.event).await?;
    serde_json::from_str::<&RawValue>(&event)
        .map_err(|error| Failure::usage(format!("{}: is no JSON: {error}", options.event.display())))?;
    let source = Source::new(options.config.clone());
    let text = source.read().await?;
    let mut variables = Variables::with_default_issuer();
    let _services = match source {
        Source::Store => Some(Services::start(&mut variables).await?),
        Source::File(_) => None,
    };
    variables
        .parse(&source.name(), &text)
        .map_err(|mistakes| Failure::usage(mistakes.to_string()))?;
    let database = match Database::named(console).await {
        Some(database) => database,
        None => Database::embedded().await?,
    };
    let runtime = Runtime {
        kind: None,
        most: 1,
        timeout: TIMEOUT,
        freeze: false,
        console: console.clone(),
        variables,
        database: database.endpoint().to_owned(),
        part: shutdown.part(),
        snapshots: runtime::snapshots()?,
        numbers: Arc::new(AtomicUsize::new(0)),
    };
    let setting = runtime.setting(options.function, &program, &runtime.keep(&text)?)?;
    let environments = Environments::start(setting).await;
    let environments = environments.map_err(|error| Failure::unavailable(format!("the function {error}")))?;
    let request_id = random::uuid();
    let trace_id = random::trace_id(SystemClock.now().secs());
    let result = environments.invoke(request_id.clone(), trace_id, event.into()).await;
    environments.retire();
    Ok(Outcome { request_id, result })
}

fn show(outcome: Outcome) -> Result<(), Failure> {
    let (value, ended) = match outcome.result {
        Ok(answer) => (
            serde_json::from_slice(&answer).unwrap_or_else(|_| text(&answer)),
            Ok(()),
        ),
        Err(error) => (
            error_value(&outcome.request_id, error),
            Err(Failure::Code(ExitCode::FAILURE)),
        ),
    };
    print(&format!("{value:#}\n"))?;
    ended
}

fn text(answer: &[u8]) -> Value {
    String::from_utf8_lossy(answer).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_exit_code_1() {
        let result = Err(InvokeError::Crashed("signal: 9".into()));
        let failed = show(Outcome {
            request_id: "r-1".into(),
            result,
        });
        assert!(matches!(failed, Err(Failure::Code(code)) if code == ExitCode::FAILURE));
    }
}
