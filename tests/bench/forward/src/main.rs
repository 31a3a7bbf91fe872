//! The function that every team writes first: forwards each request to one upstream, and its answer back. No routes,
//! no checks, no limits, no log; it trusts what the client says. The least that the job costs on these crates, so it
//! is what the gateway is measured against.

use std::env;
use std::sync::Arc;

use lambda_http::{Body, Error, Request, Response, http::header, service_fn};
use reqwest::{Client, redirect};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let upstream = env::var("UPSTREAM_URL")?;
    let client = client()?;
    let (upstream, client) = (&upstream, &client);
    lambda_http::run(service_fn(|request| forward(client, upstream, request))).await
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
