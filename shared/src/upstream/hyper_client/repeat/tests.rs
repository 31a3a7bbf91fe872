//! Kept connections that end: which requests come a second time, and which never do.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::super::HyperClient;
use super::*;
use crate::upstream::client::tests::LIMITS;
use crate::upstream::client::{CallError, HttpClient};
use crate::upstream::tls;

fn client() -> HyperClient {
    HyperClient::new(tls::client_config(tls::mozilla_roots()).expect("TLS"))
}

/// What happens to one request of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Answer,
    /// Read, and then the connection is closed.
    Close,
    /// Read, and then the connection is reset.
    Reset,
    /// These bytes, and then the connection is closed.
    Bytes(&'static str),
    /// Read, and held until the test lets go; then the connection is closed.
    Hold,
}
use Turn::{Answer, Close, Hold, Reset};

/// A server whose connections each do what their list says.
struct Scripted {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    held: Arc<Notify>,
    let_go: Arc<Notify>,
}

impl Scripted {
    async fn start(connections: &[&[Turn]]) -> Self {
        let connections: Vec<Vec<Turn>> = connections.iter().map(|turns| turns.to_vec()).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let server = Self {
            address: listener.local_addr().expect("an address"),
            requests: Arc::default(),
            held: Arc::default(),
            let_go: Arc::default(),
        };
        let requests = Arc::clone(&server.requests);
        let (held, let_go) = (Arc::clone(&server.held), Arc::clone(&server.let_go));
        tokio::spawn(async move {
            for turns in connections {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                for turn in turns {
                    read_request(&mut stream).await;
                    requests.fetch_add(1, Ordering::SeqCst);
                    match turn {
                        Answer => write(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await,
                        Turn::Bytes(bytes) => write(&mut stream, bytes).await,
                        Close => {}
                        Reset => stream.set_zero_linger().expect("a socket"),
                        Hold => {
                            held.notify_one();
                            let_go.notified().await;
                        }
                    }
                }
            }
        });
        server
    }

    /// Waits until it holds a request of this call.
    async fn holds<T: Debug>(&self, calling: &mut JoinHandle<T>) {
        tokio::select! {
            () = self.held.notified() => {}
            outcome = calling => panic!("no request to hold: {outcome:?}"),
        }
    }

    /// What came of some requests of one client, one after the other, and how many were sent for them.
    async fn outcomes(&self, methods: &[Method]) -> (Vec<Result<(), CallError>>, usize) {
        let client = client();
        let mut outcomes = Vec::new();
        for method in methods {
            outcomes.push(send(&client, self.address, method).await.map(drop));
        }
        (outcomes, self.requests.load(Ordering::SeqCst))
    }
}

async fn read_request(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") && !seen.ends_with(b"body") {
        assert_ne!(
            stream.read_buf(&mut seen).await.expect("read"),
            0,
            "closed by the client"
        );
    }
}

async fn write(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.expect("written");
}

async fn send(client: &HyperClient, address: SocketAddr, method: &Method) -> Result<http::Response<Bytes>, CallError> {
    let body = if method == Method::POST { "body" } else { "" };
    let request = http::Request::builder()
        .method(method)
        .uri(format!("http://{address}/"));
    let request = request.body(Bytes::from(body)).expect("a request");
    client.send(request, LIMITS).await
}

#[tokio::test]
async fn what_changes_nothing_is_sent_once_more_when_its_kept_connection_ends() {
    for end in [Close, Reset] {
        for method in [Method::GET, Method::OPTIONS] {
            let server = Scripted::start(&[&[Answer, end], &[Answer]]).await;
            let outcome = server.outcomes(&[Method::GET, method.clone()]).await;
            assert_eq!(outcome, (vec![Ok(()), Ok(())], 3), "{method} {end:?}");
        }
    }
}

