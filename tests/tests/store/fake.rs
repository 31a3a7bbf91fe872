//! Servers that are no DynamoDB.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers every request alike and counts requests and connections.
pub(crate) struct Fake {
    pub(crate) endpoint: String,
    requests: Arc<AtomicU32>,
    calls: Arc<Mutex<Vec<(String, String)>>>,
    pub(crate) connections: Arc<AtomicU32>,
}

impl Fake {
    pub(crate) async fn answering(status: u16, body: &'static str) -> Self {
        let (listener, fake) = Self::bind().await;
        let (requests, connections) = (fake.requests.clone(), fake.connections.clone());
        let calls = fake.calls.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.fetch_add(1, Ordering::SeqCst);
                let (requests, calls) = (requests.clone(), calls.clone());
                let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    let (requests, calls) = (requests.clone(), calls.clone());
                    async move {
                        let target = request.headers().get("x-amz-target").cloned();
                        let sent = request.into_body().collect().await?.to_bytes();
                        let sent = String::from_utf8_lossy(&sent).into_owned();
                        calls.lock().unwrap().push((operation(target), sent));
                        requests.fetch_add(1, Ordering::SeqCst);
                        let response = hyper::Response::builder().status(status);
                        let response = response.header("content-type", "application/x-amz-json-1.0");
                        Ok::<_, hyper::Error>(response.body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap())
                    }
                });
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        fake
    }

    /// Reads a request, writes these bytes, and closes; with `None` it keeps the connection open and silent.
    pub(crate) async fn raw(answer: Option<&'static [u8]>) -> Self {
        let (listener, fake) = Self::bind().await;
        let (requests, connections) = (fake.requests.clone(), fake.connections.clone());
        tokio::spawn(async move {
            let mut open = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                connections.fetch_add(1, Ordering::SeqCst);
                let mut buffer = [0; 4_096];
                let _ = stream.read(&mut buffer).await;
                requests.fetch_add(1, Ordering::SeqCst);
                match answer {
                    Some(bytes) => stream.write_all(bytes).await.unwrap(),
                    None => open.push(stream),
                }
            }
        });
        fake
    }

    async fn bind() -> (TcpListener, Self) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        (
            listener,
            Self {
                endpoint,
                requests: Arc::default(),
                calls: Arc::default(),
                connections: Arc::default(),
            },
        )
    }

    /// What was asked for (`GetItem`) and its body, except of a server of raw bytes.
    pub(crate) fn calls(&self) -> Vec<(String, String)> {
        self.calls.lock().unwrap().clone()
    }

    pub(crate) fn requests(&self) -> u32 {
        self.requests.load(Ordering::SeqCst)
    }
}

/// `DynamoDB_20120810.GetItem` without the version.
fn operation(target: Option<hyper::header::HeaderValue>) -> String {
    let target = target.as_ref().and_then(|target| target.to_str().ok());
    target
        .and_then(|target| target.rsplit('.').next())
        .unwrap_or_default()
        .to_owned()
}

/// A port that nobody listens on.
pub(crate) async fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}
