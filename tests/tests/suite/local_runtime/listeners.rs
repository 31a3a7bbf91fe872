//! Who may speak to which listener, and what happens when a port is taken.

use std::net::{SocketAddr, TcpListener};

use serde_json::json;
use tollgate_tests::running::{OutputMark, Running, function_binary, tollgate};
use tollgate_tests::{Gateway, Request, Stage, get, method, post};

/// A request as the DynamoDB listener takes it.
fn list_tables() -> Request {
    method("POST", "/")
        .header("X-Amz-Target", "DynamoDB_20120810.ListTables")
        .header("Content-Type", "application/x-amz-json-1.0")
        .header("X-Amz-Date", "20260101T000000Z")
        .header(
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=x",
        )
        .body("{}")
}

#[tokio::test]
async fn listeners_beside_the_gateway_answer_this_machine_only() {
    let stage = Stage::set().await;
    let document = stage.public(json!([{ "path": "/**", "upstream": stage.site.url() }]));
    let gateway = Gateway::start(document.to_string()).spawn().await;
    let listeners = [
        (
            gateway.invoke_api(),
            post("/2015-03-31/functions/gateway/invocations", "{}"),
        ),
        (gateway.dynamodb(), list_tables()),
        (gateway.identity_provider(), get("/.well-known/jwks.json")),
    ];
    for (address, request) in listeners {
        let status = |request: Request| async move { request.send(address).await.expect("an answer").status };
        let own = request.clone().host(address.to_string());
        let answer = own.send(address).await.expect("an answer");
        assert_eq!(answer.status, 200, "{address}: {}", answer.text());
        let cross_origin = |name: &str| name.to_ascii_lowercase().starts_with("access-control-");
        assert!(!answer.headers.iter().any(|(name, _)| cross_origin(name)), "{answer:?}");
        let localhost = format!("localhost:{}", address.port());
        assert_eq!(status(request.clone().host(localhost)).await, 200);

        for host in [
            "evil.example",
            "evil.example:8000",
            "127.0.0.1",
            "127.0.0.1.evil.example",
            "localhost:1",
        ] {
            assert_eq!(status(request.clone().host(host)).await, 403, "{address} as {host}");
        }
        for origin in ["https://evil.example", "null", "http://localhost:3000"] {
            let request = request.clone().host(address.to_string());
            assert_eq!(
                status(request.header("Origin", origin)).await,
                403,
                "{address} from {origin}"
            );
        }
        let preflight = method("OPTIONS", "/")
            .host(address.to_string())
            .header("Origin", "https://evil.example");
        let answer = preflight
            .header("Access-Control-Request-Method", "POST")
            .send(address)
            .await;
        let answer = answer.expect("an answer");
        assert!(!answer.headers.iter().any(|(name, _)| cross_origin(name)), "{answer:?}");
    }
}

#[tokio::test]
async fn what_the_services_refuse_is_refused() {
    let stage = Stage::set().await;
    let document = stage.public(json!([{ "path": "/**", "upstream": stage.site.url() }]));
    let gateway = Gateway::start(document.to_string()).spawn().await;
    let wide = get("/").header("X-Wide", "x".repeat(10_300));
    let post = || method("POST", "/").body("abc");
    let refused = [
        ("no Host", get("/").without_host(), &[400][..]),
        ("two Hosts", get("/").header("Host", "b.example.com"), &[400]),
        (
            "two lengths",
            post().header("Content-Length", "3").header("Content-Length", "4"),
            &[400],
        ),
        (
            "a length beside chunks",
            post()
                .header("Content-Length", "3")
                .header("Transfer-Encoding", "chunked"),
            &[400],
        ),
        ("no number", post().header("Content-Length", "three"), &[400]),
        ("headers over 10,240 bytes", wide, &[431, 494, 400]),
    ];
    for (what, request, statuses) in refused {
        let answer = request.send(gateway.address()).await.expect("an answer");
        assert!(statuses.contains(&answer.status), "{what}: {answer:?}");
    }
    assert_eq!(stage.site.requests().len(), 0);
    assert_eq!(gateway.send(&get("/")).await.status, 200, "the next is served");
}

fn dev(folder: &tempfile::TempDir, stage: &Stage) -> std::process::Command {
    let config = folder.path().join("tollgate.json");
    let document = stage.public(json!([{ "path": "/**", "upstream": stage.site.url() }]));
    std::fs::write(&config, document.to_string()).expect("the config can be written");
    let mut command = tollgate();
    command
        .arg("dev")
        .arg("--config")
        .arg(config)
        .current_dir(folder.path());
    for listener in ["--invoke-listen", "--dynamodb-listen", "--idp-listen"] {
        command.args([listener, "127.0.0.1:0"]);
    }
    command.args(function_binary());
    command
}

#[tokio::test]
async fn a_taken_given_port_is_an_error() {
    let (folder, stage) = (tempfile::tempdir().expect("a folder"), Stage::set().await);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("a bound port").to_string();
    let mut command = dev(&folder, &stage);
    command.args(["--listen", &address]);
    let process = Running::start(command);
    process.says(OutputMark::default(), &["--listen", &address]).await;
    assert!(!process.exited().await.success());
}

#[tokio::test]
async fn a_taken_default_port_is_replaced_and_said() {
    let (folder, stage) = (tempfile::tempdir().expect("a folder"), Stage::set().await);
    let default: SocketAddr = "127.0.0.1:9000".parse().expect("an address");
    let (process, address) = loop {
        // If this fails, somebody else holds it, which serves as well, unless it is let go of in the meantime.
        let taken = TcpListener::bind(default);
        let process = Running::start(dev(&folder, &stage));
        let address = process.address("listening on").await;
        if taken.is_ok() || address != default {
            break (process, address);
        }
    };
    assert_ne!(address, default);
    process.says(OutputMark::default(), &["127.0.0.1:9000", "taken"]).await;
    assert_eq!(get("/").send(address).await.expect("an answer").status, 200);
}

#[tokio::test]
async fn beyond_loopback_only_when_wanted() {
    let (folder, stage) = (tempfile::tempdir().expect("a folder"), Stage::set().await);
    let mut command = dev(&folder, &stage);
    command.args(["--listen", "0.0.0.0:0"]);
    let process = Running::start(command);
    process.says(OutputMark::default(), &["--allow-remote"]).await;
    assert_eq!(process.exited().await.code(), Some(64));
}
