//! Any process under test: its output is collected line by line and waited on, and it ends with the test.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use crate::DEADLINE;
use crate::binaries::binary;
use crate::journal::Journal;
use crate::process;

/// A `tollgate` command without any setting that this machine's environment may hold.
pub fn tollgate() -> Command {
    without_settings(Command::new(binary("tollgate")))
}

/// The same for any program of ours.
pub(crate) fn without_settings(mut command: Command) -> Command {
    let ours = ["AWS_", "AUTHORIZER_", "GATEWAY_", "TOLLGATE_", "RUST_LOG", "LAMBDA_"];
    for (name, _) in std::env::vars_os() {
        if ours.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command
}

/// `--function-binary` with the program that the variable `TOLLGATE_FUNCTION_BINARY` names, if it is set: then the
/// same suites drive a built function. A relative path starts at the workspace.
pub fn function_binary() -> Vec<OsString> {
    let named = std::env::var_os("TOLLGATE_FUNCTION_BINARY").filter(|path| !path.is_empty());
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let arguments = named.map(|path| ["--function-binary".into(), workspace.join(path).into()]);
    arguments.into_iter().flatten().collect()
}

/// A process with its output collected line by line; ended and reaped when dropped.
#[derive(Debug)]
pub struct Running {
    child: Option<Child>,
    id: u32,
    stdout: Arc<Journal<String>>,
    stderr: Arc<Journal<String>>,
}

impl Running {
    /// Starts it.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary can be started");
        let stdout = collect(child.stdout.take().expect("stdout is piped"));
        let stderr = collect(child.stderr.take().expect("stderr is piped"));
        Self {
            id: child.id(),
            child: Some(child),
            stdout,
            stderr,
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// What it prints.
    pub fn stdout(&self) -> &Journal<String> {
        &self.stdout
    }

    /// What it complains about.
    pub fn stderr(&self) -> &Arc<Journal<String>> {
        &self.stderr
    }

    /// All its output so far, for a failed test's message.
    pub fn output(&self) -> String {
        let (stdout, stderr) = (self.stdout.all().join("\n"), self.stderr.all().join("\n"));
        format!("--- stdout\n{stdout}\n--- stderr\n{stderr}\n---")
    }

    /// The address in a line such as `listening on http://127.0.0.1:9000`, waited for.
    ///
    /// # Panics
    /// With all it printed, when it ends or the deadline passes without such a line.
    pub async fn address(&self, words: &str) -> SocketAddr {
        let found = self.stdout.find(|line| address_after(line, words)).await;
        found.unwrap_or_else(|| panic!("it never said `{words} http://...`\n{}", self.output()))
    }

    /// Waits for a line of either stream, from these line numbers on, that holds all these words.
    ///
    /// # Panics
    /// With all it printed, when no such line comes.
    pub async fn says(&self, from: OutputMark, words: &[&str]) -> String {
        let fits = |line: &String| words.iter().all(|word| line.contains(word)).then(|| line.clone());
        let found = tokio::select! {
            Some(line) = self.stdout.find_from(from.stdout, fits) => Some(line),
            Some(line) = self.stderr.find_from(from.stderr, fits) => Some(line),
            else => None,
        };
        found.unwrap_or_else(|| panic!("it never said {words:?}\n{}", self.output()))
    }

    /// How far the output has come.
    pub fn mark(&self) -> OutputMark {
        OutputMark {
            stdout: self.stdout.len(),
            stderr: self.stderr.len(),
        }
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    /// When it does not.
    pub async fn exited(mut self) -> ExitStatus {
        let child = self.child.take().expect("it was not waited for yet");
        let ended = reaped(child);
        let wait = tokio::task::spawn_blocking(move || ended.recv_timeout(DEADLINE));
        match wait.await.expect("waiting does not panic") {
            Ok(status) => status,
            Err(_) => {
                process::signal(self.id, "KILL");
                panic!("it did not end\n{}", self.output())
            }
        }
    }
}

/// A process that ended by itself.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// All it printed.
    pub stdout: String,
    /// All it complained about.
    pub stderr: String,
}

impl Finished {
    /// Runs a command to its end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn of(command: Command) -> Self {
        let process = Running::start(command);
        let (stdout, stderr) = (Arc::clone(&process.stdout), Arc::clone(&process.stderr));
        let status = process.exited().await;
        stdout.closed().await;
        stderr.closed().await;
        Self {
            code: status.code(),
            stdout: stdout.all().join("\n"),
            stderr: stderr.all().join("\n"),
        }
    }
}

/// A place in the output of a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutputMark {
    stdout: usize,
    stderr: usize,
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(child) = self.child.take() else { return };
        let children = process::descendants(self.id);
        let ended = reaped(child);
        process::signal(self.id, "TERM");
        if ended.recv_timeout(Duration::from_secs(10)).is_err() {
            for pid in children.into_iter().chain([self.id]) {
                process::signal(pid, "KILL");
            }
        }
    }
}

/// Waits for the end of a child on a thread of its own, so that the wait can have a limit.
fn reaped(mut child: Child) -> mpsc::Receiver<ExitStatus> {
    let (ended, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        if let Ok(status) = child.wait() {
            // Nobody may care any more.
            let _ = ended.send(status);
        }
    });
    receiver
}

fn collect(stream: impl Read + Send + 'static) -> Arc<Journal<String>> {
    let journal: Arc<Journal<String>> = Arc::default();
    let lines = Arc::clone(&journal);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            lines.push(String::from_utf8_lossy(&line).into_owned());
        }
        lines.close();
    });
    journal
}

fn address_after(line: &str, words: &str) -> Option<SocketAddr> {
    let url = line.split_once(words)?.1.trim_start();
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !".:[]".contains(c));
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Running {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Running::start(command)
    }

    #[test]
    fn addresses_are_read_from_lines() {
        let address = "127.0.0.1:9000".parse().ok();
        assert_eq!(
            address_after("listening on http://127.0.0.1:9000", "listening on"),
            address
        );
        assert_eq!(
            address_after("  listening on http://127.0.0.1:9000/ (3 routes)", "listening on"),
            address
        );
        assert_eq!(
            address_after("dynamodb on https://127.0.0.1:9000", "dynamodb on"),
            address
        );
        assert_eq!(address_after("dynamodb on http://127.0.0.1:9000", "listening on"), None);
    }

    #[tokio::test]
    async fn lines_of_both_streams_are_waited_for() {
        let process = shell("echo listening on http://127.0.0.1:1; echo wrong: here >&2; exit 3");
        assert_eq!(process.address("listening on").await, "127.0.0.1:1".parse().unwrap());
        process.says(OutputMark::default(), &["wrong", "here"]).await;
        assert_eq!(process.exited().await.code(), Some(3));
    }

    #[tokio::test]
    async fn a_dropped_process_is_gone() {
        let process = shell("echo ready; exec cat /dev/zero >/dev/null");
        process.says(OutputMark::default(), &["ready"]).await;
        let id = process.id();
        assert!(process::is_running(id));
        drop(process);
        assert!(!process::is_running(id));
    }
}
