//! One function as a process: started as Lambda starts it, watched from outside.

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, io, thread};

use crate::runtime_api::RuntimeApi;

/// A running function.
pub(crate) struct Function {
    pub(crate) api: RuntimeApi,
    process: Child,
}

impl Function {
    /// Starts the program, behind a `wrapper` command if there is one, and waits until it asks for its first event.
    /// It gets hardly anything of this process's environment.
    pub(crate) fn start(wrapper: &[&OsStr], program: &Path, environment: &[(String, String)]) -> Result<Self, String> {
        let failed = |error: io::Error| format!("{}: {error}", program.display());
        let api = RuntimeApi::start().map_err(failed)?;
        let mut words = wrapper.iter().copied().chain([program.as_os_str()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).env_clear().envs(environment.iter().cloned());
        for (name, value) in std::env::vars_os().filter(|(name, _)| OF_THIS_PROCESS.iter().any(|kept| name == kept)) {
            command.env(name, value);
        }
        command.env("AWS_LAMBDA_RUNTIME_API", api.address.to_string());
        for (name, value) in LAMBDA {
            command.env(name, value);
        }
        // Lambda's log agent reads what a function prints, so it costs the function a write.
        let mut process = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
        if let Some(output) = process.stdout.take() {
            thread::spawn(move || drain(output));
        }
        let function = Self { api, process };
        function.api.wait_until_idle()?;
        Ok(function)
    }

    /// All processor time since the process was made, kernel and user, to the nanosecond. For a function that waits
    /// for an event.
    pub(crate) fn cpu(&self) -> Result<Duration, String> {
        let mut last = self.cpu_now()?;
        loop {
            // What asked for the next event may not have gone to sleep yet.
            #[expect(clippy::disallowed_methods, reason = "there is no event to wait for")]
            thread::sleep(Duration::from_micros(300));
            let now = self.cpu_now()?;
            if now == last {
                return Ok(now);
            }
            last = now;
        }
    }

    /// The first number of `schedstat` is the time on a processor in nanoseconds (`Documentation/scheduler/sched-stats`
    /// of Linux), a file a thread.
    fn cpu_now(&self) -> Result<Duration, String> {
        let folder = format!("/proc/{}/task", self.process.id());
        let read = || -> io::Result<u64> {
            let mut sum = 0;
            for thread in fs::read_dir(&folder)? {
                let text = fs::read_to_string(thread?.path().join("schedstat"))?;
                let nanos = text.split(' ').next().unwrap_or_default();
                sum += nanos.parse::<u64>().map_err(io::Error::other)?;
            }
            Ok(sum)
        };
        read()
            .map(Duration::from_nanos)
            .map_err(|error| format!("{folder}: {error}"))
    }

    /// The most memory it has had at once, in bytes: `VmHWM`.
    pub(crate) fn peak_memory(&self) -> Result<u64, String> {
        let path = format!("/proc/{}/status", self.process.id());
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kilobytes: Option<u64> = kilobytes.and_then(|number| number.parse().ok());
        kilobytes
            .map(|number| number * 1024)
            .ok_or_else(|| format!("{path}: no VmHWM"))
    }

    /// The process, of the wrapper where there is one.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // It may have ended already, and then there is nothing to stop.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn drain(mut output: impl Read) {
    let mut buffer = [0; 64 * 1024];
    while matches!(output.read(&mut buffer), Ok(1..)) {}
}

/// What a wrapper needs: to be found, and valgrind to be spoken to.
const OF_THIS_PROCESS: [&str; 6] = ["PATH", "HOME", "USER", "LOGNAME", "HOST", "TMPDIR"];

/// What Lambda tells every function.
const LAMBDA: [(&str, &str); 9] = [
    ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
    ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/03/12/[$LATEST]31d4d96e407aad42"),
    ("AWS_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "ASIAQAAAAAAAAAAAAAAA"),
    ("AWS_SECRET_ACCESS_KEY", "bench"),
    ("AWS_SESSION_TOKEN", SESSION_TOKEN),
];

/// As long as those that a role's credentials come with: it is sent with every call, and signed.
const SESSION_TOKEN: &str = concat!(
    "IQoJb3JpZ2luX2VjEAAaDGV1LWNlbnRyYWwtMSJHMEUCIQDbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbe",
    "nchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbe",
    "nchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbe",
    "nchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbe",
    "nchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbe",
    "nchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbe",
    "nchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbenchbe=="
);
