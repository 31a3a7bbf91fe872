//! Serves HTTP on one listener, behind its guard.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::dev::guard::Access;
use crate::dev::wire::Tapped;

/// What every listener answers with: a whole body.
pub(crate) type Answer = Response<Full<Bytes>>;

/// How long a client may take to send its head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// More header lines than fit into what a front door takes; beyond it the HTTP library itself answers 431.
const MOST_HEADERS: usize = 2_000;
/// How long to wait before accepting again when the system has no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until it is dropped; then its connections end too. The handler gets the client's address.
pub(crate) async fn serve<H, F>(listener: TcpListener, access: Access, handler: H)
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                connections.spawn(serve_connection(stream, client, access, handler.clone()));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
        // Finished ones are forgotten as new ones come, so the set stays as large as what is open.
        while connections.try_join_next().is_some() {}
    }
}

async fn serve_connection<H, F>(stream: TcpStream, client: SocketAddr, access: Access, handler: H)
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    // Small answers go out at once; on loopback nothing is gained by waiting for more.
    let _ = stream.set_nodelay(true);
    let (stream, wire) = Tapped::new(stream);
    let service = service_fn(move |request: Request<Incoming>| {
        let handler = handler.clone();
        let two_lengths = wire.has_two_lengths();
        async move {
            if two_lengths {
                return Ok(message(StatusCode::BAD_REQUEST, "Bad Request"));
            }
            Ok::<_, Infallible>(match access.check(request.headers()) {
                Ok(()) => handler(request, client).await,
                Err((status, why)) => message(status, why),
            })
        }
    });
    // An error here is the client's: it went away or spoke no HTTP, and was told so where possible.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// A JSON answer.
pub(crate) fn json_answer(status: StatusCode, body: &Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// `{"message": "..."}`: the shape of what API Gateway itself says.
pub(crate) fn message(status: StatusCode, text: &str) -> Answer {
    json_answer(status, &json!({ "message": text }))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Sends bytes to a listener with a handler that always answers 200, and gives the status line back.
    async fn status_line(access: fn(SocketAddr) -> Access, request: &str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let handler = |_, _| async { message(StatusCode::OK, "served") };
        let server = tokio::spawn(serve(listener, access(address), handler));
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = request.replace("ADDRESS", &address.to_string());
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 1024];
        let length = stream.read(&mut answer).await.unwrap();
        server.abort();
        String::from_utf8_lossy(&answer[..length])
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned()
    }

    #[tokio::test]
    async fn the_guard_stands_before_the_handler() {
        let ok = status_line(Access::guarded, "GET / HTTP/1.1\r\nHost: ADDRESS\r\n\r\n").await;
        assert_eq!(ok, "HTTP/1.1 200 OK");
        let rebound = status_line(Access::guarded, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").await;
        assert_eq!(rebound, "HTTP/1.1 403 Forbidden");
    }

    #[tokio::test]
    async fn length_conflicts_are_refused() {
        for lengths in [
            "Content-Length: 3\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 3",
            "Content-Length: 3\r\nContent-Length: 4",
            "Content-Length: +3",
            "Transfer-Encoding: gzip",
        ] {
            let request = format!("POST / HTTP/1.1\r\nHost: ADDRESS\r\n{lengths}\r\n\r\n0\r\n\r\n");
            let answer = status_line(|_| Access::Public, &request).await;
            assert_eq!(answer, "HTTP/1.1 400 Bad Request", "{lengths}");
        }
    }
}
