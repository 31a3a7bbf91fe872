//! The gateway as a process: `tollgate dev` on ports of the system's choice, ended with the test.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use serde_json::Value;
use tempfile::TempDir;

use crate::client::{Request, Response};
use crate::process;
use crate::running::{Finished, Running, function_binary, tollgate};

/// Which front door the local runtime plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// API Gateway HTTP API, payload 2.0.
    Http,
    /// Lambda Function URL.
    Url,
    /// API Gateway REST API, payload 1.0.
    Rest,
    /// Application Load Balancer: of each header and query parameter the last value.
    Alb,
    /// Application Load Balancer with multi-value headers enabled.
    AlbMulti,
}

impl Event {
    /// The options of `tollgate dev` for it.
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Http => &["--event", "http"],
            Self::Url => &["--event", "url"],
            Self::Rest => &["--event", "rest"],
            Self::Alb => &["--event", "alb"],
            Self::AlbMulti => &["--event", "alb", "--multi-value"],
        }
    }
}

/// A gateway about to start.
#[derive(Debug)]
pub struct Builder {
    config: String,
    file: &'static str,
    event: Event,
    environments: u32,
    timeout: Option<&'static str>,
    database: Option<PathBuf>,
    function: Vec<OsString>,
    freeze: bool,
    admin: bool,
    variables: Vec<(String, String)>,
}

impl Builder {
    /// The front door; HTTP API unless said.
    #[must_use]
    pub fn event(mut self, event: Event) -> Self {
        self.event = event;
        self
    }

    /// How many function environments may run at once; 1 unless said.
    #[must_use]
    pub fn environments(mut self, most: u32) -> Self {
        self.environments = most;
        self
    }

    /// The function's time-out, such as `3s`.
    #[must_use]
    pub fn timeout(mut self, duration: &'static str) -> Self {
        self.timeout = Some(duration);
        self
    }

    /// A file that keeps the tables; in memory unless said.
    #[must_use]
    pub fn database(mut self, path: impl Into<PathBuf>) -> Self {
        self.database = Some(path.into());
        self
    }

    /// The program that environments run, whatever `TOLLGATE_FUNCTION_BINARY` says.
    #[must_use]
    pub fn function(mut self, program: impl Into<PathBuf>) -> Self {
        self.function = vec!["--function-binary".into(), program.into().into()];
        self
    }

    /// Stops each function environment while it has no event.
    #[must_use]
    pub fn freeze(mut self) -> Self {
        self.freeze = true;
        self
    }

    /// With the admin API on a listener of its own.
    #[must_use]
    pub fn admin(mut self) -> Self {
        self.admin = true;
        self
    }

    /// An environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Another name for the config file than `tollgate.json`.
    #[must_use]
    pub fn file(mut self, name: &'static str) -> Self {
        self.file = name;
        self
    }

    /// Starts it and returns once it serves.
    ///
    /// # Panics
    /// With all it printed, when it does not come to serve.
    pub async fn spawn(self) -> Gateway {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = folder.path().join(self.file);
        std::fs::write(&config, &self.config).expect("the config can be written");
        let mut command = tollgate();
        command.arg("dev").arg("--config").arg(&config);
        for listener in ["--listen", "--invoke-listen", "--dynamodb-listen", "--idp-listen"] {
            command.args([listener, "127.0.0.1:0"]);
        }
        command.args(["--log", "json", "--environments", &self.environments.to_string()]);
        command.args(self.event.options());
        command.args(self.timeout.iter().flat_map(|duration| ["--timeout", duration]));
        if let Some(path) = &self.database {
            command.arg("--db").arg(path);
        }
        command.args(self.function);
        command.args(self.freeze.then_some("--freeze"));
        if self.admin {
            command.args(["--admin", "127.0.0.1:0"]);
        }
        // What a killed one leaves behind goes with the folder.
        command.env("TMPDIR", folder.path());
        command.envs(self.variables).current_dir(folder.path());
        Gateway::run(command, folder, config, self.admin).await
    }
}

