//! `tollgate keys` and `tollgate sessions` on the engine of a running `tollgate dev`.

use serde_json::{Value, json};
use tollgate::api_key::ApiKey;
use tollgate::store::SessionHash;
use tollgate_tests::faulty::Faulty;
use tollgate_tests::running::{Finished, tollgate};
use tollgate_tests::{Gateway, Stage};

/// A gateway whose engine the commands change.
async fn gateway() -> (Stage, Gateway) {
    let stage = Stage::set().await;
    let document = stage.public(json!([{ "path": "/**", "upstream": stage.site.url() }]));
    let gateway = Gateway::start(document.to_string()).spawn().await;
    (stage, gateway)
}

async fn listed(gateway: &Gateway) -> Vec<Value> {
    let text = gateway.printed(&["keys", "list", "--owner", "ann", "--json"]).await;
    serde_json::from_str(&text).expect("JSON")
}

/// What was printed is a key and nothing else.
fn key(stdout: &str) -> ApiKey {
    ApiKey::parse(stdout).unwrap_or_else(|why| panic!("{stdout:?}: {why}"))
}

#[tokio::test]
async fn a_key_is_printed_alone_and_lives_through_rotation_and_revocation() {
    let (_stage, gateway) = gateway().await;
    let create = [
        "keys",
        "create",
        "--owner",
        "ann",
        "--scope",
        "b",
        "--scope",
        "a",
        "--plan",
        "gold",
        "--expires",
        "90d",
        "--name",
        "nightly job",
    ];
    let finished = gateway.command(&create).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let first = key(&finished.stdout);
    let said = &finished.stderr;
    assert!(said.contains(first.id()) && said.contains("tollgate-config"), "{said}");
    assert!(!said.contains(first.secret_text()), "{said}");

    let found = listed(&gateway).await;
    assert_eq!(found.len(), 1);
    let expected = json!({
        "id": first.id(), "status": "active", "owner": "ann", "plan": "gold", "scopes": ["a", "b"], "name": "nightly job",
        "created_at": found[0]["created_at"], "expires_at": found[0]["created_at"].as_u64().unwrap() + 90 * 86_400,
    });
    assert_eq!(found[0], expected);
    let table = gateway.printed(&["keys", "list", "--owner", "ann"]).await;
    assert!(table.starts_with("ID ") && table.contains(first.id()), "{table}");
    assert_eq!(gateway.printed(&["keys", "list", "--owner", "bob"]).await, "");
    assert_eq!(
        gateway.printed(&["keys", "list", "--owner", "bob", "--json"]).await,
        "[]"
    );

    let second = key(&gateway.printed(&["keys", "rotate", first.id(), "--grace", "1h"]).await);
    assert_eq!(second.id(), first.id());
    assert_ne!(second.secret_text(), first.secret_text());
    assert!(listed(&gateway).await[0]["previous_until"].is_u64());

    for words in ["is revoked", "revoked before"] {
        let finished = gateway.command(&["keys", "revoke", first.id()]).await;
        assert_eq!((finished.code, &*finished.stdout), (Some(0), ""), "{finished:?}");
        assert!(finished.stderr.contains(words), "{finished:?}");
    }
    assert_eq!(listed(&gateway).await[0]["status"], "revoked");
    let finished = gateway.command(&["keys", "rotate", first.id()]).await;
    assert_eq!((finished.code, &*finished.stdout), (Some(64), ""), "{finished:?}");
    assert!(finished.stderr.contains("is revoked"), "{finished:?}");
}

