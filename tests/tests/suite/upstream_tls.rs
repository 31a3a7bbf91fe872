//! Whose certificates the function's HTTP clients believe. Their trust roots are compiled in, so that no server of a
//! test's own can be behind the real binary: here are the clients alone, with an authority of the tests'.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tollgate::auth::issuer_client::IssuerClient;
use tollgate::upstream::client::{CallError, CallLimits, HttpClient};
use tollgate::upstream::hyper_client::HyperClient;
use tollgate::upstream::tls;
use tollgate_tests::relay::{self, Relay};
use tollgate_tests::upstream::{Answer, Upstream};

const LIMITS: CallLimits = CallLimits {
    connect_timeout: Duration::from_secs(10),
    timeout: Duration::from_secs(20),
    max_body: 1_000,
};

/// What both clients would use, but for whom they trust.
fn trusting_the_tests() -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(relay::authority()).expect("a certificate");
    roots.add(authority).expect("an authority");
    tls::client_config(roots).expect("TLS")
}

/// The two clients, and how many connections two calls of each take.
fn clients(tls: &ClientConfig) -> [(Arc<dyn HttpClient>, usize); 2] {
    [
        (Arc::new(HyperClient::new(tls.clone())), 1),
        (Arc::new(IssuerClient::new(tls.clone())), 2),
    ]
}

async fn get(client: &dyn HttpClient, url: &str) -> Result<http::Response<Bytes>, CallError> {
    let request = http::Request::get(url).body(Bytes::new()).expect("a request");
    client.send(request, LIMITS).await
}

#[tokio::test]
async fn a_server_that_a_trusted_authority_vouches_for_is_called() {
    let upstream = Upstream::answering(Answer::json("{}")).await;
    for (client, connections) in clients(&trusting_the_tests()) {
        let relay = Relay::to(upstream.address()).tls().start().await;
        for _ in 0..2 {
            assert_eq!(get(&*client, relay.url()).await.expect("an answer").body(), "{}");
        }
        assert_eq!((relay.connections(), relay.handshakes()), (connections, connections));
    }
}

#[tokio::test]
async fn a_server_that_no_trusted_authority_vouches_for_is_not_called() {
    let upstream = Upstream::answering(Answer::json("{}")).await;
    for (client, _) in clients(&tls::client_config(tls::mozilla_roots()).expect("TLS")) {
        let relay = Relay::to(upstream.address()).tls().start().await;
        refuses_the_certificate(&*client, &relay, relay.url()).await;
    }
}

#[tokio::test]
async fn a_server_of_another_name_is_not_called() {
    let upstream = Upstream::answering(Answer::json("{}")).await;
    for (client, _) in clients(&trusting_the_tests()) {
        let relay = Relay::to(upstream.address()).tls().start().await;
        // The same server by the IPv6 form of its address, which its certificate does not name.
        let other = relay.url().replace("127.0.0.1", "[::ffff:127.0.0.1]");
        refuses_the_certificate(&*client, &relay, &other).await;
    }
}

async fn refuses_the_certificate(client: &dyn HttpClient, relay: &Relay, url: &str) {
    let Err(CallError::Connect(why)) = get(client, url).await else {
        panic!("an answer from {url}")
    };
    assert!(why.contains("certificate"), "{why}");
    assert_eq!((relay.connections(), relay.handshakes()), (1, 0), "{url}");
}
