//! What `--update` writes.

use super::*;
use crate::test::update::update;

/// The text that an update of the first case gives, its calls that were answered for the time being, and what the case
/// says when it is read again from that text.
async fn updated(folder: &TempDir) -> (String, Vec<String>, String) {
    let case = &cases(folder.path())[0];
    let update = update(case).await;
    std::fs::write(&case.path, &update.text).unwrap();
    let after = said(&cases(folder.path())[0]).await;
    (update.text, update.made_up, after)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_run_makes_the_file() {
    let mut post = event("/api/users");
    post["requestContext"]["http"]["method"] = json!("POST");
    post["body"] = json!("{\"a\":1}");
    let folder = folder_with(&[("gateway.json", config()), ("one.json", post.to_string())]);
    let (text, made_up, after) = updated(&folder).await;
    assert_eq!(made_up, ["POST http://service.internal/users"]);
    assert_eq!(after, "", "what was written holds");
    insta::assert_snapshot!(text, @r#"
    {
      "upstream": [
        {
          "request": "POST http://service.internal/users",
          "headers": {
            "x-forwarded-for": "192.0.2.7",
            "x-forwarded-host": "api.example.com",
            "x-forwarded-proto": "https",
            "x-real-ip": "192.0.2.7"
          },
          "body": {
            "a": 1
          },
          "answer": { "status": 200, "body": {} }
        }
      ],
      "status": 200,
      "headers": {
        "content-type": "application/json"
      },
      "body": {}
    }
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_somebody_wrote_is_kept_when_its_call_goes_elsewhere() {
    let folder = one(
        "/api/users/42",
        &json!({
            "about": "Kept.",
            "upstream": [{
                "request": "GET http://old.internal/users/42",
                "headers": { "x-forwarded-for": { "like": "192.*" }, "x-user-id": null, "x-real-ip": "wrong" },
                "answer": { "status": 200, "body": { "id": 42 } }
            }],
            "status": 404,
            "headers": { "content-type": "text/plain", "x-request-id": "<request id>" },
            "body": "not found"
        }),
    );
    let (text, made_up, after) = updated(&folder).await;
    assert_eq!((made_up.len(), after.as_str()), (0, ""));
    let written: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        written,
        json!({
            "about": "Kept.",
            "upstream": [{
                "request": "GET http://service.internal/users/42",
                "headers": { "x-forwarded-for": { "like": "192.*" }, "x-user-id": null, "x-real-ip": "192.0.2.7" },
                "answer": { "status": 200, "body": { "id": 42 } }
            }],
            "status": 200,
            "headers": { "content-type": "application/json", "x-request-id": "<request id>" },
            "body": { "id": 42 }
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_goes_with_its_call_is_told() {
    let call = |path: &str, answer: &str| json!({ "request": format!("GET http://service.internal/{path}"), "answer": { "status": 200, "body": answer } });
    let calls = json!([call("users/42", "kept"), call("users/43", "by hand")]);
    let folder = one("/api/users/42", &json!({ "upstream": calls, "status": 200 }));
    let case = &cases(folder.path())[0];
    let update = update(case).await;
    assert_eq!(update.taken_out, ["GET http://service.internal/users/43"]);
    let told = anstream::adapter::strip_str(&report::written(case, &update)).to_string();
    assert!(
        told.contains("GET http://service.internal/users/43 is not called any more: it was taken out"),
        "{told}"
    );
    let written: Value = serde_json::from_str(&update.text).unwrap();
    assert_eq!(written["upstream"], json!([call("users/42", "kept")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_hold_keep_their_text() {
    let folder = one("/api/x", &json!({}));
    let upstream =
        r#""upstream": [{"request":   "GET http://service.internal/x", "answer": {"status":200,"body":"a"}}]"#;
    let text = format!("{{\n  {upstream},\n  \"status\": 201\n}}\n");
    std::fs::write(folder.path().join("one.expect.json"), &text).unwrap();
    let (updated, ..) = updated(&folder).await;
    assert_eq!(updated, text.replace("201", "200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_body_stays_whole_however_long() {
    let answer = json!({ "status": 200, "body": { "text": "x".repeat(20_000) } });
    let exchange = json!({ "request": "GET http://service.internal/x", "answer": answer });
    for (before, member) in [("body", "body"), ("body_length", "body_length")] {
        let value = if before == "body" { json!("old") } else { json!(3) };
        let folder = one(
            "/api/x",
            &json!({ "upstream": [exchange], "status": 200, before: value }),
        );
        let (text, _, after) = updated(&folder).await;
        assert_eq!(after, "");
        let written: Value = serde_json::from_str(&text).unwrap();
        assert!(written.get(member).is_some(), "{before}: {written}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_becomes_an_error_and_back() {
    let folder = one(
        "/nothing",
        &json!({ "error": { "type": "NotHttp" }, "upstream": [{ "request": "GET http://a/", "answer": { "status": 200 } }] }),
    );
    let (text, _, after) = updated(&folder).await;
    assert_eq!(after, "");
    let written: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(written["status"], 404);
    assert_eq!(written["body"]["request_id"], "<request id>");
    assert_eq!((written.get("error"), written.get("upstream")), (None, None));

    std::fs::write(folder.path().join("one.json"), r#"{"Records":[]}"#).unwrap();
    let (text, _, after) = updated(&folder).await;
    assert_eq!(after, "");
    let written: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        written,
        json!({ "error": { "type": "NotHttp", "message": "this function answers HTTP requests, but was sent an event of unknown shape" } })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_written_as_what_they_are() {
    for (answer, member, value) in [
        (json!({ "status": 200, "body": "plain" }), "body", json!("plain")),
        (json!({ "status": 200, "body": "17" }), "body", json!("17")),
        (json!({ "status": 200, "body": [1] }), "body", json!([1])),
        (
            json!({ "status": 200, "body_base64": "/wA=" }),
            "body_base64",
            json!("/wA="),
        ),
        (json!({ "status": 200 }), "body", json!("")),
    ] {
        let exchange = json!({ "request": "GET http://service.internal/x", "answer": answer });
        let folder = one(
            "/api/x",
            &json!({ "upstream": [exchange], "status": 200, "body_base64": "AA==" }),
        );
        let (text, _, after) = updated(&folder).await;
        assert_eq!(after, "", "{answer}");
        let written: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(written[member], value, "{answer}");
        let members = ["body", "body_base64", "body_length"]
            .iter()
            .filter(|name| written.get(**name).is_some());
        assert_eq!(members.count(), 1, "{text}");
    }
}