#[tokio::test]
async fn a_key_is_changed_in_place_and_not_printed() {
    let (_stage, gateway) = gateway().await;
    let create = [
        "keys",
        "create",
        "--owner",
        "ann",
        "--plan",
        "trial",
        "--plan-expires",
        "30d",
        "--name",
        "n",
    ];
    let made = key(&gateway.printed(&create).await);
    let change = [
        "keys",
        "change",
        made.id(),
        "--plan",
        "gold",
        "--scope",
        "b",
        "--scope",
        "a",
        "--no-name",
    ];
    let finished = gateway.command(&change).await;
    assert_eq!((finished.code, &*finished.stdout), (Some(0), ""), "{finished:?}");
    for words in [
        made.id(),
        "plan \"gold\"",
        "scopes a b",
        "tollgate-config",
        "within 30 seconds",
    ] {
        assert!(finished.stderr.contains(words), "{words}: {finished:?}");
    }
    let found = listed(&gateway).await;
    let expected = json!({
        "id": made.id(), "status": "active", "owner": "ann", "plan": "gold", "scopes": ["a", "b"],
        "created_at": found[0]["created_at"],
    });
    assert_eq!(found, [expected]);
    // Whoever has found a whole key can name it by that; it is not shown again.
    let finished = gateway
        .command(&["keys", "change", made.secret_text(), "--no-plan"])
        .await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(!finished.stderr.contains(made.secret_text()), "{finished:?}");

    let end = ["keys", "change", made.id(), "--plan-expires", "30d"];
    let finished = gateway.command(&end).await;
    assert_eq!((finished.code, &*finished.stdout), (Some(64), ""), "{finished:?}");
    assert!(finished.stderr.contains("has no plan"), "{finished:?}");
    gateway.printed(&["keys", "revoke", made.id()]).await;
    let finished = gateway.command(&change).await;
    assert_eq!((finished.code, &*finished.stdout), (Some(64), ""), "{finished:?}");
    assert!(finished.stderr.contains("is revoked"), "{finished:?}");
}

#[tokio::test]
async fn what_cannot_be_done_is_said_and_prints_no_key() {
    let (_stage, gateway) = gateway().await;
    for (arguments, words) in [
        (&["keys", "create", "--owner", ""][..], "the owner must have"),
        (&["keys", "create", "--owner", "ann", "--scope", "a b"], "is no scope"),
        (
            &["keys", "create", "--owner", "ann", "--expires", "0s"],
            "expired already",
        ),
        (
            &["keys", "create", "--owner", "ann", "--expires", "soon"],
            "is no duration",
        ),
        (&["keys", "create"], "--owner"),
        (&["keys", "list"], "--owner"),
        (&["keys", "revoke", "0123456789AB"], "there is no API key 0123456789AB"),
        (&["keys", "rotate", "0123456789AB"], "there is no API key 0123456789AB"),
        (
            &["keys", "change", "0123456789AB", "--plan", "gold"],
            "there is no API key 0123456789AB",
        ),
        (&["keys", "change", "0123456789AB"], "--no-plan"),
        (
            &["keys", "change", "0123456789AB", "--plan", "a", "--no-plan"],
            "cannot be used with",
        ),
        (
            &["keys", "change", "0123456789AB", "--name", "a\nb"],
            "the name must have",
        ),
        (&["keys", "change", "very-secret", "--no-name"], "that is no id"),
        (&["sessions", "revoke", "0123456789AB"], "no such session"),
        (&["keys", "list", "--owner", "ann", "--aws"], "cannot be used with"),
    ] {
        let finished = gateway.command(arguments).await;
        assert_eq!((finished.code, &*finished.stdout), (Some(64), ""), "{finished:?}");
        assert!(finished.stderr.contains(words), "{words}: {finished:?}");
    }
    for url in ["nonsense", "", "ftp://127.0.0.1:8000", "http://", "127.0.0.1:8000"] {
        let mut command = tollgate();
        command.args(["keys", "create", "--owner", "ann", "--endpoint-url", url]);
        let finished = Finished::of(command).await;
        assert_eq!((finished.code, &*finished.stdout), (Some(64), ""), "{finished:?}");
        assert!(finished.stderr.contains("is no http or https URL"), "{finished:?}");
        assert!(!finished.stderr.contains("hash"), "{finished:?}");
    }
    let other = ["keys", "create", "--owner", "ann", "--table", "nowhere"];
    let finished = gateway.command(&other).await;
    assert_eq!((finished.code, &*finished.stdout), (Some(69), ""), "{finished:?}");
    assert!(
        finished.stderr.contains("table nowhere: ResourceNotFoundException"),
        "{finished:?}"
    );
}

