//! A relay in front of a double: counts connections, speaks TLS where it is asked to, and lets idle connections die.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::net::Shutdown;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::pauses::{End, Pauses};

/// Certificate and key for 127.0.0.1 and `localhost`, valid from 2020 to 2119, signed by the authority of
/// [`authority`], whose key was thrown away.
const SERVER: &[u8] = include_bytes!("../testdata/tls-server-test-only.pem");

/// An idle connection that dies in a pause does so within this.
const LONGEST_IDLE: Duration = Duration::from_millis(15);

/// Who signed the relays' certificate, as a file for `AWS_CA_BUNDLE`.
pub fn authority() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/tls-ca-test-only.pem"))
}

/// A relay about to start.
#[derive(Clone, Debug)]
pub struct Builder {
    target: SocketAddr,
    tls: bool,
    pauses: Option<Pauses>,
}

impl Builder {
    /// Speaks TLS to clients.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Ends connections in these pauses.
    #[must_use]
    pub fn dropping_in(mut self, pauses: &Pauses) -> Self {
        self.pauses = Some(pauses.another());
        self
    }

    /// Starts it on a free port.
    pub async fn start(self) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let counts: Arc<Counts> = Arc::default();
        let scheme = if self.tls { "https" } else { "http" };
        let accepting = tokio::spawn(self.accept(listener, Arc::clone(&counts)));
        Relay {
            url: format!("{scheme}://{address}"),
            counts,
            accepting,
        }
    }

    async fn accept(self, listener: TcpListener, counts: Arc<Counts>) {
        let tls = self.tls.then(acceptor);
        // The set ends with this task, and every connection with the set.
        let mut connections = JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            let number = counts.connections.fetch_add(1, Ordering::SeqCst);
            let line = Line {
                number,
                target: self.target,
                pauses: self.pauses.clone(),
                counts: Arc::clone(&counts),
            };
            let tls = tls.clone();
            // Errors end the connection, as they do anywhere.
            connections.spawn(async move {
                let Some(tls) = tls else {
                    return line.carry(client).await;
                };
                let client = tls.accept(client).await?;
                line.counts.handshakes.fetch_add(1, Ordering::SeqCst);
                line.carry(client).await
            });
        }
    }
}

fn acceptor() -> TlsAcceptor {
    let chain = CertificateDer::pem_slice_iter(SERVER).collect::<Result<Vec<_>, _>>();
    let key = PrivateKeyDer::from_pem_slice(SERVER).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(chain.expect("a certificate"), key);
    TlsAcceptor::from(Arc::new(config.expect("a certificate and its key")))
}

/// A running relay; its connections end with it.
#[derive(Debug)]
pub struct Relay {
    url: String,
    counts: Arc<Counts>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicUsize,
    handshakes: AtomicUsize,
    closed: AtomicUsize,
    reset: AtomicUsize,
}

impl Relay {
    /// A relay to a double on this machine; plain TCP unless said.
    pub fn to(target: SocketAddr) -> Builder {
        Builder {
            target,
            tls: false,
            pauses: None,
        }
    }

    /// `http://127.0.0.1:<port>`, or `https:`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many TCP connections were accepted.
    pub fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }

    /// How many TLS handshakes were completed.
    pub fn handshakes(&self) -> usize {
        self.counts.handshakes.load(Ordering::SeqCst)
    }

    /// How many idle connections were closed, and how many reset.
    pub fn dropped(&self) -> (usize, usize) {
        let of = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        (of(&self.counts.closed), of(&self.counts.reset))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One connection through the relay.
struct Line {
    number: usize,
    target: SocketAddr,
    pauses: Option<Pauses>,
    counts: Arc<Counts>,
}

impl Line {
    async fn carry<S: Client>(self, mut client: S) -> io::Result<()> {
        let mut server = TcpStream::connect(self.target).await?;
        server.set_nodelay(true)?;
        client.socket().set_nodelay(true)?;
        let Some(pauses) = &self.pauses else {
            copy_bidirectional(&mut client, &mut server).await?;
            return Ok(());
        };
        tokio::select! {
            copied = copy_bidirectional(&mut client, &mut server) => copied.map(drop),
            (moment, end) = pauses.end_of(self.number as u64, LONGEST_IDLE) => {
                // Told to the sockets, because closing them may not be enough: a program that another test is just
                // starting holds copies of all until it has begun.
                match end {
                    End::Orderly => client.shutdown().await?,
                    End::Cut => rustix::net::shutdown(client.socket(), Shutdown::Write)?,
                    End::Reset => rustix::net::connect_unspec(client.socket())?,
                }
                let count = if end == End::Reset { &self.counts.reset } else { &self.counts.closed };
                count.fetch_add(1, Ordering::SeqCst);
                drop(client);
                drop(moment);
                Ok(())
            }
        }
    }
}

/// What clients are connected by.
trait Client: AsyncRead + AsyncWrite + Unpin {
    fn socket(&self) -> &TcpStream;
}

impl Client for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Client for TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::get;
    use crate::upstream::{Answer, Upstream};

    #[tokio::test]
    async fn carries_bytes_and_counts() {
        let upstream = Upstream::answering(Answer::status(204)).await;
        let relay = Relay::to(upstream.address()).start().await;
        let address = relay.url().trim_start_matches("http://").parse().unwrap();
        for connections in 1..3 {
            assert_eq!(get("/").send(address).await.unwrap().status, 204);
            assert_eq!((relay.connections(), relay.handshakes()), (connections, 0));
        }
    }

    #[tokio::test]
    async fn a_pause_ends_connections_and_nothing_else_does() {
        let upstream = Upstream::answering(Answer::status(204)).await;
        let pauses = Pauses::seeded(1);
        let relay = Relay::to(upstream.address()).dropping_in(&pauses).start().await;
        let address: SocketAddr = relay.url().trim_start_matches("http://").parse().unwrap();
        let _open = TcpStream::connect(address).await.unwrap();
        assert_eq!(get("/").send(address).await.unwrap().status, 204);
        assert_eq!(relay.dropped(), (0, 0));
        let mut number = 0;
        while relay.dropped() == (0, 0) {
            pauses.pause(number, LONGEST_IDLE).await;
            number += 1;
        }
    }
}
