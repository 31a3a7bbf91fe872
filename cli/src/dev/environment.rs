//! One function environment: a process of its own behind a Runtime API of its own, serving one event at a time.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::dev::console::Console;
use crate::dev::freeze;
use crate::dev::runtime_api::{Asking, FunctionError, Invocation, RuntimeApi};
use crate::function_kind::FunctionKind;

/// Lambda gives a function 10 seconds to initialise.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait for the last words of a process that has ended; a grandchild may hold its pipes.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How to start a function.
#[derive(Clone, Debug)]
pub(crate) struct FunctionCommand {
    /// Which function it is.
    pub(crate) kind: FunctionKind,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// Set for the function, besides what it inherits.
    pub(crate) variables: Vec<(String, String)>,
}

/// A running function. Its process is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Environment {
    number: usize,
    process: Process,
    api: RuntimeApi,
    /// The function's standing question for work.
    asking: Option<Asking>,
    frozen: bool,
}

#[derive(Debug)]
struct Process {
    child: Child,
    /// Never written to: the function sees its end when this program is gone.
    _lifeline: Option<ChildStdin>,
    readers: Vec<JoinHandle<()>>,
}

/// Why an environment could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("cannot be started: {0}")]
    Spawn(#[from] io::Error),
    #[error("ended before it was ready ({0}); what it printed stands above")]
    Ended(ExitStatus),
    #[error("was not ready within {} s; what it printed stands above", INIT_TIMEOUT.as_secs())]
    TooSlow,
}

/// Why an event has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvokeError {
    /// The function said so itself; its environment lives on.
    #[error("returned an error: {0}")]
    Function(FunctionError),
    /// The process ended.
    #[error("ended while it worked on an event ({0})")]
    Crashed(String),
    /// The time was up.
    #[error("was killed, because it worked on an event for more than {0:?}")]
    TimedOut(Duration),
}

impl InvokeError {
    /// Whether the environment cannot serve another event.
    pub(crate) fn is_end(&self) -> bool {
        !matches!(self, Self::Function(_))
    }
}

impl Environment {
    /// Starts a function and waits until it asks for work. `number` tells its output from others'.
    pub(crate) async fn start(command: &FunctionCommand, number: usize, console: &Console) -> Result<Self, StartError> {
        let api = RuntimeApi::open(command.kind).await?;
        let process = Process::spawn(command, &api.address().to_string(), number, console)?;
        let mut environment = Self {
            number,
            process,
            api,
            asking: None,
            frozen: false,
        };
        let failure = match timeout(INIT_TIMEOUT, environment.ready()).await {
            Ok(None) => return Ok(environment),
            Ok(Some(status)) => StartError::Ended(status),
            Err(_) => StartError::TooSlow,
        };
        environment.stop().await;
        Err(failure)
    }

    /// Tells it from others.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// Waits until the function asks for work; its exit status when it ends instead.
    pub(crate) async fn ready(&mut self) -> Option<ExitStatus> {
        if self.asking.is_some() {
            return None;
        }
        tokio::select! {
            asking = self.api.asked() => {
                self.asking = asking;
                None
            }
            status = self.process.child.wait() => Some(status.unwrap_or_default()),
        }
    }

    /// Returns when the process ends by itself.
    pub(crate) async fn ended(&mut self) {
        // An error means that there is nothing to wait for any more.
        let _ = self.process.child.wait().await;
    }

    /// Whether the process has ended by itself, also when nobody has been told yet.
    pub(crate) fn is_gone(&mut self) -> bool {
        !matches!(self.process.child.try_wait(), Ok(None))
    }

    /// Whether the function asks for work again, after an answer. Lambda's time-out holds until then.
    pub(crate) async fn asks_again(&mut self, limit: Duration) -> bool {
        matches!(timeout(limit, self.ready()).await, Ok(None))
    }

