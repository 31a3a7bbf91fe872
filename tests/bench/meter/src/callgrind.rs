//! Instructions outside the kernel, counted by valgrind's callgrind.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::function::Function;

/// All instructions of this program with these arguments. Callgrind's file is left.
pub(crate) fn of_this_program(arguments: &[&OsStr], file: &Path) -> Result<f64, String> {
    let this = std::env::current_exe().map_err(|error| format!("valgrind: {error}"))?;
    of_program(&this, arguments, file)
}

/// The same of another program.
pub(crate) fn of_program(program: &Path, arguments: &[&OsStr], file: &Path) -> Result<f64, String> {
    let failed = |error: std::io::Error| format!("valgrind: {error}");
    let ran = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind"])
        .arg(option(file))
        .arg(program)
        .args(arguments)
        .status();
    match ran.map_err(failed)?.success() {
        true => total(file),
        false => Err(format!("valgrind: {} has no figure", file.display())),
    }
}

/// Where callgrind writes to.
pub(crate) fn option(file: &Path) -> String {
    format!("--callgrind-out-file={}", file.display())
}

/// Has callgrind do something (valgrind's manual, "Monitor Commands").
pub(crate) fn command(function: &Function, word: &str) -> Result<(), String> {
    let process = format!("--pid={}", function.id());
    let ran = Command::new("vgdb").args([&process, word]).output();
    match ran {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("vgdb {word}: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("vgdb: {error}")),
    }
}

/// All instructions in a file that callgrind has written.
pub(crate) fn total(file: &Path) -> Result<f64, String> {
    let path = file.display();
    let profile = fs::read_to_string(file).map_err(|error| format!("{path}: {error}"))?;
    let total = profile.lines().find_map(|line| line.strip_prefix("totals: "));
    let total = total.and_then(|count| count.trim().parse().ok());
    total.ok_or_else(|| format!("{path}: no totals"))
}
