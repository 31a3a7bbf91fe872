//! Ends a function environment with whoever started it, however that ended: also by SIGKILL, and also in the
//! middle of a request; on Linux also while it is frozen and watches nothing.

use std::io::Read;
use std::process::exit;

/// Watches standard input, of which the starter holds the other end and never writes to it.
pub(crate) fn hold() -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let watch = || {
        let mut nothing = [0; 64];
        // Anything but more input means that the other end is closed.
        while matches!(std::io::stdin().read(&mut nothing), Ok(1..)) {}
        exit(0)
    };
    std::thread::Builder::new()
        .name("lifeline".to_owned())
        .spawn(watch)
        .map(drop)
}

/// Becomes a program that knows of no lifeline: the kernel ends it with its parent. Returns only when that fails.
///
/// The setting outlives `exec` (prctl(2), `PR_SET_PDEATHSIG`). It is tied to the thread that started this process;
/// the local runtime's threads end with it.
#[cfg(target_os = "linux")]
pub(crate) fn become_program(parent: u32, program: &std::path::Path) -> crate::exit::Failure {
    use std::os::unix::process::{CommandExt, parent_id};
    use std::process::{Command, ExitCode};

    use rustix::process::{Signal, set_parent_process_death_signal};

    use crate::exit::Failure;

    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return Failure::internal(format!("cannot ask for an end with the local runtime: {error}"));
    }
    // It may have ended before it could be watched.
    if parent_id() != parent {
        return Failure::Code(ExitCode::FAILURE);
    }
    let error = Command::new(program).exec();
    Failure::usage(format!("{}: cannot be run: {error}", program.display()))
}