    /// Stops its processes until the next event, once it asks for one: nothing of it runs, as on Lambda.
    pub(crate) fn freeze(&mut self) {
        if let (Some(leader), true) = (self.process.child.id(), self.asking.is_some()) {
            // An error means that it has just ended, which is noticed where it is waited for.
            self.frozen = freeze::stop(leader).is_ok();
        }
    }

    fn thaw(&mut self) {
        if let (Some(leader), true) = (self.process.child.id(), std::mem::take(&mut self.frozen)) {
            // As above.
            let _ = freeze::go_on(leader);
        }
    }

    /// One event. After an error that is an end, stop the environment.
    pub(crate) async fn invoke(&mut self, work: Invocation, limit: Duration) -> Result<bytes::Bytes, InvokeError> {
        self.thaw();
        let outcome = timeout(limit, self.outcome(work)).await;
        outcome.unwrap_or(Err(InvokeError::TimedOut(limit)))
    }

    async fn outcome(&mut self, work: Invocation) -> Result<bytes::Bytes, InvokeError> {
        let outcome = loop {
            if let Some(status) = self.ready().await {
                return Err(InvokeError::Crashed(status.to_string()));
            }
            // A question that was given up is no end: the function may ask anew, on another connection.
            let asking = self.asking.take();
            if let Some(outcome) = asking.and_then(|asking| self.api.give(asking, work.clone())) {
                break outcome;
            }
        };
        tokio::select! {
            // An answer that has arrived counts, even when its function ended right after it.
            biased;
            Ok(outcome) = outcome => outcome.map_err(InvokeError::Function),
            how = self.process.exit_text() => Err(InvokeError::Crashed(how)),
        }
    }

    /// Ends the process and returns when it is gone and its last words are shown.
    pub(crate) async fn stop(mut self) {
        // An error means that it has ended already.
        let _ = self.process.child.start_kill();
        // What it started is in its group, and nobody else would let that run on. Its number is still taken, as
        // its end has not been waited for.
        self.thaw();
        let _ = self.process.child.wait().await;
        for reader in &mut self.process.readers {
            if timeout(LAST_WORDS, &mut *reader).await.is_err() {
                reader.abort();
            }
        }
    }
}

impl Process {
    fn spawn(command: &FunctionCommand, runtime_api: &str, number: usize, console: &Console) -> io::Result<Self> {
        let mut process = Command::new(&command.program);
        process
            .args(&command.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_none_or(belongs_to_lambda) {
                process.env_remove(name);
            }
        }
        process.envs(command.variables.iter().map(|(name, value)| (name, value)));
        process.env("AWS_LAMBDA_RUNTIME_API", runtime_api);
        // A group of its own: Ctrl-C in a terminal reaches this program only, which then stops the function.
        #[cfg(unix)]
        process.process_group(0);
        let mut child = process.spawn()?;
        // Waiting for the child would close it.
        let lifeline = child.stdin.take();
        let mut readers = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            let console = console.clone();
            readers.push(each_line(stdout, move |line| console.function_line(number, line)));
        }
        if let Some(stderr) = child.stderr.take() {
            let console = console.clone();
            readers.push(each_line(stderr, move |line| console.function_complaint(number, line)));
        }
        Ok(Self {
            child,
            _lifeline: lifeline,
            readers,
        })
    }

    /// Waits for its end and says how that was.
    async fn exit_text(&mut self) -> String {
        self.child
            .wait()
            .await
            .map_or_else(|error| error.to_string(), |status| status.to_string())
    }
}

/// What the user's environment says to other AWS programs is not for the function: neither real credentials
/// nor a real region must reach the local engine.
fn belongs_to_lambda(name: &str) -> bool {
    name.starts_with("AWS_") || name.starts_with("LAMBDA_") || name.starts_with("_X_AMZN_")
}

fn each_line(pipe: impl AsyncRead + Send + Unpin + 'static, show: impl Fn(&str) + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while let Ok(1..) = reader.read_until(b'\n', &mut line).await {
            show(String::from_utf8_lossy(&line).trim_end());
            line.clear();
        }
    })
}

#[cfg(test)]
mod tests;
