//! The functions' main loops, shared by `functions/` and the local runtime's environments. A function with a handler of
//! its own begins with [`prepare`] and ends with [`answer_http`].

use std::env;
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use tracing::Subscriber;
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, Targets};
use tracing_subscriber::layer::Filter;
use tracing_subscriber::prelude::*;

use crate::auth::issuer_client::IssuerClient;
use crate::authorizer::{Authorizer, Failure};
use crate::cache::CacheSettings;
use crate::clock::{SystemClock, Timestamp};
use crate::config::Config;
use crate::config_source::ConfigSource;
use crate::event::authorizer::ResponseForm;
use crate::event::{EventKind, NotHttp};
use crate::gateway::{Answer, Gateway, Seams};
use crate::live::Live;
use crate::store::TableKind;
use crate::store::dynamodb::{DynamoDbSettings, DynamoDbStore};
use crate::upstream::hyper_client::HyperClient;
use crate::upstream::tls;

/// Where `lambda_runtime` writes every error that a handler returns. Those of a record say more, and one line is enough.
const RETURNED_ERRORS: &str = "lambda_runtime::layers::panic";

/// `EX_CONFIG` would be 78; 64 is what every command here says for a wrong config.
const WRONG_CONFIG: u8 = 64;

/// The gateway: loads the config, builds it, opens its connections and serves events until the process ends.
/// A wrong config or environment, or anything else that prevents the start, is told on standard error, every mistake
/// of a config at once, and exits 64 before the first event.
pub async fn serve() -> ExitCode {
    log_to_standard_error();
    let live = match start(build).await {
        Ok(live) => live,
        Err(mistakes) => return not_started(&*mistakes),
    };
    live.current().warm().await;
    answer_http(async |payload: &str, deadline| {
        let gateway = live.current();
        let (answer, ()) = tokio::join!(gateway.handle(payload, deadline), live.refresh(write_log));
        answer
    })
    .await
}

/// The authorizer: the same for [`crate::authorizer`].
pub async fn serve_authorizer() -> ExitCode {
    log_to_standard_error();
    let live = match start(build_authorizer).await {
        Ok(live) => live,
        Err(mistakes) => return not_started(&*mistakes),
    };
    live.current().warm().await;
    let live = &live;
    let serving = lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| async move {
        let deadline = Timestamp::from_millis(event.context.deadline);
        let authorizer = live.current();
        let (decided, ()) = tokio::join!(
            authorizer.handle(event.payload.get(), deadline),
            live.refresh(write_log)
        );
        let decision = decided.map_err(|event| refuse("NotAuthorizer", &event))?;
        write_log(decision.log);
        let failed = |failure: Failure| diagnostic(failure.error_type, failure.message);
        decision.outcome.map_err(failed)
    }));
    ended(serving.await)
}

/// Sends diagnostics to standard error and makes sure that this is Lambda: before a function reads its settings.
///
/// # Errors
/// It is not; the text is ready to be shown.
pub fn prepare() -> Result<(), String> {
    log_to_standard_error();
    on_lambda()
}

/// Answers HTTP events by this handler, which is told when Lambda ends the invocation, until the process ends. What is
/// no HTTP request fails as an invocation.
pub async fn answer_http(handle: impl AsyncFn(&str, Timestamp) -> Result<Answer, NotHttp>) -> ExitCode {
    let handle = &handle;
    let serving = lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| async move {
        let deadline = Timestamp::from_millis(event.context.deadline);
        let answer = handle(event.payload.get(), deadline).await;
        let answer = answer.map_err(|event| refuse("NotHttp", &event))?;
        write_log(answer.log);
        Ok::<_, Diagnostic>(answer.event)
    }));
    ended(serving.await)
}

/// Says why a function does not start, on standard error.
pub fn not_started(mistakes: &dyn Error) -> ExitCode {
    eprintln!("{mistakes}");
    ExitCode::from(WRONG_CONFIG)
}

fn ended(served: Result<(), lambda_runtime::Error>) -> ExitCode {
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the Lambda Runtime API is gone: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes of a config what serves by it.
type BuildWith<T> = fn(Config, &Seams) -> Result<T, Box<dyn Error>>;

/// What serves by the config that the environment names, once it is sure that this is Lambda.
async fn start<T: 'static>(build: BuildWith<T>) -> Result<Live<T>, Box<dyn Error>> {
    on_lambda()?;
    let every = refresh_interval()?;
    let seams = seams()?;
    let clock = Arc::clone(&seams.clock);
    let source = ConfigSource::from_environment(Arc::new(variable), Arc::clone(&seams.upstreams), Arc::clone(&clock))?;
    Live::start(source, every, Box::new(move |config| build(config, &seams)), clock).await
}