#[tokio::test]
async fn without_an_engine_it_says_what_to_start() {
    let nobody = Faulty::refusing();
    let mut command = tollgate();
    command.args(["keys", "create", "--owner", "ann", "--endpoint-url", &nobody.url()]);
    let finished = Finished::of(command).await;
    assert_eq!((finished.code, &*finished.stdout), (Some(69), ""), "{finished:?}");
    for words in ["`tollgate dev`", &nobody.url(), "refused"] {
        assert!(finished.stderr.contains(words), "{words}: {finished:?}");
    }
}

#[tokio::test]
async fn the_engine_that_dev_would_use_is_the_default() {
    let (_stage, gateway) = gateway().await;
    let mut command = tollgate();
    command.args(["keys", "create", "--owner", "ann"]);
    command.env("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{}", gateway.dynamodb()));
    let finished = Finished::of(command).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    key(&finished.stdout);
    assert_eq!(listed(&gateway).await.len(), 1);
}

/// A command as it goes to AWS, where the SDK's own variables lead it to this machine.
fn on_aws(gateway: &Gateway, arguments: &[&str]) -> std::process::Command {
    let mut command = tollgate();
    let nowhere = std::env::temp_dir().join("tollgate-has-no-profiles");
    command.args(arguments).arg("--aws");
    command
        .env("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{}", gateway.dynamodb()))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", &nowhere)
        .env("AWS_SHARED_CREDENTIALS_FILE", &nowhere);
    command
}

#[tokio::test]
async fn aws_is_asked_with_the_credentials_and_region_of_the_environment() {
    let (_stage, gateway) = gateway().await;
    let list = ["keys", "list", "--owner", "ann", "--json"];
    let finished = Finished::of(on_aws(&gateway, &list)).await;
    assert_eq!(finished.code, Some(64), "{finished:?}");
    assert!(finished.stderr.contains("--table"), "{finished:?}");

    let with_table = [&list[..], &["--table", "tollgate-config"]].concat();
    let finished = Finished::of(on_aws(&gateway, &with_table)).await;
    assert_eq!(finished.code, Some(64), "{finished:?}");
    assert!(finished.stderr.contains("AWS_REGION"), "{finished:?}");

    let mut command = on_aws(&gateway, &with_table);
    command.env("AWS_REGION", "eu-central-1");
    let finished = Finished::of(command).await;
    assert_eq!(finished.code, Some(69), "{finished:?}");
    assert!(finished.stderr.contains("no credentials"), "{finished:?}");

    let create = ["keys", "create", "--owner", "ann", "--table", "tollgate-config"];
    let mut command = on_aws(&gateway, &create);
    command.env("AWS_REGION", "us-east-1");
    command
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "very-secret");
    let finished = Finished::of(command).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stderr.contains("on AWS, us-east-1"), "{finished:?}");
    assert!(!finished.stderr.contains("very-secret"), "{finished:?}");
    assert_eq!(listed(&gateway).await[0]["id"], key(&finished.stdout).id());
}

#[tokio::test]
async fn a_session_is_printed_alone_and_ended_by_its_hash_or_its_value() {
    let (_stage, gateway) = gateway().await;
    for by_hash in [true, false] {
        let create = [
            "sessions",
            "create",
            "--sub",
            "ann",
            "--claim",
            "role=admin",
            "--expires",
            "30m",
        ];
        let finished = gateway.command(&create).await;
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let value = finished.stdout.clone();
        let hash = SessionHash::of(&value);
        assert!(
            finished.stderr.contains(hash.as_str()) && !finished.stderr.contains(&value),
            "{finished:?}"
        );

        let session = if by_hash { hash.as_str() } else { &value };
        assert_eq!(gateway.printed(&["sessions", "revoke", session]).await, "");
        let finished = gateway.command(&["sessions", "revoke", session]).await;
        assert_eq!(finished.code, Some(64), "{finished:?}");
    }
}
