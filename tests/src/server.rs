//! A small HTTP server for doubles: one handler, a port of the system's choice, gone when dropped.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// A request with its whole body.
pub type Incoming = http::Request<Bytes>;
/// An answer; `None` closes the connection without one.
pub type Outgoing = Option<http::Response<Bytes>>;

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Serves on a free port of 127.0.0.1.
    pub async fn start<H, F>(handler: H) -> Self
    where
        H: Fn(Incoming) -> F + Send + Sync + 'static,
        F: Future<Output = Outgoing> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let accepting = tokio::spawn(accept(listener, Arc::new(handler)));
        Self { address, accepting }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept<H, F>(listener: TcpListener, handler: Arc<H>)
where
    H: Fn(Incoming) -> F + Send + Sync + 'static,
    F: Future<Output = Outgoing> + Send + 'static,
{
    // The set ends with this task, and every connection with the set.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let handler = Arc::clone(&handler);
        connections.spawn(async move {
            let service = service_fn(|request| answer(request, &*handler));
            // A broken connection is the other side's business, and often the point of the test.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer<H, F>(
    request: http::Request<hyper::body::Incoming>,
    handler: &H,
) -> io::Result<http::Response<Full<Bytes>>>
where
    H: Fn(Incoming) -> F,
    F: Future<Output = Outgoing>,
{
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let answer = handler(http::Request::from_parts(head, body)).await;
    answer
        .map(|response| response.map(Full::<Bytes>::new))
        .ok_or_else(|| io::Error::other("the double gives no answer"))
}

/// An answer with a body of this media type.
///
/// # Panics
/// On a status or media type that is none.
pub fn reply(status: u16, media_type: &str, body: impl Into<Bytes>) -> Outgoing {
    let response = http::Response::builder()
        .status(status)
        .header("content-type", media_type);
    Some(response.body(body.into()).expect("a valid answer"))
}