/// `CONFIG_REFRESH_SECONDS`: after how long the config is read again; 60 where it is not set, and 0 for never.
fn refresh_interval() -> Result<Option<Duration>, String> {
    const USUAL: u64 = 60;
    let text = variable("CONFIG_REFRESH_SECONDS").filter(|text| !text.is_empty());
    let seconds = text.map_or(Ok(USUAL), |text| {
        let seconds = text.parse().ok().filter(|seconds| *seconds <= 86_400);
        seconds.ok_or_else(|| format!("CONFIG_REFRESH_SECONDS is no whole number from 0 to 86400: {text:?}"))
    })?;
    Ok((seconds > 0).then(|| Duration::from_secs(seconds)))
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

fn on_lambda() -> Result<(), String> {
    match env::var_os("AWS_LAMBDA_RUNTIME_API") {
        Some(_) => Ok(()),
        None => Err(
            "this is a Lambda function: it needs the Lambda Runtime API. To run it here, use `tollgate dev`".to_owned(),
        ),
    }
}

/// What a variable says, read by its type; nothing where it is unset or empty.
fn choice<T: FromStr<Err = String>>(name: &str) -> Result<Option<T>, String> {
    let text = env::var(name).ok().filter(|text| !text.is_empty());
    text.map(|text| text.parse()).transpose()
}

fn build_authorizer(config: Config, seams: &Seams) -> Result<Authorizer, Box<dyn Error>> {
    let form = choice::<ResponseForm>("AUTHORIZER_RESPONSE")?.unwrap_or_default();
    need(&config.auth.tables())?;
    Ok(Authorizer::new(config, form, seams))
}

fn build(config: Config, seams: &Seams) -> Result<Gateway, Box<dyn Error>> {
    let kind = choice::<EventKind>("GATEWAY_EVENT")?;
    let mut tables = config.auth.tables();
    tables.push(TableKind::Quota);
    let kept = config.cache.as_ref().and_then(CacheSettings::table);
    tables.extend(kept.filter(|kind| !tables.contains(kind)));
    need(&tables)?;
    Ok(Gateway::new(config, kind, seams.clone()))
}

/// Refuses a config whose tables are not there.
fn need(tables: &[TableKind]) -> Result<(), String> {
    DynamoDbSettings::from_environment(&variable, tables).map(drop)
}

/// The world as it is.
fn seams() -> Result<Seams, Box<dyn Error>> {
    let store = DynamoDbStore::new(DynamoDbSettings::from_environment(&variable, &[])?)?;
    let tls = tls::client_config(tls::mozilla_roots())?;
    Ok(Seams {
        clock: Arc::new(SystemClock),
        upstreams: Arc::new(HyperClient::new(tls.clone())),
        issuers: Arc::new(IssuerClient::new(tls)),
        store: Arc::new(store),
    })
}

/// An event that is not for this function fails as an invocation: its source must not take it for handled.
fn refuse(error_type: &str, event: &dyn Error) -> Diagnostic {
    tracing::error!("{event}");
    diagnostic(error_type, event.to_string())
}

fn diagnostic(error_type: &str, error_message: String) -> Diagnostic {
    Diagnostic {
        error_type: error_type.into(),
        error_message,
    }
}

/// The record goes to standard output, where Lambda's log agent reads it. A closed pipe must not fail a request.
/// One write, line end included: a reader never sees half a line.
fn write_log(mut line: String) {
    line.push('\n');
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}

/// What a level in the form of `RUST_LOG` shows; warnings where it is none.
///
/// Of other crates never `TRACE`, whatever it says: there `lambda_runtime` writes whole events, credentials included.
fn shown<S: Subscriber + 'static>(level: Option<&str>) -> impl Filter<S> + use<S> {
    let asked = level.and_then(|level| level.to_lowercase().parse::<Targets>().ok());
    let asked = asked.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    let safe = Targets::new()
        .with_default(LevelFilter::DEBUG)
        .with_target(RETURNED_ERRORS, LevelFilter::OFF)
        .with_target(env!("CARGO_CRATE_NAME"), LevelFilter::TRACE);
    asked.and(safe)
}

/// `RUST_LOG`, else `AWS_LAMBDA_LOG_LEVEL`, else warnings.
fn log_to_standard_error() {
    let level = env::var("RUST_LOG").or_else(|_| env::var("AWS_LAMBDA_LOG_LEVEL"));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .with_writer(std::io::stderr)
        .with_filter(shown(level.ok().as_deref()));
    // Set already: somebody else logs, which is as good.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("unpoisoned").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Lines {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    /// The messages that a level lets through: of the runtime, of the gateway.
    fn logged(level: Option<&str>) -> Vec<&'static str> {
        let lines = Lines::default();
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(lines.clone())
            .with_filter(shown(level));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::trace!(target: "lambda_runtime::layers::api_response", "whole event");
            tracing::debug!(target: "lambda_runtime", "runtime debug");
            tracing::warn!(target: "lambda_runtime", "runtime warning");
            tracing::error!(target: "lambda_runtime::layers::panic", "returned error");
            tracing::trace!("own trace");
            tracing::warn!("own warning");
        });
        let text = String::from_utf8(lines.0.lock().expect("unpoisoned").clone()).expect("text");
        let all = [
            "whole event",
            "runtime debug",
            "runtime warning",
            "returned error",
            "own trace",
            "own warning",
        ];
        all.into_iter().filter(|message| text.contains(message)).collect()
    }

    #[test]
    fn no_level_shows_whole_events() {
        for (level, messages) in [
            (None, &["runtime warning", "own warning"][..]),
            (Some("tollgate=loud"), &["runtime warning", "own warning"]),
            (Some("DEBUG"), &["runtime debug", "runtime warning", "own warning"]),
            (
                Some("TRACE"),
                &["runtime debug", "runtime warning", "own trace", "own warning"],
            ),
            (Some("lambda_runtime=trace"), &["runtime debug", "runtime warning"]),
            (Some("off,tollgate=trace"), &["own trace", "own warning"]),
        ] {
            assert_eq!(logged(level), messages, "{level:?}");
        }
    }
}
