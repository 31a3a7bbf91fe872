//! What the client for issuers does beyond the seam's contract, which `upstream::client` tests.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::upstream::client::tests::{LIMITS, head};
use crate::upstream::tls;

#[tokio::test]
async fn no_connection_is_kept_between_calls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn(async move {
        // The next connection is taken once the client has let go of this one.
        let mut heads = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            heads.push(head(&mut stream).await);
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                .await
                .expect("written");
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.expect("the end");
            assert!(rest.is_empty(), "{rest:?}");
        }
        heads
    });
    let client = IssuerClient::new(tls::client_config(tls::mozilla_roots()).expect("TLS"));
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
