//! The engine behind a line that loses answers: what a table does, and what its administrators hear of it, are two things.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tollgate_tests::client;

use crate::engine::{Engine, plain_client};

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is done, and answered.
    None,
    /// It is done; the answer says that something failed.
    Lost,
    /// It is not done, because there was too much to do.
    Throttled,
    /// It is not done, because it is not allowed.
    Forbidden,
}

/// A client that reaches the engine's tables, but for these faults: one for each write, the last one for all after it.
pub(crate) async fn faulty(engine: &Engine, faults: &[Fault]) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = plain_client(&format!("http://{}", listener.local_addr().unwrap()));
    let target = engine.endpoint.strip_prefix("http://").unwrap().parse().unwrap();
    let left = Arc::new(Mutex::new(VecDeque::from(faults.to_vec())));
    tokio::spawn(serve(listener, target, left));
    let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
    Client::from_conf(client.config().to_builder().retry_config(retries).build())
}

async fn serve(listener: TcpListener, target: SocketAddr, left: Arc<Mutex<VecDeque<Fault>>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let left = left.clone();
        let answer = service_fn(move |request| answer(request, target, left.clone()));
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    target: SocketAddr,
    left: Arc<Mutex<VecDeque<Fault>>>,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let operation = head.headers["x-amz-target"].to_str().unwrap().to_owned();
    let reads = ["GetItem", "Query"].iter().any(|read| operation.ends_with(read));
    let fault = if reads { Fault::None } else { next(&left) };
    let (status, body) = match fault {
        Fault::Throttled => (400, error("ThrottlingException")),
        Fault::Forbidden => (400, error("AccessDeniedException")),
        Fault::None | Fault::Lost => {
            let mut forwarded = client::post("/", body.collect().await.unwrap().to_bytes());
            for name in ["x-amz-target", "x-amz-date", "authorization"] {
                forwarded = forwarded.header(name, head.headers[name].to_str().unwrap());
            }
            let done = forwarded.send(target).await.unwrap();
            match fault {
                Fault::Lost => (500, error("InternalServerError")),
                _ => (done.status, done.body.into()),
            }
        }
    };
    let response = hyper::Response::builder().status(status);
    let response = response.header("content-type", "application/x-amz-json-1.0");
    Ok(response.body(Full::new(body)).unwrap())
}

fn next(left: &Mutex<VecDeque<Fault>>) -> Fault {
    let mut left = left.lock().unwrap();
    match left.len() {
        1 => left[0],
        _ => left.pop_front().unwrap(),
    }
}

fn error(code: &str) -> Bytes {
    format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}"}}"#).into()
}
