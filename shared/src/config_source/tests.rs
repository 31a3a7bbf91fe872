//! Where a config may be, what is read of it, and what is said where it cannot be.

use super::*;
use crate::aws::testing::{Reply, Scripted, reply, variable};
use crate::clock::SystemClock;
use crate::lock::lock;
use crate::upstream::client::CallError;

const OPEN: &str = r#"{"routes":[{"path":"/**","upstream":"http://a","auth":"none"}]}"#;

fn source(
    more: &'static [(&'static str, &'static str)],
    script: impl Fn(&http::Request<bytes::Bytes>) -> Reply + Send + Sync + 'static,
) -> (ConfigSource, Arc<Scripted>) {
    let aws = Arc::new(Scripted::new(script));
    let variables: Variables = Arc::new(move |name| variable(more, name));
    let source =
        ConfigSource::from_environment(variables, Arc::clone(&aws) as _, Arc::new(SystemClock)).expect("a source");
    (source, aws)
}

fn parameter(value: &str) -> Reply {
    reply(
        200,
        serde_json::json!({ "Parameter": { "Value": value, "Version": 3 } }).to_string(),
    )
}

async fn told(source: &ConfigSource) -> String {
    source.read(None).await.expect_err("it is not there").to_string()
}

#[tokio::test]
async fn a_parameter_or_an_object_holds_any_form_of_document() {
    let packed = crate::config::pack("t", OPEN).expect("a document");
    let yaml = "routes: [{ path: /**, upstream: http://a, auth: none }]\n";
    for text in [OPEN, yaml, &packed] {
        let value = text.to_owned();
        let (source, _) = source(&[("GATEWAY_CONFIG", "ssm:/gateway")], move |_| parameter(&value));
        let found = source.read(None).await.expect("a parameter");
        assert_eq!(source.check(&found).expect("it is right").config.routes.len(), 1);
        assert_eq!((found.version(), source.may_change(&found)), (Some("3"), true));
        let bytes = text.to_owned();
        let (source, _) = self::source(&[("GATEWAY_CONFIG", "s3://configs/a.yaml")], move |_| {
            reply(200, bytes.clone())
        });
        let found = source.read(None).await.expect("an object");
        assert_eq!(source.check(&found).expect("it is right").config.routes.len(), 1);
    }
}

#[tokio::test]
async fn what_is_here_needs_no_aws_and_does_not_change() {
    let (source, aws) = source(&[("GATEWAY_CONFIG", OPEN), ("AWS_REGION", "")], |_| {
        panic!("nobody asks")
    });
    let found = source.read(None).await.expect("here");
    assert!(!source.may_change(&found));
    assert_eq!(aws.count(), 0);
}

#[tokio::test]
async fn secrets_are_read_where_a_placeholder_names_them() {
    const DOCUMENT: &str = r#"{"auth":{"type":"introspection","url":"https://idp.example.com","client_id":"${secret:idp#id}","client_secret":"${secret:idp#key}"},"routes":[{"path":"/**","upstream":"http://${secret:host}"}]}"#;
    let (source, aws) = source(&[("GATEWAY_CONFIG", DOCUMENT), ("SECRET_HOST", "a.internal")], |_| {
        reply(200, r#"{"SecretString":"{\"id\":\"gw\",\"key\":\"hunter2-hunter2\"}"}"#)
    });
    let found = source.read(None).await.expect("a config and its secrets");
    assert!(source.may_change(&found), "secrets are rotated");
    source.check(&found).expect("it is right");
    assert!(!format!("{found:?} {source:?}").contains("hunter2"));
    let bodies: Vec<_> = lock(&aws.calls).iter().map(|call| call.body().clone()).collect();
    assert_eq!(
        bodies,
        [r#"{"SecretId":"idp"}"#, r#"{"SecretId":"idp"}"#],
        "not the one that a variable stands in for"
    );
}

#[tokio::test]
async fn what_is_not_given_is_named_with_what_to_do() {
    let parameter: &[(&str, &str)] = &[("GATEWAY_CONFIG", "ssm:/gateway")];
    let (denied, _) = source(parameter, |_| {
        reply(
            400,
            r#"{"__type":"AccessDeniedException","message":"User: x is not authorized"}"#,
        )
    });
    insta::assert_snapshot!(told(&denied).await);
    let (missing, _) = source(&[("GATEWAY_CONFIG", "s3://configs/a.yaml")], |_| {
        reply(
            404,
            "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>",
        )
    });
    insta::assert_snapshot!(told(&missing).await);
    let (unreachable, _) = source(parameter, |_| Err(CallError::Connect("dns error".into())));
    insta::assert_snapshot!(told(&unreachable).await);
    let (nowhere, _) = source(&[("GATEWAY_CONFIG", "ssm:/gateway"), ("AWS_REGION", "")], |_| {
        panic!("nobody asks")
    });
    insta::assert_snapshot!(told(&nowhere).await);
    let (half, _) = source(parameter, |_| self::parameter("packed:eJ"));
    insta::assert_snapshot!(told(&half).await);
    let (bytes, _) = source(&[("GATEWAY_CONFIG", "s3://configs/a.yaml")], |_| {
        reply(200, &b"\xff"[..])
    });
    insta::assert_snapshot!(told(&bytes).await);
}
