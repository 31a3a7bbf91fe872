//! `test`: what a user sees of a folder of events, and how it ends.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;
use tollgate_tests::running::{Finished, tollgate};

/// A folder to run `tollgate` in, with `events/` in it.
struct Desk(TempDir);

impl Desk {
    /// With one event, `get-order`, that expects this.
    fn expecting(expectation: &Value) -> Self {
        let desk = Self::empty();
        desk.write("get-order.expect.json", expectation);
        desk
    }

    /// With one event that nothing is expected of.
    fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("events")).expect("a folder can be made");
        let desk = Self(folder);
        desk.write(
            "gateway.json",
            &json!({
                "routes": [{ "path": "/api/orders/{id}", "upstream": "http://orders.internal", "strip_prefix": "/api", "auth": "none" }],
                "transformations": [{ "path": "/api/orders/*", "response": { "rename_fields": { "cost": "price" } } }]
            }),
        );
        desk.write(
            "get-order.json",
            &json!({
                "version": "2.0", "rawPath": "/api/orders/ord_x7k9", "rawQueryString": "",
                "headers": { "host": "api.example.com", "x-user-id": "root" },
                "requestContext": { "stage": "$default", "http": { "method": "GET", "sourceIp": "203.0.113.7" } },
                "isBase64Encoded": false
            }),
        );
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("events").join(name)
    }

    fn write(&self, name: &str, content: &Value) {
        std::fs::write(self.path(name), format!("{content:#}\n")).expect("the file can be written");
    }

    fn read(&self, name: &str) -> Value {
        let text = std::fs::read_to_string(self.path(name)).expect("the file is there");
        serde_json::from_str(&text).expect("JSON")
    }

    async fn test(&self, arguments: &[&str]) -> Finished {
        let mut command = tollgate();
        command.arg("test").args(arguments).current_dir(self.0.path());
        Finished::of(command).await
    }
}

/// An expectation that holds.
fn right() -> Value {
    json!({
        "about": "Customers know a price.",
        "upstream": [{
            "request": "GET http://orders.internal/orders/ord_x7k9",
            "headers": { "x-forwarded-for": "203.0.113.7", "x-user-id": null },
            "answer": { "status": 200, "body": { "id": "ord_x7k9", "cost": 17 } }
        }],
        "status": 200,
        "headers": { "x-request-id": "<request id>", "x-response-time": { "like": "*ms" } },
        "body": { "price": 17, "id": "ord_x7k9" }
    })
}

#[tokio::test]
async fn what_holds_is_exit_0_with_a_summary() {
    let finished = Desk::expecting(&right()).test(&[]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.stdout, "ok    get-order\n\n1 passed");
    assert_eq!(finished.stderr, "");
}

#[tokio::test]
async fn what_does_not_hold_is_exit_1_with_every_difference() {
    let mut expectation = right();
    expectation["status"] = json!(201);
    expectation["body"] = json!({ "id": "ord_x7k8", "cost": 17 });
    expectation["headers"]["etag"] = json!("\"1\"");
    expectation["upstream"][0]["headers"]["x-user-id"] = json!("usr_42");
    let finished = Desk::expecting(&expectation).test(&["events"]).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let expected = r#"FAIL  get-order  events/get-order.expect.json
      Customers know a price.
      status
        expected  201
        got       200
      header etag
        expected  "\"1\""
        got       nothing
      body /cost
        expected  17
        got       nothing
      body /id
        expected  "ord_x7k8"
        got       "ord_x7k9"
      body /price
        expected  nothing
        got       17
      upstream 1 header x-user-id
        expected  "usr_42"
        got       nothing

0 passed, 1 failed"#;
    assert_eq!(finished.stdout, expected, "no colours: it is no terminal");
    assert_eq!(finished.stderr, "");
}

#[tokio::test]
async fn what_is_wrong_with_the_files_is_exit_64_before_anything_runs() {
    let mut expectation = right();
    expectation["upstraem"] = expectation["upstream"].take();
    let finished = Desk::expecting(&expectation).test(&[]).await;
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(64), ""),
        "{finished:?}"
    );
    let words = r#": /upstraem: "upstraem" is not a member here (did you mean "upstream"?)"#;
    assert!(
        finished.stderr.contains("events/get-order.expect.json:") && finished.stderr.contains(words),
        "{finished:?}"
    );

    let desk = Desk::expecting(&right());
    let wrong = json!({ "routes": [{ "path": "/a", "upstream": "odrers", "auth": "none" }], "upstreams": { "orders": { "url": "http://a" } } });
    desk.write("wrong.yaml", &wrong);
    let finished = desk.test(&["--config", "events/wrong.yaml"]).await;
    assert_eq!(finished.code, Some(64), "{finished:?}");
    assert!(
        finished
            .stderr
            .contains(r#"/routes/0/upstream: "odrers" is not an upstream (did you mean "orders"?)"#),
        "{finished:?}"
    );

    for arguments in [
        &["nowhere"][..],
        &["--only", "nothing"],
        &["--config", "missing.yaml"],
        &["--updat"],
    ] {
        let finished = desk.test(arguments).await;
        assert_eq!(
            (finished.code, finished.stdout.as_str()),
            (Some(64), ""),
            "{finished:?}"
        );
    }
}

#[tokio::test]
async fn update_makes_a_file_that_then_holds() {
    let desk = Desk::empty();
    let finished = desk.test(&[]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(
        finished
            .stdout
            .contains("`tollgate test events --only get-order --update` writes down what comes out"),
        "{finished:?}"
    );
    assert!(
        finished.stdout.ends_with("\n0 passed, 1 without an expectation"),
        "{finished:?}"
    );

    let finished = desk.test(&["--update"]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let said = "wrote get-order  events/get-order.expect.json
      GET http://orders.internal/orders/ord_x7k9 got 200 {}: put in the answer that the service gives, and update again

0 passed, 1 written";
    assert_eq!(finished.stdout, said);
    let mut written = desk.read("get-order.expect.json");
    assert_eq!(
        written["upstream"][0]["headers"].get("x-user-id"),
        None,
        "a sealed header was not sent"
    );
    assert_eq!(written["body"], json!({}));

    written["upstream"][0]["answer"]["body"] = json!({ "cost": 3 });
    desk.write("get-order.expect.json", &written);
    assert_eq!(desk.test(&[]).await.code, Some(1));
    assert_eq!(desk.test(&["--update"]).await.code, Some(0));
    assert_eq!(desk.read("get-order.expect.json")["body"], json!({ "price": 3 }));
    assert_eq!(desk.test(&[]).await.code, Some(0));
}

#[tokio::test]
async fn update_leaves_what_holds_alone() {
    let desk = Desk::expecting(&right());
    let odd = std::fs::read_to_string(desk.path("get-order.expect.json"))
        .expect("a file")
        .replace(": ", ":    ");
    std::fs::write(desk.path("get-order.expect.json"), &odd).expect("the file can be written");
    let finished = desk.test(&["--update"]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let after = std::fs::read_to_string(desk.path("get-order.expect.json")).expect("a file");
    assert_eq!(after, odd);
}
