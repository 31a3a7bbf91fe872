//! Stops a process group and lets it run on: what Lambda does to an environment that has no event.
//!
//! Job control signals (POSIX.1-2024, `kill`): a process can neither catch nor ignore `SIGSTOP`, and `SIGKILL` ends
//! a stopped one at once. What ends it when the local runtime itself is killed stands in
//! docs/decisions/0017-freezing-by-signals.md.

use std::io;

/// Whether this system can do it.
pub(crate) const POSSIBLE: bool = cfg!(unix);

/// Stops the group that this process leads.
#[cfg(unix)]
pub(crate) fn stop(leader: u32) -> io::Result<()> {
    signal(leader, rustix::process::Signal::STOP)
}

/// Lets a stopped group run on; a running one does not notice.
#[cfg(unix)]
pub(crate) fn go_on(leader: u32) -> io::Result<()> {
    signal(leader, rustix::process::Signal::CONT)
}

#[cfg(unix)]
fn signal(leader: u32, signal: rustix::process::Signal) -> io::Result<()> {
    let group = i32::try_from(leader).ok().and_then(rustix::process::Pid::from_raw);
    let group = group.ok_or(io::ErrorKind::InvalidInput)?;
    Ok(rustix::process::kill_process_group(group, signal)?)
}

/// Not here.
#[cfg(not(unix))]
pub(crate) fn stop(_leader: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not here.
#[cfg(not(unix))]
pub(crate) fn go_on(_leader: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
