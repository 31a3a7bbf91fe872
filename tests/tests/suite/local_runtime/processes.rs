//! Environments are processes of their own, and nothing outlives the runtime.

use std::process::Command;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tollgate_tests::process::{ended, is_running, signal};
use tollgate_tests::running::{Running, function_binary, tollgate};
use tollgate_tests::{Answer, Api, Event, Gateway, Stage, get};

async fn with_environments(most: u32) -> Api {
    let stage = Stage::set().await;
    let document = stage.public(json!([{ "path": "/**", "upstream": stage.site.url() }]));
    let gateway = Gateway::start(document.to_string())
        .event(Event::Http)
        .environments(most);
    stage.open_as(gateway).await
}

/// Sends this many requests at once, waits until `busy` of them have reached the upstream, and tells the
/// environments' processes; then lets the upstream answer.
async fn under_load(api: &Api, requests: usize, busy: usize) -> Vec<u32> {
    let gate = Arc::new(Notify::new());
    api.stage.site.answers(Answer::json("{}").held_by(&gate));
    let address = api.gateway.address();
    let mut clients = JoinSet::new();
    for _ in 0..requests {
        clients.spawn(async move { get("/").send(address).await.expect("an answer").status });
    }
    let before = api.stage.site.requests().len();
    let mut seen = 0;
    let enough = api.stage.site.requests().find_from(before, |_| {
        seen += 1;
        (seen == busy).then_some(())
    });
    enough
        .await
        .unwrap_or_else(|| panic!("not {busy} at once\n{}", api.gateway.process().output()));
    let environments = api.gateway.children();
    api.stage.site.answers(Answer::json("{}"));
    while !clients.is_empty() {
        gate.notify_waiters();
        tokio::select! {
            biased;
            Some(status) = clients.join_next() => assert_eq!(status.expect("no panic"), 200),
            () = tokio::task::yield_now() => {}
        }
    }
    environments
}

#[tokio::test]
async fn more_environments_start_as_load_asks_up_to_the_given_number() {
    let api = with_environments(3).await;
    assert_eq!(under_load(&api, 6, 3).await.len(), 3);
    api.finish();
}

#[tokio::test]
async fn an_environment_serves_one_request_at_a_time() {
    let api = with_environments(1).await;
    let gate = Arc::new(Notify::new());
    api.stage.site.answers(Answer::json("{}").held_by(&gate));
    let address = api.gateway.address();
    let (one, two) = (get("/one"), get("/two"));
    let both = async { tokio::join!(one.send(address), two.send(address)) };
    let first_only = async {
        api.stage
            .site
            .requests()
            .find(|request| Some(request.target.clone()))
            .await
            .expect("the first");
        assert_eq!(api.stage.site.requests().len(), 1, "the second waits");
        gate.notify_one();
        api.stage
            .site
            .requests()
            .find_from(1, |_| Some(()))
            .await
            .expect("the second");
        gate.notify_one();
    };
    let ((one, two), ()) = tokio::join!(both, first_only);
    assert_eq!(
        (one.expect("an answer").status, two.expect("an answer").status),
        (200, 200)
    );
    api.finish();
}

#[tokio::test]
async fn signals_leave_no_process_behind() {
    for name in ["TERM", "INT"] {
        let api = with_environments(2).await;
        let environments = under_load(&api, 2, 2).await;
        assert_eq!(environments.len(), 2);
        let id = api.gateway.process().id();
        signal(id, name);
        api.gateway.process().stdout().closed().await;
        drop(api);
        for process in environments.into_iter().chain([id]) {
            assert!(!is_running(process), "{process} outlived SIG{name}");
        }
    }
}

#[tokio::test]
async fn sigterm_ends_it_while_a_request_is_under_way() {
    let stage = Stage::set().await;
    let never = Arc::new(Notify::new());
    stage.site.answers(Answer::json("{}").held_by(&never));
    let document = stage.public(json!([{ "path": "/**", "upstream": stage.site.url() }]));
    let gateway = Gateway::start(document.to_string()).spawn().await;
    let address = gateway.address();
    let client = tokio::spawn(async move { get("/").send(address).await });
    stage.site.requests().find(|_| Some(())).await.expect("it is under way");
    let environments = gateway.children();
    gateway.terminate().await;
    for process in environments {
        assert!(!is_running(process), "{process} outlived the runtime");
    }
    client.abort();
}

#[tokio::test]
async fn a_killed_runtime_leaves_no_environment() {
    let api = with_environments(2).await;
    let environments = under_load(&api, 2, 2).await;
    assert_eq!(environments.len(), 2);
    signal(api.gateway.process().id(), "KILL");
    for process in environments {
        ended(process).await;
    }
}

#[tokio::test]
async fn a_config_from_a_pipe_is_served_and_can_be_interrupted() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo is there");
    let mut command = tollgate();
    command.arg("dev").arg("--config").arg(&pipe);
    for listener in ["--listen", "--invoke-listen", "--dynamodb-listen", "--idp-listen"] {
        command.args([listener, "127.0.0.1:0"]);
    }
    command.args(function_binary());
    let process = Running::start(command);
    let document = r#"{"routes":[{"path":"/","upstream":"http://127.0.0.1:1","auth":"none"}]}"#;
    std::fs::write(&pipe, document).expect("the pipe can be written");
    process.address("listening on").await;
    // Nobody writes the pipe a second time.
    signal(process.id(), "INT");
    assert!(process.exited().await.success());
}
