//! `--function-binary PATH`: environments run a function that was built for Lambda.

use std::path::{Path, PathBuf};

use serde_json::json;
use tollgate_tests::binaries::binary;
use tollgate_tests::process::{ended, signal};
use tollgate_tests::running::{Finished, tollgate};
use tollgate_tests::{Api, Gateway, Stage, get};

async fn with_binary() -> Api {
    let stage = Stage::set().await;
    // Only the local runtime can fill this.
    let issuer = "${TOLLGATE_ISSUER}";
    let document = json!({
        "routes": [{ "path": "/public", "upstream": stage.site.url(), "auth": "none" }, { "path": "/me", "upstream": stage.site.url() }],
        "auth": { "type": "jwt", "issuer": issuer, "jwks_uri": format!("{issuer}/keys"), "audiences": ["store"] },
    });
    stage
        .open_as(Gateway::start(document.to_string()).function(binary("gateway")))
        .await
}

/// The program that a process runs.
fn program(pid: u32) -> PathBuf {
    std::fs::read_link(format!("/proc/{pid}/exe")).expect("it runs")
}

#[tokio::test]
async fn environments_run_the_given_program() {
    let api = with_binary().await;
    api.send(get("/public")).await.status(200);
    api.send(get("/me")).await.error(401, "unauthorized");
    let environments = api.gateway.children();
    assert_eq!(environments.len(), 1, "an environment is one process");
    assert_eq!(
        program(environments[0]),
        binary("gateway").canonicalize().expect("a path")
    );
    api.finish();
}

#[tokio::test]
async fn a_killed_runtime_leaves_none_whatever_it_is_doing() {
    let api = with_binary().await;
    let environments = api.gateway.children();
    assert_eq!(environments.len(), 1);
    // It can do nothing for its own end any more.
    signal(environments[0], "STOP");
    signal(api.gateway.process().id(), "KILL");
    ended(environments[0]).await;
    api.finish();
}

/// Starts `dev` and `invoke` with a program that is none; neither may come as far as to open a listener.
async fn refused(path: &Path) -> [Finished; 2] {
    let run = async |command: &str| {
        let mut tollgate = tollgate();
        tollgate.args(command.split(' ')).arg("--function-binary").arg(path);
        Finished::of(tollgate).await
    };
    [run("dev --listen 127.0.0.1:0").await, run("invoke /dev/null").await]
}

#[tokio::test]
async fn a_wrong_path_is_told_before_anything_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("README.md");
    std::fs::write(&text, "# A text").expect("the file can be written");
    for (path, words) in [
        (folder.path().join("bootstrap"), "No such file"),
        (folder.path().to_owned(), "is no file"),
        (text, "is not executable"),
    ] {
        for finished in refused(&path).await {
            assert_eq!(finished.code, Some(64), "{finished:?}");
            let why = format!("--function-binary {}: ", path.display());
            assert!(
                finished.stderr.contains(&why) && finished.stderr.contains(words),
                "{finished:?}"
            );
            assert_eq!(finished.stdout, "", "nothing was started");
        }
    }
}

#[tokio::test]
async fn a_program_that_does_not_start_is_told() {
    let mut command = tollgate();
    command.args(["dev", "--function-binary", "/bin/false"]);
    for listener in ["--listen", "--invoke-listen", "--dynamodb-listen", "--idp-listen"] {
        command.args([listener, "127.0.0.1:0"]);
    }
    let finished = Finished::of(command).await;
    assert_eq!(finished.code, Some(69), "{finished:?}");
    assert!(finished.stderr.contains("exit status: 1"), "{finished:?}");
}
