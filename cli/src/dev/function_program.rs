//! Which program a function environment runs: this one, started again as the function, or a function that was built
//! for Lambda.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::dev::environment::FunctionCommand;
use crate::exit::Failure;
use crate::function_kind::FunctionKind;

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
        // `exec` would give what the kernel does not know to a shell, which reads anything as a script.
        #[cfg(target_os = "linux")]
        check_format(&head(&full).map_err(|error| wrong(error.to_string()))?).map_err(wrong)?;
        Ok(Self::Binary(full))
    }

    /// How to start it, as this function, with these variables.
    pub(crate) fn command(
        &self,
        kind: FunctionKind,
        variables: Vec<(String, String)>,
    ) -> Result<FunctionCommand, Failure> {
        let (program, arguments) = match self {
            Self::Own => (
                this_program()?,
                vec!["function".into(), kind.name().into(), "--lifeline".into()],
            ),
            Self::Binary(path) => ending_with_this(path)?,
        };
        Ok(FunctionCommand {
            kind,
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

/// The machines that Lambda has: ELF's number (elf(5), `e_machine`) and Rust's name.
#[cfg(target_os = "linux")]
const MACHINES: [(u16, &str); 2] = [(62, "x86_64"), (183, "aarch64")];

/// As much of a file as tells what it is.
#[cfg(target_os = "linux")]
fn head(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut head = Vec::new();
    std::fs::File::open(path)?.take(20).read_to_end(&mut head)?;
    Ok(head)
}

/// Whether a file that begins so runs here. The error is ready to be shown.
#[cfg(target_os = "linux")]
fn check_format(head: &[u8]) -> Result<(), String> {
    use std::env::consts::ARCH;
    let machine = match head {
        [b'#', b'!', ..] => return Ok(()),
        [0x7f, b'E', b'L', b'F', .., low, high] if head.len() == 20 => u16::from_le_bytes([*low, *high]),
        _ => return Err("is no program".to_owned()),
    };
    match MACHINES.iter().find(|(number, _)| *number == machine) {
        Some((_, name)) if *name != ARCH => Err(format!(
            "is built for {name}, and this machine is {ARCH}; build the function for this one"
        )),
        _ => Ok(()),
    }
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
        for kind in [FunctionKind::Gateway, FunctionKind::Authorizer, FunctionKind::Admin] {
            let command = program.command(kind, Vec::new()).unwrap();
            assert_eq!(command.program, std::env::current_exe().unwrap());
            assert_eq!(command.arguments, ["function", kind.name(), "--lifeline"]);
        }
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

    #[cfg(target_os = "linux")]
    #[test]
    fn a_program_for_another_machine_is_refused() {
        let elf = |machine: u16| [&b"\x7fELF\x02\x01\x01"[..], &[0; 11], &machine.to_le_bytes()].concat();
        for (number, name) in MACHINES {
            let checked = check_format(&elf(number));
            assert_eq!(checked.is_ok(), name == std::env::consts::ARCH, "{checked:?}");
            assert!(
                checked
                    .err()
                    .is_none_or(|why| why.starts_with(&format!("is built for {name}, ")))
            );
        }
        assert_eq!(check_format(&head(&std::env::current_exe().unwrap()).unwrap()), Ok(()));
        assert_eq!(check_format(b"#!/bin/sh"), Ok(()));
        for no_program in [
            &b""[..],
            b"#",
            b"\x7fELF",
            b"MZ and so on, longer than a head",
            b"# A text of twenty b",
        ] {
            assert_eq!(
                check_format(no_program),
                Err("is no program".to_owned()),
                "{no_program:?}"
            );
        }
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
