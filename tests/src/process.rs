//! Processes by their ids: who descends from whom, and signals to them.

use std::process::Command;
use std::time::Instant;

use crate::DEADLINE;

/// Whether a process is there and not merely waiting to be reaped.
pub fn is_running(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != 'Z')
}

/// Whether a process was stopped by a signal: all its threads, which stop one after the other.
pub fn is_stopped(pid: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return false;
    };
    threads.flatten().all(|thread| {
        let state = std::fs::read_to_string(thread.path().join("stat")).ok();
        state.is_some_and(|text| parse_stat(&text).is_some_and(|(state, _)| state == 'T'))
    })
}

/// The most memory that a process has had at once, in bytes.
///
/// # Panics
/// Where there is no `/proc`, or no such process.
pub fn peak_memory(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kilobytes: usize = kilobytes.and_then(|number| number.parse().ok()).expect("a number");
    kilobytes * 1024
}

/// Waits until a process is stopped.
///
/// # Panics
/// When that does not happen.
pub async fn stopped(pid: u32) {
    let began = Instant::now();
    while !is_stopped(pid) {
        assert!(began.elapsed() < DEADLINE, "{pid} runs on");
        tokio::task::yield_now().await;
    }
}

/// Waits until a process is gone and whoever started it knows that.
///
/// # Panics
/// When that does not happen.
pub async fn reaped(pid: u32) {
    let began = Instant::now();
    while stat(pid).is_some() {
        assert!(began.elapsed() < DEADLINE, "nobody asks about {pid}");
        tokio::task::yield_now().await;
    }
}

/// Waits until a process has ended that somebody else started.
///
/// # Panics
/// When it does not end.
pub async fn ended(pid: u32) {
    let began = Instant::now();
    while is_running(pid) {
        assert!(began.elapsed() < DEADLINE, "{pid} does not end");
        tokio::task::yield_now().await;
    }
}

/// The running processes that this one started, and those that they started.
///
/// # Panics
/// Where there is no `/proc`.
pub fn descendants(pid: u32) -> Vec<u32> {
    let folder = std::fs::read_dir("/proc").expect("these tests read /proc");
    let names = folder
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parents: Vec<(u32, u32)> = names
        .filter_map(|child| Some((child, stat(child)?)))
        .filter(|(_, (state, _))| *state != 'Z')
        .map(|(child, (_, parent))| (child, parent))
        .collect();
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(parents.iter().filter(|(_, p)| *p == parent).map(|(child, _)| *child));
        next += 1;
    }
    found.split_off(1)
}

/// Sends a signal by its name (`TERM`, `KILL`, `STOP`). One to a process that is gone does nothing.
pub fn signal(pid: u32, name: &str) {
    // By the shell's own `kill`: the system call would need unsafe code.
    let command = format!("kill -{name} {pid} 2>/dev/null");
    let _ = Command::new("sh").args(["-c", &command]).status();
}

/// State and parent of a process.
fn stat(pid: u32) -> Option<(char, u32)> {
    parse_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The two in `/proc/<pid>/stat` and `/proc/<pid>/task/<tid>/stat` (proc(5)).
fn parse_stat(text: &str) -> Option<(char, u32)> {
    // The name in parentheses may hold anything, so what follows is found from its end.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_found_and_can_be_ended() {
        let mut child = Command::new("sh")
            .args(["-c", "cat & cat"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        assert!(is_running(child.id()));
        assert!(descendants(std::process::id()).contains(&child.id()));
        signal(child.id(), "KILL");
        child.wait().unwrap();
        assert!(!is_running(child.id()));
    }
}
