//! Upstreams that break the rules below HTTP: each is a bare TCP listener with one way to fail.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// What happens to a connection once its request's head has come.
#[derive(Clone, Debug)]
enum Misdeed {
    /// These bytes, then an orderly close.
    Answer(Bytes),
    /// These bytes, then a reset.
    Reset(Bytes),
    /// These bytes, then nothing, with the connection left open.
    Stall(Bytes),
    /// These bytes, then one more `x` every interval.
    Drip(Bytes, Duration),
}

/// A faulty upstream.
#[derive(Debug)]
pub struct Faulty {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    accepting: Option<JoinHandle<()>>,
    /// Bound but not listening: the port is ours, and every connection is refused.
    _reserved: Option<TcpSocket>,
}

impl Drop for Faulty {
    fn drop(&mut self) {
        if let Some(task) = &self.accepting {
            task.abort();
        }
    }
}

impl Faulty {
    /// Nobody listens: connections are refused.
    pub fn refusing() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        let address = socket.local_addr().expect("a bound port");
        Self {
            address,
            connections: Arc::default(),
            accepting: None,
            _reserved: Some(socket),
        }
    }

    /// Takes the request and never answers.
    pub async fn silent() -> Self {
        Self::start(Misdeed::Stall(Bytes::new())).await
    }

    /// Resets the connection in the middle of the answer's head.
    pub async fn resetting() -> Self {
        Self::start(Misdeed::Reset("HTTP/1.1 200 OK\r\nContent-Ty".into())).await
    }

    /// Resets it in the middle of the body.
    pub async fn resetting_in_body() -> Self {
        let half = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"half\": ";
        Self::start(Misdeed::Reset(half.into())).await
    }

    /// Answers these bytes, whatever they are, and closes.
    pub async fn answering(bytes: impl Into<Bytes>) -> Self {
        Self::start(Misdeed::Answer(bytes.into())).await
    }

    /// Closes after half of the body that `Content-Length` promises.
    pub async fn truncating() -> Self {
        let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"half\": ";
        Self::start(Misdeed::Answer(answer.into())).await
    }

    /// Begins an answer and then sends a byte every `interval`, so that no read ever times out.
    pub async fn dripping(interval: Duration) -> Self {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n";
        Self::start(Misdeed::Drip(head.into(), interval)).await
    }

    /// Begins an answer, then stalls.
    pub async fn stalling_in_body() -> Self {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nhalf";
        Self::start(Misdeed::Stall(head.into())).await
    }

    /// An answer with a body of this many bytes.
    pub async fn huge(bytes: usize) -> Self {
        let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {bytes}\r\n\r\n");
        answer.extend(std::iter::repeat_n('x', bytes));
        Self::start(Misdeed::Answer(answer.into())).await
    }

    async fn start(misdeed: Misdeed) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let accepting = tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                open.spawn(misbehave(stream, misdeed.clone()));
            }
        });
        Self {
            address,
            connections,
            accepting: Some(accepting),
            _reserved: None,
        }
    }

    /// Where it is, or would be.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections it took.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Errors end the connection: the other side went first, which is its right.
async fn misbehave(mut stream: TcpStream, misdeed: Misdeed) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    match misdeed {
        Misdeed::Answer(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await?;
            // Reads the rest first: closing over unread bytes would be a reset, not a close.
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
        }
        Misdeed::Reset(bytes) => {
            stream.write_all(&bytes).await?;
            stream.set_zero_linger()?;
        }
        Misdeed::Stall(bytes) => {
            stream.write_all(&bytes).await?;
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
        }
        Misdeed::Drip(bytes, interval) => {
            stream.write_all(&bytes).await?;
            let mut ticks = tokio::time::interval(interval);
            loop {
                ticks.tick().await;
                stream.write_all(b"x").await?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::client::get;

    #[tokio::test]
    async fn each_fails_in_its_own_way() {
        let error = |server: Faulty| async move { get("/").send(server.address()).await.unwrap_err().kind() };
        assert_eq!(error(Faulty::refusing()).await, ErrorKind::ConnectionRefused);
        assert_eq!(error(Faulty::resetting().await).await, ErrorKind::ConnectionReset);
        assert_eq!(
            error(Faulty::resetting_in_body().await).await,
            ErrorKind::ConnectionReset
        );
        assert_eq!(error(Faulty::truncating().await).await, ErrorKind::UnexpectedEof);
        assert_eq!(
            error(Faulty::answering("nonsense\r\n\r\n").await).await,
            ErrorKind::InvalidData
        );
        let huge = Faulty::huge(1 << 20).await;
        assert_eq!(get("/").send(huge.address()).await.unwrap().body.len(), 1 << 20);
        assert_eq!(huge.connections(), 1);
    }

    #[tokio::test]
    async fn some_never_end() {
        let interval = Duration::from_millis(1);
        for server in [
            Faulty::silent().await,
            Faulty::stalling_in_body().await,
            Faulty::dripping(interval).await,
        ] {
            let request = get("/");
            let answer = request.send(server.address());
            let patience = Duration::from_millis(50);
            assert!(tokio::time::timeout(patience, answer).await.is_err(), "{server:?}");
        }
    }
}
