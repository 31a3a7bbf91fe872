//! Finds the binaries under test, and builds them first.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The path of a binary of this workspace, as fresh as the sources: built once per test process, unless
/// `TOLLGATE_BIN_DIR` names a folder that holds it.
pub fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        std::env::var_os("TOLLGATE_BIN_DIR")
            .filter(|folder| !folder.is_empty())
            .map_or_else(build, PathBuf::from)
    });
    let path = folder.join(name);
    assert!(path.is_file(), "there is no {}", path.display());
    path
}

/// Builds the workspace's binaries into the folder that this test came from. All its default members, because
/// Cargo then joins the same features as `cargo test` did and nothing is compiled twice.
fn build() -> PathBuf {
    let this_test = std::env::current_exe().expect("a test knows its own path");
    let profile_folder = this_test
        .ancestors()
        .nth(2)
        .expect("tests lie in target/<profile>/deps");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--bins", "--quiet"]);
    cargo.args(layout_arguments(profile_folder));
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| of_outer_cargo(&name.to_string_lossy())) {
        cargo.env_remove(name);
    }
    let status = cargo.status().expect("cargo can be started");
    assert!(status.success(), "the binaries do not build");
    profile_folder.to_path_buf()
}

/// `--profile`, `--target-dir` and `--target` that lead to this folder: `<target dir>[/<triple>]/<profile>`.
fn layout_arguments(profile_folder: &Path) -> Vec<String> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let profile = match name(profile_folder).as_str() {
        "debug" => "dev".to_owned(),
        other => other.to_owned(),
    };
    let parent = profile_folder.parent().expect("a target directory");
    let mut arguments = vec!["--profile".to_owned(), profile];
    // Cargo marks the target directory itself, not the folder of a triple inside it.
    let target = if parent.join("CACHEDIR.TAG").exists() {
        parent
    } else {
        arguments.extend(["--target".to_owned(), name(parent)]);
        parent.parent().expect("a target directory")
    };
    arguments.extend(["--target-dir".to_owned(), target.to_string_lossy().into_owned()]);
    arguments
}

/// Variables that the outer cargo sets for this test only. Build scripts (ring's) watch them, and would be run
/// again, with all that depends on them, when they differ.
fn of_outer_cargo(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_EXE_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        || ["CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "CARGO_TARGET_TMPDIR"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_a_triple_is_told_from_a_target_directory() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().to_string_lossy().into_owned();
        std::fs::write(folder.path().join("CACHEDIR.TAG"), "").unwrap();
        assert_eq!(
            layout_arguments(&folder.path().join("debug")),
            ["--profile", "dev", "--target-dir", &target]
        );
        assert_eq!(
            layout_arguments(&folder.path().join("some-triple").join("release")),
            [
                "--profile",
                "release",
                "--target",
                "some-triple",
                "--target-dir",
                &target
            ]
        );
    }
}
