//! An upstream that keeps a connection for a moment only: whoever is late finds it closing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::seeded::Seeded;

/// A running one. It answers every request without a body with 204, and after each waits for a random time for the
/// next; then it closes or resets, as the seed says.
#[derive(Debug)]
pub struct Impatient {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Impatient {
    /// Waits for less than `longest` between two requests.
    pub async fn start(seed: u64, longest: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let accepting = tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                open.spawn(serve(stream, Seeded::of(&[seed, number as u64]), longest));
            }
        });
        Self {
            address,
            connections,
            accepting,
        }
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections it took.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Impatient {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Errors end the connection: the other side went first.
async fn serve(mut stream: TcpStream, mut random: Seeded, longest: Duration) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    // The first request may take its time.
    let mut patience = None;
    loop {
        let mut head = Vec::new();
        let first = stream.read_buf(&mut head);
        let read = match patience {
            Some(patience) => timeout(patience, first).await.ok(),
            None => Some(first.await),
        };
        match read {
            Some(read) => {
                if read? == 0 {
                    return Ok(());
                }
            }
            None if random.below(2) == 0 => return stream.set_zero_linger(),
            None => return Ok(()),
        }
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut head).await? == 0 {
                return Ok(());
            }
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await?;
        let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
        patience = Some(Duration::from_micros(random.below(micros)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::get;

    #[tokio::test]
    async fn answers_and_then_goes_away() {
        let upstream = Impatient::start(1, Duration::from_millis(1)).await;
        let mut stream = TcpStream::connect(upstream.address).await.unwrap();
        stream.write_all(&get("/").bytes()).await.unwrap();
        let mut seen = Vec::new();
        // A reset is an error.
        let _ = stream.read_to_end(&mut seen).await;
        assert_eq!(seen, b"HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(upstream.connections(), 1);
    }
}
