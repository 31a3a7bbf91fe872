//! What the client for upstreams does beyond the seam's contract, which `upstream::client` tests.

use std::net::SocketAddr;

use super::*;
use crate::upstream::client::tests::{LIMITS, answering};
use crate::upstream::tls;

fn client() -> HyperClient {
    HyperClient::new(tls::client_config(tls::mozilla_roots()).expect("TLS"))
}

async fn get(address: SocketAddr, target: &str) -> Result<http::Response<Bytes>, CallError> {
    let mut request = http::Request::new(Bytes::new());
    *request.uri_mut() = format!("http://{address}{target}").parse().expect("a URI");
    client().send(request, LIMITS).await
}

#[tokio::test]
async fn the_target_is_sent_byte_for_byte() {
    for target in [
        "/a%20b/@:!$&'()*+,;=~",
        "/?a=b%20c&&x=+",
        "/x?r=%27&s={|}^`\\",
        "/it's?q=it's",
    ] {
        let (address, served) = answering(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        get(address, target).await.expect("an answer");
        let head = served.await.expect("served");
        assert_eq!(head.lines().next(), Some(format!("GET {target} HTTP/1.1").as_str()));
    }
}

#[tokio::test]
async fn a_length_of_nothing_is_sent_once() {
    let (address, served) = answering(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let request = http::Request::post(format!("http://{address}/"))
        .header("content-length", "0")
        .body(Bytes::new())
        .expect("a request");
    let client = client();
    client.send(request, LIMITS).await.expect("an answer");
    let head = served.await.expect("served").to_ascii_lowercase();
    assert_eq!(head.matches("content-length: 0\r\n").count(), 1, "{head}");
}

#[tokio::test]
async fn the_client_adds_nothing_but_the_host() {
    let (address, served) = answering(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    get(address, "/a").await.expect("an answer");
    let head = served.await.expect("served").to_ascii_lowercase();
    assert_eq!(head, format!("get /a http/1.1\r\nhost: {address}\r\n\r\n"));
}
