//! The contract of the seam, held by both real clients.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::StreamBody;
use hyper::body::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::auth::issuer_client::IssuerClient;
use crate::upstream::hyper_client::HyperClient;
use crate::upstream::tls;

pub(crate) const LIMITS: CallLimits = CallLimits {
    connect_timeout: Duration::from_secs(5),
    timeout: Duration::from_secs(20),
    max_body: 1_000,
};

fn clients() -> [Arc<dyn HttpClient>; 2] {
    let tls = tls::client_config(tls::mozilla_roots()).expect("TLS");
    [
        Arc::new(HyperClient::new(tls.clone())),
        Arc::new(IssuerClient::new(tls)),
    ]
}

/// A server that answers one connection with these bytes once it has seen the end of the request's head, and
/// gives back that head.
pub(crate) async fn answering(bytes: &'static [u8]) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let head = head(&mut stream).await;
        stream.write_all(bytes).await.expect("written");
        head
    });
    (address, served)
}

pub(crate) async fn head(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    while !seen.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut chunk = [0; 1024];
        match stream.read(&mut chunk).await.expect("read") {
            0 => break,
            read => seen.extend_from_slice(&chunk[..read]),
        }
    }
    String::from_utf8(seen).expect("text")
}

fn request(url: String) -> http::Request<Bytes> {
    http::Request::get(url).body(Bytes::new()).expect("a request")
}

async fn get(client: &dyn HttpClient, url: String) -> Result<http::Response<Bytes>, CallError> {
    client.send(request(url), LIMITS).await
}

/// What each client makes of these bytes.
async fn outcomes(bytes: &'static [u8]) -> Vec<Result<http::Response<Bytes>, CallError>> {
    let mut outcomes = Vec::new();
    for client in clients() {
        let (address, _) = answering(bytes).await;
        outcomes.push(get(&*client, format!("http://{address}/")).await);
    }
    outcomes
}

#[tokio::test]
async fn a_whole_answer_comes_back_as_it_was() {
    let bytes =
        b"HTTP/1.1 418 I'm a teapot\r\nContent-Length: 2\r\nX-A: 1\r\nX-A: 2\r\nContent-Encoding: gzip\r\n\r\nhi";
    for outcome in outcomes(bytes).await {
        let response = outcome.expect("an answer");
        assert_eq!(response.status(), 418);
        assert_eq!(response.body(), "hi");
        assert_eq!(response.headers().get_all("x-a").iter().count(), 2);
        assert_eq!(response.headers()["content-encoding"], "gzip");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let bytes = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    for outcome in outcomes(bytes).await {
        assert_eq!(outcome.expect("an answer").status(), 302);
    }
}

#[tokio::test]
async fn a_broken_answer_is_told_from_none_at_all() {
    for bytes in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nshort"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"",
    ] {
        for outcome in outcomes(bytes).await {
            assert!(
                matches!(outcome, Err(CallError::Broken(_))),
                "{:?}: {outcome:?}",
                String::from_utf8_lossy(bytes)
            );
        }
    }
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port")
        .local_addr()
        .expect("an address");
    for client in clients() {
        let Err(CallError::Connect(why)) = get(&*client, format!("http://{closed}/?key=secret")).await else {
            panic!("a connection to a closed port")
        };
        assert!(why.contains("refused") && !why.contains("secret"), "{why}");
    }
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused_while_it_is_read() {
    static LARGE: [u8; 1_100] = {
        let mut bytes = [b'x'; 1_100];
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1060\r\n\r\n";
        let mut i = 0;
        while i < head.len() {
            bytes[i] = head[i];
            i += 1;
        }
        bytes
    };
    for outcome in outcomes(&LARGE).await {
        assert_eq!(outcome.expect_err("too large"), CallError::TooLarge(1_000));
    }
}

/// What a call comes to whose server does nothing more once it has read something, and how long it took.
async fn waiting(client: Arc<dyn HttpClient>, limits: CallLimits, scheme: &str) -> (CallError, Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("{scheme}://{}/?key=secret", listener.local_addr().expect("an address"));
    let mut calling = tokio::spawn(async move { client.send(request(url), limits).await });
    let mut stream = tokio::select! {
        accepted = listener.accept() => accepted.expect("a connection").0,
        outcome = &mut calling => panic!("no connection: {outcome:?}"),
    };
    assert_ne!(stream.read(&mut [0; 4096]).await.expect("read"), 0);
    // Only now is nothing left to do but wait.
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let error = calling.await.expect("ran").expect_err("no answer");
    let waited = began.elapsed();
    tokio::time::resume();
    (error, waited)
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_time_out() {
    for client in clients() {
        let (error, _) = waiting(client, LIMITS, "http").await;
        assert_eq!(error, CallError::Timeout(LIMITS.timeout));
    }
}

#[tokio::test]
async fn a_connection_whose_tls_never_comes_about_is_none() {
    for client in clients() {
        let (error, waited) = waiting(client, LIMITS, "https").await;
        assert!(
            matches!(&error, CallError::Connect(why) if !why.contains("secret")),
            "{error}"
        );
        assert!(waited < LIMITS.timeout, "{waited:?}");
    }
}

#[tokio::test]
async fn the_whole_time_out_ends_a_connection_that_may_take_longer() {
    let limits = CallLimits {
        timeout: Duration::from_secs(2),
        ..LIMITS
    };
    for client in clients() {
        let (error, _) = waiting(client, limits, "https").await;
        assert_eq!(error, CallError::Timeout(limits.timeout));
    }
}

#[tokio::test]
async fn a_server_without_tls_is_no_connection() {
    for client in clients() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("https://{}/", listener.local_addr().expect("an address"));
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .await
                .expect("written");
            // Until the client is gone, so that its answer is what ends it.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        });
        let outcome = get(&*client, url).await;
        assert!(matches!(outcome, Err(CallError::Connect(_))), "{outcome:?}");
        let served = tokio::time::timeout(LIMITS.timeout, serving).await;
        served.expect("somebody connected").expect("served");
    }
}

#[tokio::test]
async fn a_status_that_ends_no_exchange_is_no_answer() {
    for bytes in [
        &b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"[..],
        b"HTTP/1.1 600 Beyond\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n",
    ] {
        for outcome in outcomes(bytes).await {
            assert!(matches!(outcome, Err(CallError::Broken(_))), "{outcome:?}");
        }
    }
    let interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 299 Fine\r\nContent-Length: 0\r\n\r\n";
    for outcome in outcomes(interim).await {
        let response = outcome.expect("an answer");
        assert_eq!(response.status(), 299);
        assert!(
            !response.headers().contains_key("link"),
            "interim headers are not the answer's"
        );
    }
}

/// A piece of an answer in a buffer of its own, which counts how many such buffers there are.
struct Buffer(&'static [u8], Arc<AtomicUsize>);

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn an_answer_in_small_pieces_keeps_none_of_their_buffers() {
    let alive = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let pieces = (0..1_000).map(|_| {
        let now = alive.fetch_add(1, Ordering::SeqCst) + 1;
        most.fetch_max(now, Ordering::SeqCst);
        Ok::<_, Infallible>(Frame::data(Bytes::from_owner(Buffer(b"{}\n", Arc::clone(&alive)))))
    });
    let body = StreamBody::new(futures_util::stream::iter(pieces));
    let whole = read_whole(body, 3_000, |never| match never {})
        .await
        .expect("an answer");
    assert_eq!(whole, "{}\n".repeat(1_000));
    assert_eq!(most.load(Ordering::SeqCst), 1);
}
