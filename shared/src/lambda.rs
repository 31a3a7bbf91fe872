//! The function's main loop, shared by `functions/gateway` and the local runtime's environments.

use std::env;
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

use crate::clock::{SystemClock, Timestamp};
use crate::config;
use crate::event::{EventKind, NotHttp};
use crate::gateway::{Gateway, Seams};
use crate::store::dynamodb::{DynamoDbSettings, DynamoDbStore};
use crate::upstream::reqwest_client::ReqwestClient;

/// `EX_CONFIG` would be 78; 64 is what every command here says for a wrong config.
const WRONG_CONFIG: u8 = 64;

/// Loads the config, builds the gateway, opens its connections and serves events until the process ends.
/// A wrong config or environment prints every mistake on standard error and exits 64, before the first event.
pub async fn serve() -> ExitCode {
    log_to_standard_error();
    let gateway = match build() {
        Ok(gateway) => gateway,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return ExitCode::from(WRONG_CONFIG);
        }
    };
    gateway.warm().await;
    let gateway = &gateway;
    let serving = lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| async move {
        let deadline = Timestamp::from_millis(event.context.deadline);
        let answer = gateway.handle(event.payload.get(), deadline).await.map_err(refuse)?;
        write_log(&answer.log);
        Ok::<_, Diagnostic>(answer.event)
    }));
    match serving.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the Lambda Runtime API is gone: {error}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<Gateway, Box<dyn Error>> {
    if env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        return Err(
            "this is a Lambda function: it needs the Lambda Runtime API. To run it here, use `tollgate dev`".into(),
        );
    }
    let variable = |name: &str| env::var(name).ok();
    let kind = variable("GATEWAY_EVENT")
        .filter(|text| !text.is_empty())
        .map(|text| text.parse::<EventKind>())
        .transpose()?;
    let checked = config::from_environment()?;
    for warning in &checked.warnings {
        tracing::warn!("{warning}");
    }
    let store = DynamoDbStore::new(DynamoDbSettings::from_environment(&variable)?)?;
    let seams = Seams {
        clock: Arc::new(SystemClock),
        client: Arc::new(ReqwestClient::new()?),
        store: Arc::new(store),
    };
    Ok(Gateway::new(checked.config, kind, seams))
}

/// Only an event that is no HTTP request fails as an invocation: its source must not take it for handled.
fn refuse(event: NotHttp) -> Diagnostic {
    Diagnostic {
        error_type: "NotHttp".into(),
        error_message: event.to_string(),
    }
}

/// The record goes to standard output, where Lambda's log agent reads it. A closed pipe must not fail a request.
fn write_log(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
}

/// `RUST_LOG`, else `AWS_LAMBDA_LOG_LEVEL`, else warnings.
fn log_to_standard_error() {
    let level = env::var("RUST_LOG").or_else(|_| env::var("AWS_LAMBDA_LOG_LEVEL"));
    let filter = level
        .ok()
        .and_then(|level| level.to_lowercase().parse::<Targets>().ok());
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .with_writer(std::io::stderr)
        .with_filter(filter);
    // Set already: somebody else logs, which is as good.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}
