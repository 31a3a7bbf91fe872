//! `--db FILE`: what was counted is still counted after a restart, and a file has one owner.

use std::path::Path;

use serde_json::json;
use tollgate_tests::process::signal;
use tollgate_tests::running::{Finished, tollgate};
use tollgate_tests::{Gateway, Stage, get};

/// A config whose one limit lets two requests through.
fn document(stage: &Stage) -> String {
    let mut document = stage.public(json!([{ "path": "/**", "upstream": stage.site.url() }]));
    document["rate_limiting"] = json!({ "default": { "requests_per_day": 2, "key": "client_ip" } });
    document.to_string()
}

async fn with_file(stage: &Stage, file: &Path) -> Gateway {
    Gateway::start(document(stage)).database(file).spawn().await
}

/// Runs `tollgate dev --db FILE` that is not to come up.
async fn refused(file: &Path, variables: &[(&str, &str)]) -> Finished {
    let mut command = tollgate();
    command.arg("dev").arg("--db").arg(file);
    for listener in ["--listen", "--invoke-listen", "--dynamodb-listen", "--idp-listen"] {
        command.args([listener, "127.0.0.1:0"]);
    }
    command.envs(variables.iter().copied());
    Finished::of(command).await
}

#[tokio::test]
async fn counts_survive_every_way_to_end() {
    let (stage, folder) = (Stage::set().await, tempfile::tempdir().expect("a folder"));
    let file = folder.path().join("counters.db");
    let gateway = with_file(&stage, &file).await;
    assert_eq!(gateway.send(&get("/")).await.header("X-RateLimit-Remaining"), Some("1"));
    assert!(gateway.terminate().await.success());

    let gateway = with_file(&stage, &file).await;
    assert_eq!(gateway.send(&get("/")).await.header("X-RateLimit-Remaining"), Some("0"));
    signal(gateway.process().id(), "KILL");
    gateway.process().stdout().closed().await;
    drop(gateway);

    let gateway = with_file(&stage, &file).await;
    assert_eq!(gateway.send(&get("/")).await.status, 429, "the two of before count");
    drop(gateway);

    let elsewhere = with_file(&stage, &folder.path().join("others.db")).await;
    assert_eq!(
        elsewhere.send(&get("/")).await.status,
        200,
        "another file knows nothing"
    );
}

#[tokio::test]
async fn a_file_has_one_owner() {
    let (stage, folder) = (Stage::set().await, tempfile::tempdir().expect("a folder"));
    let file = folder.path().join("counters.db");
    let owner = with_file(&stage, &file).await;
    let second = refused(&file, &[]).await;
    assert_eq!(second.code, Some(69), "{second:?}");
    let why = format!("--db {}: another local runtime uses this file", file.display());
    assert!(second.stderr.contains(&why), "{second:?}");
    assert_eq!(owner.send(&get("/")).await.status, 200, "the first is not disturbed");
}

#[tokio::test]
async fn what_cannot_keep_tables_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let notes = folder.path().join("notes.txt");
    std::fs::write(&notes, "not to be lost").expect("the file can be written");
    let finished = refused(&notes, &[]).await;
    assert_eq!(finished.code, Some(64), "{finished:?}");
    let why = format!("--db {}: is no database", notes.display());
    assert!(finished.stderr.contains(&why), "{finished:?}");
    assert_eq!(std::fs::read(&notes).expect("it is there"), b"not to be lost");

    let new = folder.path().join("new.db");
    let finished = refused(&new, &[("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")]).await;
    assert_eq!(finished.code, Some(64), "{finished:?}");
    assert!(finished.stderr.contains("AWS_ENDPOINT_URL_DYNAMODB"), "{finished:?}");
    assert!(
        !finished.stderr.contains("does not answer"),
        "the other engine was asked: {finished:?}"
    );
    assert!(!new.exists());
}
