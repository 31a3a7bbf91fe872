//! How connections to upstreams are opened: TCP, then TLS where the scheme asks for it, within one time-out.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::repeat;

#[cfg(test)]
mod tests;

/// Between two probes of a connection on which nothing comes, and before the first.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Opens connections, each within a time-out, over what opens them without TLS.
#[derive(Clone, Debug)]
pub(super) struct Connector<T = HttpConnector> {
    inner: HttpsConnector<T>,
    timeout: Duration,
}

impl Connector {
    /// To the addresses that the system's resolver knows of a host.
    pub(super) fn new(tls: rustls::ClientConfig, timeout: Duration) -> Self {
        Self::over(HttpConnector::new(), tls, timeout)
    }
}

impl<R> Connector<HttpConnector<R>> {
    /// Tries a host's addresses one after the other; the first that takes a connection is used.
    fn over(mut tcp: HttpConnector<R>, tls: rustls::ClientConfig, timeout: Duration) -> Self {
        // Some addresses of a host may be dead: each gets its share of the time.
        tcp.set_connect_timeout(Some(timeout));
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEP_ALIVE));
        tcp.set_keepalive_interval(Some(KEEP_ALIVE));
        tcp.set_keepalive_retries(Some(3));
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(2 * KEEP_ALIVE));
        // The schemes are the TLS connector's business.
        tcp.enforce_http(false);
        let inner = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Self { inner, timeout }
    }
}

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
type Opening = dyn Future<Output = Result<Stream, Box<dyn Error + Send + Sync>>> + Send;

impl<T> Service<Uri> for Connector<T>
where
    HttpsConnector<T>: Service<Uri, Response = Stream, Error = Box<dyn Error + Send + Sync>, Future: Send + 'static>,
{
    type Response = Stream;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<Opening>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        repeat::note_connect();
        let opening = self.inner.call(target);
        let timeout = self.timeout;
        Box::pin(async move {
            tokio::time::timeout(timeout, opening)
                .await
                .unwrap_or_else(|_| Err(format!("no connection within {timeout:?}").into()))
        })
    }
}
