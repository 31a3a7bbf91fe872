//! What is asked of AWS, and what is made of its answers.

use http::header::{AUTHORIZATION, ETAG};

use super::testing::{Reply, Scripted, reply, variable};
use super::*;
use crate::auth::testing::ManualClock;
use crate::clock::Timestamp;
use crate::lock::lock;

fn calling(
    more: &[(&str, &str)],
    script: impl Fn(&Request<Bytes>) -> Reply + Send + Sync + 'static,
) -> (AwsClient, Arc<Scripted>) {
    let access = Access::from_environment(&|name| variable(more, name)).expect("complete");
    let scripted = Arc::new(Scripted::new(script));
    let clock = ManualClock::at(Timestamp::from_secs(1_800_000_000));
    (AwsClient::new(access, Arc::clone(&scripted) as _, clock), scripted)
}

fn object(bucket: &str, key: &str) -> ObjectPlace {
    ObjectPlace {
        bucket: bucket.into(),
        key: key.into(),
    }
}

#[tokio::test]
async fn a_parameter_is_asked_for_decrypted_and_signed() {
    let answer = r#"{"Parameter":{"Name":"/gateway","Type":"SecureString","Value":"routes: []","Version":7}}"#;
    let (client, aws) = calling(&[], move |_| reply(200, answer));
    let parameter = client.parameter("/gateway").await.expect("a parameter");
    assert_eq!((&*parameter.value, parameter.version), ("routes: []", 7));
    let calls = lock(&aws.calls);
    let [call] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!(call.method(), Method::POST);
    assert_eq!(call.uri(), "https://ssm.eu-central-1.amazonaws.com/");
    assert_eq!(call.headers()["x-amz-target"], "AmazonSSM.GetParameter");
    assert_eq!(call.headers()[CONTENT_TYPE], "application/x-amz-json-1.1");
    assert_eq!(call.body(), r#"{"Name":"/gateway","WithDecryption":true}"#);
    assert_eq!(call.headers()["x-amz-security-token"], "very-secret-token");
    let signature = call.headers()[AUTHORIZATION].to_str().expect("text");
    assert_eq!(call.headers()["x-amz-date"], "20270115T080000Z");
    let credential = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20270115/eu-central-1/ssm/aws4_request, ";
    assert!(signature.starts_with(credential), "{signature}");
    let signed = "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target";
    assert!(signature.contains(signed), "{signature}");
}

#[tokio::test]
async fn an_object_is_asked_for_where_its_bucket_is() {
    for (more, place, url) in [
        (
            &[][..],
            object("configs", "a/b c+d.yaml"),
            "https://configs.s3.eu-central-1.amazonaws.com/a/b%20c%2Bd.yaml",
        ),
        (
            &[],
            object("my.configs", "a"),
            "https://s3.eu-central-1.amazonaws.com/my.configs/a",
        ),
        (
            &[("AWS_REGION", "cn-north-1")],
            object("configs", "a"),
            "https://configs.s3.cn-north-1.amazonaws.com.cn/a",
        ),
        (
            &[("AWS_ENDPOINT_URL", "http://127.0.0.1:5000/x/")],
            object("configs", "a"),
            "http://127.0.0.1:5000/x/configs/a",
        ),
        (
            &[
                ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:5001"),
                ("AWS_ENDPOINT_URL", "http://127.0.0.1:5000"),
            ],
            object("configs", "b/a"),
            "http://127.0.0.1:5001/configs/b/a",
        ),
    ] {
        let (client, aws) = calling(more, |_| reply(200, "routes: []"));
        client.object(&place, None).await.expect("an object");
        assert_eq!(lock(&aws.calls)[0].uri().to_string(), url);
    }
}

#[tokio::test]
async fn an_object_that_has_not_changed_is_not_read_again() {
    let (client, aws) = calling(&[], |request| match request.headers().get("if-none-match") {
        Some(_) => reply(304, ""),
        None => {
            let mut answer = reply(200, "routes: []")?;
            answer.headers_mut().insert(ETAG, HeaderValue::from_static("\"a\""));
            Ok(answer)
        }
    });
    let place = object("configs", "a");
    let first = client
        .object(&place, None)
        .await
        .expect("an answer")
        .expect("an object");
    assert_eq!(first.bytes, "routes: []");
    assert_eq!(client.object(&place, first.version.as_ref()).await, Ok(None));
    let calls = lock(&aws.calls);
    assert_eq!(calls[1].headers()["if-none-match"], "\"a\"");
    let signature = calls[1].headers()[AUTHORIZATION].to_str().expect("text");
    assert!(
        signature.contains("SignedHeaders=host;if-none-match;x-amz-content-sha256;"),
        "{signature}"
    );
}

#[tokio::test]
async fn a_secret_is_a_text_or_a_member_of_one() {
    let (client, _) = calling(&[], |_| {
        reply(
            200,
            r#"{"SecretString":"{\"id\":\"gw\",\"port\":5,\"more\":{}}","VersionId":"v"}"#,
        )
    });
    for (member, text) in [
        (Some("id"), Ok("gw")),
        (Some("port"), Ok("5")),
        (None, Ok(r#"{"id":"gw","port":5,"more":{}}"#)),
        (Some("more"), Err("the member of the secret is no text")),
        (Some("none"), Err("the secret is no JSON object with such a member")),
    ] {
        let secret = client.secret("idp", member).await.map_err(|error| error.to_string());
        assert_eq!(secret.as_deref().map_err(|text| &**text), text);
    }
    let (client, _) = calling(&[], |_| reply(200, r#"{"SecretBinary":"AA=="}"#));
    let error = client.secret("idp", None).await.expect_err("bytes").to_string();
    assert_eq!(error, "the secret is bytes, and a config is text");
}

#[tokio::test]
async fn what_aws_refuses_is_told_in_its_own_words() {
    let (client, _) = calling(&[], |request| match request.uri().host() {
        Some("ssm.eu-central-1.amazonaws.com") => reply(
            400,
            r#"{"__type":"com.amazonaws#ParameterNotFound","message":"none","Message":"none"}"#,
        ),
        Some(host) if host.starts_with("secretsmanager") => reply(
            400,
            r#"{"__type":"AccessDeniedException","Message":"not authorized to perform: secretsmanager:GetSecretValue"}"#,
        ),
        _ => reply(
            404,
            "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>",
        ),
    });
    let parameter = client.parameter("x").await.expect_err("none").to_string();
    assert_eq!(
        parameter,
        "ssm.eu-central-1.amazonaws.com answers 400 ParameterNotFound: none"
    );
    let secret = client.secret("x", None).await.expect_err("none").to_string();
    let said = "not authorized to perform: secretsmanager:GetSecretValue";
    assert_eq!(
        secret,
        format!("secretsmanager.eu-central-1.amazonaws.com answers 400 AccessDeniedException: {said}")
    );
    let object = client
        .object(&object("configs", "x"), None)
        .await
        .expect_err("none")
        .to_string();
    assert_eq!(
        object,
        "configs.s3.eu-central-1.amazonaws.com answers 404 NoSuchKey: The specified key does not exist."
    );
}

#[tokio::test]
async fn answers_that_are_none_are_errors() {
    for body in ["", "{}", "[]", "\u{0}", r#"{"Parameter":{"Value":5,"Version":"x"}}"#] {
        let (client, _) = calling(&[], move |_| reply(200, body));
        assert!(
            matches!(client.parameter("x").await, Err(AwsError::Unreadable(_))),
            "{body}"
        );
    }
    for body in ["", "<", "{\"__type\":5}", "<Code>", "</Code><Code>"] {
        let (client, _) = calling(&[], move |_| reply(500, body));
        assert!(
            matches!(client.parameter("x").await, Err(AwsError::Refused { status: 500, .. })),
            "{body}"
        );
        assert!(
            matches!(
                client.object(&object("abc", "x"), None).await,
                Err(AwsError::Refused { .. })
            ),
            "{body}"
        );
    }
    let (client, _) = calling(&[], |_| Err(CallError::Connect("no route".into())));
    let error = client.parameter("x").await.expect_err("nobody there").to_string();
    assert_eq!(
        error,
        "ssm.eu-central-1.amazonaws.com cannot be reached: cannot connect: no route"
    );
}

#[test]
fn what_is_missing_is_named_and_nothing_secret_is_shown() {
    let none = Access::from_environment(&|_| None).expect_err("nothing is set");
    assert_eq!(
        none,
        [
            "AWS_REGION is not set (such as eu-central-1)",
            "AWS_ACCESS_KEY_ID is not set",
            "AWS_SECRET_ACCESS_KEY is not set"
        ]
    );
    let wrong = |more: &[(&str, &str)]| Access::from_environment(&|name| variable(more, name)).expect_err("wrong");
    assert_eq!(
        wrong(&[("AWS_ENDPOINT_URL_SSM", "localhost:5000")]),
        ["AWS_ENDPOINT_URL_SSM is not an http or https URL: \"localhost:5000\""]
    );
    assert_eq!(
        wrong(&[("AWS_REGION", "eu central/1")]),
        ["AWS_REGION is no region: \"eu central/1\""]
    );
    let (client, _) = calling(&[], |_| reply(200, ""));
    assert!(!format!("{client:?}").contains("very-secret"), "{client:?}");
}

#[test]
fn places_of_objects_are_read_strictly() {
    assert_eq!(
        ObjectPlace::parse("s3://configs/a/b.yaml"),
        Ok(object("configs", "a/b.yaml"))
    );
    for wrong in [
        "s3:configs/a",
        "s3://configs",
        "s3://configs/",
        "s3:///a",
        "s3://abc/../a",
        "s3://abc/./a",
        "s3://a@b/c",
        "s3://Configs/a",
        "s3://ab/c",
        "s3://a:1/b",
    ] {
        assert!(ObjectPlace::parse(wrong).is_err(), "{wrong}");
    }
}
