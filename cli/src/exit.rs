//! How a command ends: what it says on standard error, and its exit code (the numbers of `sysexits.h`).

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

/// The command line or the config is wrong (`EX_USAGE`): trying again does not help.
const WRONG_USAGE: u8 = 64;
/// Something that the command needs does not answer (`EX_UNAVAILABLE`): trying again may help.
const UNAVAILABLE: u8 = 69;
/// The program itself failed (`EX_SOFTWARE`).
const INTERNAL: u8 = 70;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Exits 64.
    #[error("{0}")]
    Usage(String),
    /// Exits 69.
    #[error("{0}")]
    Unavailable(String),
    /// Exits 70.
    #[error("{0}")]
    Internal(String),
    /// All is said already; only the code is left.
    #[error("")]
    Code(ExitCode),
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable(message.into())
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::Internal(message.into())
    }

    /// Says it and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let code = match self {
            Self::Usage(_) => WRONG_USAGE,
            Self::Unavailable(_) => UNAVAILABLE,
            Self::Internal(_) => INTERNAL,
            Self::Code(code) => return code,
        };
        // A closed standard error is no reason to end differently.
        let _ = writeln!(anstream::stderr(), "{self}");
        ExitCode::from(code)
    }
}

/// Writes what a command was asked for. A reader that has read enough (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::internal(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Says something beside what was asked for, on standard error. A closed one is no reason to end differently.
pub(crate) fn note(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// The end of a command line that `clap` answered itself: help and version are no failure.
pub(crate) fn from_clap(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::from(WRONG_USAGE)
    } else {
        ExitCode::SUCCESS
    }
}
