//! `bench-forward` with one counter: each request adds one to an item in DynamoDB before it is forwarded. It decides
//! nothing on the count. The least that a forwarder with an exact limit has to pay for on these crates.

use std::env;
use std::sync::Arc;

use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use lambda_http::{Body, Error, Request, Response, http::header, service_fn};
use reqwest::{Client, redirect};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let upstream = env::var("UPSTREAM_URL")?;
    let table = env::var("COUNT_TABLE")?;
    let client = client()?;
    let counters = counters()?;
    let (upstream, table, client, counters) = (&upstream, &table, &client, &counters);
    lambda_http::run(service_fn(|request| async move {
        count(counters, table).await?;
        forward(client, upstream, request).await
    }))
    .await
}

/// The slim client: no `aws-config`, what Lambda puts into the environment is enough.
fn counters() -> Result<aws_sdk_dynamodb::Client, Error> {
    let credentials = Credentials::new(
        env::var("AWS_ACCESS_KEY_ID")?,
        env::var("AWS_SECRET_ACCESS_KEY")?,
        env::var("AWS_SESSION_TOKEN").ok(),
        None,
        "environment",
    );
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(env::var("AWS_REGION")?))
        .credentials_provider(credentials)
        .http_client(http.build_https());
    config.set_endpoint_url(env::var("AWS_ENDPOINT_URL_DYNAMODB").ok());
    Ok(aws_sdk_dynamodb::Client::from_conf(config.build()))
}

async fn count(counters: &aws_sdk_dynamodb::Client, table: &str) -> Result<(), Error> {
    counters
        .update_item()
        .table_name(table)
        .key("pk", AttributeValue::S("caller".into()))
        .key("sk", AttributeValue::S("count".into()))
        .update_expression("ADD n :one")
        .expression_attribute_values(":one", AttributeValue::N("1".into()))
        .return_values(ReturnValue::AllNew)
        .send()
        .await?;
    Ok(())
}

fn client() -> Result<Client, Error> {
    let roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .http1_only();
    Ok(client.build()?)
}

async fn forward(client: &Client, upstream: &str, request: Request) -> Result<Response<Body>, Error> {
    let (mut head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let url = format!("{upstream}{target}");
    head.headers.remove(header::HOST);
    let mut outgoing = client.request(head.method, url).headers(head.headers);
    outgoing = match body {
        Body::Text(text) => outgoing.body(text),
        Body::Binary(bytes) => outgoing.body(bytes),
        _ => outgoing,
    };
    let mut answer = outgoing.send().await?;
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    let body = answer.bytes().await?;
    *response.body_mut() = match String::from_utf8(body.into()) {
        Ok(text) => Body::Text(text),
        Err(binary) => Body::Binary(binary.into_bytes()),
    };
    Ok(response)
}