/// A gateway that serves; ended and reaped when dropped.
#[derive(Debug)]
pub struct Gateway {
    process: Running,
    config: PathBuf,
    listeners: Listeners,
    _folder: TempDir,
}

#[derive(Clone, Copy, Debug)]
struct Listeners {
    gateway: SocketAddr,
    invoke_api: SocketAddr,
    dynamodb: SocketAddr,
    identity_provider: SocketAddr,
    admin: Option<SocketAddr>,
}

impl Gateway {
    /// A gateway with this config, JSON or YAML.
    pub fn start(config: impl Into<String>) -> Builder {
        Builder {
            config: config.into(),
            file: "tollgate.json",
            event: Event::Http,
            environments: 1,
            timeout: None,
            database: None,
            function: function_binary(),
            freeze: false,
            admin: false,
            variables: Vec::new(),
        }
    }

    async fn run(command: Command, folder: TempDir, config: PathBuf, admin: bool) -> Self {
        let process = Running::start(command);
        let listeners = Listeners {
            gateway: process.address("listening on").await,
            invoke_api: process.address("invoke on").await,
            dynamodb: process.address("dynamodb on").await,
            identity_provider: process.address("identity provider on").await,
            admin: match admin {
                true => Some(process.address("admin on").await),
                false => None,
            },
        };
        Self {
            process,
            config,
            listeners,
            _folder: folder,
        }
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.listeners.gateway
    }

    /// Where the Lambda Invoke API listens.
    pub fn invoke_api(&self) -> SocketAddr {
        self.listeners.invoke_api
    }

    /// Where the embedded DynamoDB listens.
    pub fn dynamodb(&self) -> SocketAddr {
        self.listeners.dynamodb
    }

    /// Where the demo identity provider listens.
    pub fn identity_provider(&self) -> SocketAddr {
        self.listeners.identity_provider
    }

    /// Where the admin API listens.
    ///
    /// # Panics
    /// When it was started without.
    pub fn admin(&self) -> SocketAddr {
        self.listeners
            .admin
            .expect("a gateway that was started with its admin API")
    }

    /// The process and its output.
    pub fn process(&self) -> &Running {
        &self.process
    }

    /// Runs a command of `tollgate` on this gateway's engine.
    pub async fn command(&self, arguments: &[&str]) -> Finished {
        let mut command = tollgate();
        command.args(arguments);
        command.args(["--endpoint-url", &format!("http://{}", self.dynamodb())]);
        Finished::of(command).await
    }

    /// What such a command printed.
    ///
    /// # Panics
    /// When it failed.
    pub async fn printed(&self, arguments: &[&str]) -> String {
        let finished = self.command(arguments).await;
        assert_eq!(finished.code, Some(0), "{finished:?}");
        finished.stdout
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Panics
    /// When there is none: the gateway answers everything.
    pub async fn send(&self, request: &Request) -> Response {
        let answer = request.send(self.address()).await;
        answer.unwrap_or_else(|error| panic!("no answer to {request:?}: {error}\n{}", self.process.output()))
    }

    /// The ids of the function environments and whatever else the gateway started.
    pub fn children(&self) -> Vec<u32> {
        process::descendants(self.process.id())
    }

    /// Puts another document in the place of the config, in one step.
    pub fn rewrite_config(&self, config: &str) {
        let draft = self.config.with_extension("draft");
        std::fs::write(&draft, config).expect("the config can be written");
        std::fs::rename(&draft, &self.config).expect("the config can be replaced");
    }

    /// The log record of a request, by its id, waited for.
    pub async fn record(&self, request_id: &str) -> Value {
        let quoted = format!("\"{request_id}\"");
        let record = |line: &String| -> Option<Value> {
            let record: Value = serde_json::from_str(line).ok()?;
            (line.contains(&quoted) && record.get("_aws").is_some()).then_some(record)
        };
        let found = self.process.stdout().find(record).await;
        found.unwrap_or_else(|| panic!("no record of {request_id}\n{}", self.process.output()))
    }

    /// Ends it with SIGTERM.
    pub async fn terminate(self) -> ExitStatus {
        process::signal(self.process.id(), "TERM");
        self.process.exited().await
    }
}