#[tokio::test]
async fn what_may_have_been_done_is_never_sent_again() {
    for end in [Close, Reset] {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let server = Scripted::start(&[&[Answer, end], &[Answer]]).await;
            let (outcomes, requests) = server.outcomes(&[Method::GET, method.clone()]).await;
            assert!(
                matches!(outcomes[..], [Ok(()), Err(CallError::Broken(_))]),
                "{method} {outcomes:?}"
            );
            assert_eq!(requests, 2, "{method} {end:?}");
        }
    }
}

#[tokio::test]
async fn a_new_connection_that_ends_is_the_servers_answer() {
    let server = Scripted::start(&[&[Close], &[Answer]]).await;
    let (outcomes, requests) = server.outcomes(&[Method::GET]).await;
    assert!(matches!(outcomes[..], [Err(CallError::Broken(_))]), "{outcomes:?}");
    assert_eq!(requests, 1);
}

#[tokio::test]
async fn once_is_enough() {
    let server = Scripted::start(&[&[Answer, Close], &[Close], &[Answer]]).await;
    let (outcomes, requests) = server.outcomes(&[Method::GET, Method::GET]).await;
    assert!(
        matches!(outcomes[..], [Ok(()), Err(CallError::Broken(_))]),
        "{outcomes:?}"
    );
    assert_eq!(requests, 3);
}

#[tokio::test]
async fn a_broken_answer_is_an_answer() {
    for bytes in [
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi",
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    ] {
        let server = Scripted::start(&[&[Answer, Turn::Bytes(bytes)], &[Answer]]).await;
        let (outcomes, requests) = server.outcomes(&[Method::GET, Method::GET]).await;
        assert!(
            matches!(outcomes[..], [Ok(()), Err(CallError::Broken(_))]),
            "{outcomes:?}"
        );
        assert_eq!(requests, 2, "{bytes}");
    }
}

#[tokio::test]
async fn both_tries_share_one_time_out() {
    let server = Scripted::start(&[&[Answer, Hold], &[Hold]]).await;
    let address = server.address;
    let client = client();
    send(&client, address, &Method::GET).await.expect("an answer");
    let mut calling = tokio::spawn(async move { send(&client, address, &Method::GET).await });
    let began = tokio::time::Instant::now();
    let first = LIMITS.timeout * 3 / 4;
    server.holds(&mut calling).await;
    tokio::time::pause();
    tokio::time::advance(first).await;
    // A paused clock leaps when only the network is left to wait for, and the second try is still to come.
    tokio::time::resume();
    server.let_go.notify_one();
    server.holds(&mut calling).await;
    tokio::time::pause();
    let outcome = calling.await.expect("ran");
    assert_eq!(outcome.expect_err("no answer"), CallError::Timeout(LIMITS.timeout));
    assert!(began.elapsed() < LIMITS.timeout + first, "{:?}", began.elapsed());
}

/// What a freeze looks like: the connection ends while nothing of the client runs, then comes a request.
#[tokio::test]
async fn a_connection_that_ended_during_a_freeze_fails_no_request_of_any_method() {
    use std::io::{Read, Write};
    for reset in [false, true] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (answered, connections) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let mut seen = Vec::new();
                while !seen.ends_with(b"\r\n\r\n") && !seen.ends_with(b"body") {
                    let mut chunk = [0; 1_024];
                    let read = stream.read(&mut chunk).expect("read");
                    seen.extend_from_slice(&chunk[..read]);
                }
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
                stream.write_all(answer).expect("written");
                answered.send(stream).expect("somebody waits");
            }
        });
        let client = client();
        for method in [Method::GET, Method::POST, Method::DELETE, Method::POST, Method::GET] {
            let outcome = send(&client, address, &method).await;
            assert!(outcome.is_ok(), "{method} {outcome:?}");
            // No turn of the runtime between here and the next request.
            let stream = connections.recv().expect("served");
            stream.set_nonblocking(true).expect("a socket");
            let stream = TcpStream::from_std(stream).expect("a socket");
            if reset {
                stream.set_zero_linger().expect("a socket");
            }
            drop(stream);
        }
    }
}
