use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;

const LIMITS: CallLimits = CallLimits {
    connect_timeout: Duration::from_secs(5),
    timeout: Duration::from_secs(20),
    max_body: 1_000,
};

/// A server that answers one connection with these bytes once it has seen the end of the request's head, and
/// gives back that head.
async fn answering(bytes: &'static [u8]) -> (SocketAddr, JoinHandle<String>) {
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

async fn head(stream: &mut TcpStream) -> String {
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

async fn get(address: SocketAddr, target: &str) -> Result<http::Response<Bytes>, CallError> {
    let mut request = http::Request::new(Bytes::new());
    *request.uri_mut() = format!("http://{address}{target}").parse().expect("a URI");
    ReqwestClient::new().expect("a client").send(request, LIMITS).await
}

#[tokio::test]
async fn a_whole_answer_comes_back_as_it_was() {
    let (address, _) = answering(
        b"HTTP/1.1 418 I'm a teapot\r\nContent-Length: 2\r\nX-A: 1\r\nX-A: 2\r\nContent-Encoding: gzip\r\n\r\nhi",
    )
    .await;
    let response = get(address, "/").await.expect("an answer");
    assert_eq!(response.status(), 418);
    assert_eq!(response.body(), "hi");
    assert_eq!(response.headers().get_all("x-a").iter().count(), 2);
    assert_eq!(response.headers()["content-encoding"], "gzip");
}

#[tokio::test]
async fn the_target_is_sent_byte_for_byte() {
    for target in ["/a%20b/@:!$&'()*+,;=~", "/?a=b%20c&&x=+", "/x?r=%27&s={|}^`\\"] {
        let (address, served) = answering(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        get(address, target).await.expect("an answer");
        let head = served.await.expect("served");
        assert_eq!(head.lines().next(), Some(format!("GET {target} HTTP/1.1").as_str()));
    }
}

#[tokio::test]
async fn an_apostrophe_in_a_query_is_the_one_byte_that_is_escaped() {
    let (address, served) = answering(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    get(address, "/it's?q=it's").await.expect("an answer");
    assert_eq!(
        served.await.expect("served").lines().next(),
        Some("GET /it's?q=it%27s HTTP/1.1")
    );
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let (address, _) =
        answering(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(get(address, "/").await.expect("an answer").status(), 302);
}

#[tokio::test]
async fn a_broken_answer_is_told_from_none_at_all() {
    for bytes in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nshort"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"",
    ] {
        let (address, _) = answering(bytes).await;
        let outcome = get(address, "/").await;
        assert!(
            matches!(outcome, Err(CallError::Broken(_))),
            "{:?}: {outcome:?}",
            String::from_utf8_lossy(bytes)
        );
    }
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port")
        .local_addr()
        .expect("an address");
    let Err(CallError::Connect(why)) = get(closed, "/?key=secret").await else {
        panic!("a connection to a closed port")
    };
    assert!(why.contains("refused") && !why.contains("secret"), "{why}");
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
    let (address, _) = answering(&LARGE).await;
    assert_eq!(
        get(address, "/").await.expect_err("too large"),
        CallError::TooLarge(1_000)
    );
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_time_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let client = ReqwestClient::new().expect("a client");
    let mut request = http::Request::new(Bytes::new());
    *request.uri_mut() = format!("http://{address}/").parse().expect("a URI");
    let calling = tokio::spawn(async move { client.send(request, LIMITS).await });
    let (mut stream, _) = listener.accept().await.expect("a connection");
    head(&mut stream).await;
    // Only now is nothing left to do but wait.
    tokio::time::pause();
    let outcome = calling.await.expect("ran");
    assert_eq!(outcome.expect_err("no answer"), CallError::Timeout(LIMITS.timeout));
}

#[tokio::test]
async fn a_status_that_ends_no_exchange_is_no_answer() {
    for bytes in [
        &b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"[..],
        b"HTTP/1.1 600 Beyond\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n",
    ] {
        let (address, _) = answering(bytes).await;
        let outcome = get(address, "/").await;
        assert!(matches!(outcome, Err(CallError::Broken(_))), "{outcome:?}");
    }
    let (address, _) = answering(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 299 Fine\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let response = get(address, "/").await.expect("an answer");
    assert_eq!(response.status(), 299);
    assert!(
        !response.headers().contains_key("link"),
        "interim headers are not the answer's"
    );
}

#[tokio::test]
async fn a_length_of_nothing_is_sent_once() {
    let (address, served) = answering(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let request = http::Request::post(format!("http://{address}/"))
        .header("content-length", "0")
        .body(Bytes::new())
        .expect("a request");
    let client = ReqwestClient::new().expect("a client");
    client.send(request, LIMITS).await.expect("an answer");
    let head = served.await.expect("served").to_ascii_lowercase();
    assert_eq!(head.matches("content-length: 0\r\n").count(), 1, "{head}");
}
