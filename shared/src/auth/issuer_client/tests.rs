//! What the client for issuers does beyond the seam's contract, which `upstream::client` tests.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::upstream::client::tests::LIMITS;
use crate::upstream::tls;

#[tokio::test]
async fn no_connection_is_kept_between_calls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn(async move {
        // What came on each connection until the client let go of it.
        let mut heads = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut chunk = [0; 1024];
            let read = stream.read(&mut chunk).await.expect("read");
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                .await
                .expect("written");
            let mut head = chunk[..read].to_vec();
            stream.read_to_end(&mut head).await.expect("the end");
            heads.push(String::from_utf8(head).expect("text"));
        }
        heads
    });
    let client = IssuerClient::new(tls::client_config().expect("TLS"));
    for _ in 0..2 {
        let request = http::Request::get(format!("http://{address}/keys"))
            .body(Bytes::new())
            .expect("a request");
        assert_eq!(client.send(request, LIMITS).await.expect("an answer").body(), "{}");
    }
    let heads = tokio::time::timeout(Duration::from_secs(20), serving)
        .await
        .expect("both connections ended")
        .expect("served");
    assert!(
        heads.iter().all(|head| head.starts_with("GET /keys HTTP/1.1\r\n")),
        "{heads:?}"
    );
}
