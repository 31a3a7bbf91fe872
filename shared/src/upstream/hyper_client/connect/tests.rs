//! Hosts with several addresses.

use std::future::{Ready, ready};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::vec::IntoIter;

use hyper_util::client::legacy::connect::dns::Name;
use tokio::net::TcpListener;

use super::*;
use crate::upstream::tls;

/// Says that every host has these addresses.
#[derive(Clone, Debug)]
struct Addresses(Vec<IpAddr>);

impl Service<Name> for Addresses {
    type Response = IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Ready<io::Result<IntoIter<SocketAddr>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        let addresses = self.0.iter().map(|address| SocketAddr::new(*address, 0));
        ready(Ok(addresses.collect::<Vec<_>>().into_iter()))
    }
}

/// What comes of connecting to a host with these addresses, on this port.
async fn connected(addresses: &[Ipv4Addr], port: u16) -> Result<(), String> {
    let addresses = addresses.iter().copied().map(IpAddr::V4).collect();
    let tcp = HttpConnector::new_with_resolver(Addresses(addresses));
    let tls = tls::client_config(tls::mozilla_roots()).expect("TLS");
    let mut connector = Connector::over(tcp, tls, Duration::from_secs(10));
    let target = format!("http://several.internal:{port}/").parse().expect("a URI");
    let opened = connector.call(target).await;
    opened.map(drop).map_err(|error| super::super::causes(&*error))
}

#[tokio::test]
async fn where_one_address_refuses_the_next_is_used() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    // The port is taken on the first address alone: on the others of this machine nobody listens there.
    let (up, down, down_too) = (
        Ipv4Addr::new(127, 0, 0, 1),
        Ipv4Addr::new(127, 0, 0, 2),
        Ipv4Addr::new(127, 0, 0, 3),
    );
    for addresses in [&[up][..], &[down, up], &[down, down_too, up], &[up, down]] {
        assert_eq!(connected(addresses, port).await, Ok(()), "{addresses:?}");
        listener.accept().await.expect("the connection");
    }
    let refused = connected(&[down, down_too], port).await;
    assert!(
        refused.as_ref().is_err_and(|why| why.contains("refused")),
        "{refused:?}"
    );
}
