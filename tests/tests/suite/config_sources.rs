//! Configs that are kept by AWS: the real function reads them, follows them, and refuses wrong ones.

use std::sync::Arc;

use serde_json::{Value, json};
use tollgate_tests::aws::Aws;
use tollgate_tests::function::{Function, environment};
use tollgate_tests::running::Running;

const EVENT: &str = include_str!("../../../events/http-get.json");

/// A config whose one route says this by itself.
fn saying(body: &str) -> String {
    json!({ "routes": [{ "path": "/**", "auth": "none", "respond": { "body": body } }] }).to_string()
}

/// Where a config is kept.
#[derive(Clone, Copy)]
enum Keeper {
    ParameterStore,
    S3,
}

impl Keeper {
    fn place(self, name: &str) -> String {
        match self {
            Self::ParameterStore => format!("ssm:/tollgate/{name}"),
            Self::S3 => format!("s3://tollgate-{name}/gateway/config.yaml"),
        }
    }

    async fn put(self, aws: &Aws, name: &str, text: &str) {
        match self {
            Self::ParameterStore => aws.put_parameter(&format!("/tollgate/{name}"), text).await,
            Self::S3 => {
                aws.put_object(&format!("tollgate-{name}"), "gateway/config.yaml", text)
                    .await
            }
        }
    }
}

async fn started(aws: &Aws, place: &str) -> Function {
    let url = aws.url();
    let variables = [
        ("GATEWAY_CONFIG", place),
        ("AWS_ENDPOINT_URL", &*url),
        ("CONFIG_REFRESH_SECONDS", "1"),
    ];
    Function::start(&Value::Null, &variables).await
}

/// Asks until the answer is this one.
async fn says(function: &Function, body: &str) {
    loop {
        let answer = function.invoke(EVENT).await;
        if answer["body"] == body {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Asks until a config was refused; what the log says of it.
async fn refused(function: &Function) -> Value {
    loop {
        function.invoke(EVENT).await;
        if let Some(line) = function.logged("config_refused") {
            return line;
        }
    }
}

async fn followed(keeper: Keeper, name: &str) {
    let aws = Aws::start().await;
    keeper.put(&aws, name, &saying("one")).await;
    let function = started(&aws, &keeper.place(name)).await;
    says(&function, "one").await;
    let packed = tollgate::config::pack("config", &saying("two")).expect("a document");
    keeper.put(&aws, name, &packed).await;
    says(&function, "two").await;
    keeper.put(&aws, name, "routes: [] # not written to its end").await;
    let refused = refused(&function).await;
    assert!(
        refused["why"]
            .as_str()
            .expect("a reason")
            .contains("at least one route is needed"),
        "{refused}"
    );
    says(&function, "two").await;
    keeper
        .put(
            &aws,
            name,
            "routes: [{ path: /**, auth: none, respond: { body: three } }]",
        )
        .await;
    says(&function, "three").await;
}

#[tokio::test]
async fn a_parameter_is_followed_and_a_wrong_one_refused() {
    followed(Keeper::ParameterStore, "followed-parameter").await;
}

#[tokio::test]
async fn an_object_is_followed_and_a_wrong_one_refused() {
    followed(Keeper::S3, "followed-object").await;
}

#[tokio::test]
async fn a_secret_is_read_and_followed_when_it_is_rotated() {
    let aws = Aws::start().await;
    aws.put_secret("followed-secret", r#"{"word":"one"}"#).await;
    let function = started(&aws, &saying("${secret:followed-secret#word}")).await;
    says(&function, "one").await;
    aws.put_secret("followed-secret", r#"{"word":"two"}"#).await;
    says(&function, "two").await;
}

#[tokio::test]
async fn three_hundred_routes_fit_wherever_they_may_be() {
    let route = |number: usize| json!({ "path": format!("/service-{number}/{{id}}/**"), "auth": "none", "upstream": format!("http://service-{number}.internal") });
    let mut routes: Vec<Value> = (0..299).map(route).collect();
    routes.push(json!({ "path": "/**", "auth": "none", "respond": { "body": "the last" } }));
    let config = json!({ "routes": routes }).to_string();
    let packed = tollgate::config::pack("config", &config).expect("a document");
    assert!(
        packed.len() <= 4_096,
        "{} bytes: more than a standard parameter takes",
        packed.len()
    );
    let aws = Aws::start().await;
    Keeper::ParameterStore.put(&aws, "many", &packed).await;
    Keeper::S3.put(&aws, "many", &config).await;
    for place in [
        &*packed,
        &*Keeper::ParameterStore.place("many"),
        &*Keeper::S3.place("many"),
    ] {
        says(&started(&aws, place).await, "the last").await;
    }
}

#[tokio::test]
async fn without_a_config_the_function_does_not_start_and_says_what_to_do() {
    let aws = Aws::start().await;
    aws.put_object(
        "tollgate-wrong",
        "gateway/config.yaml",
        "routes: [{ path: /a }, { path: b }]",
    )
    .await;
    for (place, told) in [
        (
            "ssm:/tollgate/nowhere",
            &[
                "the parameter /tollgate/nowhere of Parameter Store",
                "ParameterNotFound",
                "make it in this region",
            ][..],
        ),
        (
            "s3://tollgate-nowhere/a",
            &["the object s3://tollgate-nowhere/a", "NoSuch", "make it in this region"],
        ),
        (
            &*saying("${secret:tollgate-nowhere}"),
            &[
                "the secret tollgate-nowhere of Secrets Manager",
                "ResourceNotFoundException",
            ],
        ),
        (
            "s3://tollgate-wrong/gateway/config.yaml",
            &["/routes/0: nothing answers here", "/routes/1/path"],
        ),
        ("s3://tollgate_wrong/a", &["is no name of a bucket"]),
    ] {
        let process = Running::start(environment(&[
            ("GATEWAY_CONFIG", place),
            ("AWS_ENDPOINT_URL", &aws.url()),
            ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1"),
        ]));
        let said = Arc::clone(process.stderr());
        assert_eq!(process.exited().await.code(), Some(64), "{place}");
        said.closed().await;
        let said = said.all().join("\n");
        for words in told {
            assert!(said.contains(words), "{place}: {said}");
        }
    }
}
