//! Which program a function environment runs: this one, started again as the function, or a function that was built
//! for Lambda.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::dev::environment::FunctionCommand;
use crate::exit::Failure;

/// The option that names a program, for messages.
const OPTION: &str = "--function-binary";

/// What environments run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FunctionProgram {
    /// This program.
    Own,
    /// Another one, such as `target/lambda/gateway/bootstrap`.
    Binary(PathBuf),
}

impl FunctionProgram {
    /// The program that the command line names; this one when it names none. Anything that cannot be run is an error.
    pub(crate) fn of(binary: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = binary else { return Ok(Self::Own) };
        let wrong = |why: String| Failure::usage(format!("{OPTION} {}: {why}", path.display()));
        // In full: what is started may look for it from elsewhere.
        let full = path.canonicalize().map_err(|error| wrong(error.to_string()))?;
        let metadata = full.metadata().map_err(|error| wrong(error.to_string()))?;
        if !metadata.is_file() {
            return Err(wrong("is no file; name the function's executable".to_owned()));
        }
        if !is_executable(&metadata) {
            return Err(wrong("is not executable (chmod +x makes it so)".to_owned()));
        }
        Ok(Self::Binary(full))
    }

    /// How to start it with these variables.
    pub(crate) fn command(&self, variables: Vec<(String, String)>) -> Result<FunctionCommand, Failure> {
        let (program, arguments) = match self {
            Self::Own => (this_program()?, vec!["function".into(), "--lifeline".into()]),
            Self::Binary(path) => ending_with_this(path)?,
        };
        Ok(FunctionCommand {
            program,
            arguments,
            variables,
        })
    }
}

fn this_program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|error| Failure::internal(format!("cannot find this program: {error}")))
}

/// A start by way of this program, which sees to it that the other one does not outlive this process.
#[cfg(target_os = "linux")]
fn ending_with_this(path: &Path) -> Result<(PathBuf, Vec<OsString>), Failure> {
    let parent = std::process::id().to_string();
    Ok((
        this_program()?,
        vec!["become".into(), "--parent".into(), parent.into(), path.into()],
    ))
}

/// A plain start: it ends when it finds its Runtime API gone.
#[cfg(not(target_os = "linux"))]
fn ending_with_this(path: &Path) -> Result<(PathBuf, Vec<OsString>), Failure> {
    Ok((path.to_owned(), Vec::new()))
}

#[cfg(unix)]
fn is_executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &std::fs::Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &Path) -> String {
        match FunctionProgram::of(Some(path)) {
            Err(Failure::Usage(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_a_name_it_is_this_program() {
        let program = FunctionProgram::of(None).unwrap();
        assert_eq!(program, FunctionProgram::Own);
        let command = program.command(Vec::new()).unwrap();
        assert_eq!(command.program, std::env::current_exe().unwrap());
    }

    #[test]
    fn what_cannot_be_run_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let why = refused(&missing);
        assert!(
            why.starts_with(&format!("--function-binary {}: ", missing.display())),
            "{why}"
        );
        assert!(refused(folder.path()).ends_with(": is no file; name the function's executable"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_must_be_executable() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bootstrap");
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(refused(&path).ends_with(": is not executable (chmod +x makes it so)"));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        let full = path.canonicalize().unwrap();
        assert_eq!(FunctionProgram::of(Some(&path)).unwrap(), FunctionProgram::Binary(full));
    }
}
