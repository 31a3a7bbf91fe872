//! What a request's head looked like before the HTTP library tidied it.
//!
//! `hyper` takes `Content-Length` away when `Transfer-Encoding` stands beside it. Front doors refuse such a
//! request, because two readers of it may see two different ends (RFC 9112 section 6.3).

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// As many bytes of a head are kept; front doors refuse heads far smaller than this.
const KEPT: usize = 64 * 1024;

/// The bytes that arrived since the last answer: the next request's head, and what followed it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire(Arc<Mutex<Vec<u8>>>);

impl Wire {
    /// Whether the head that arrived states its body's length in two ways.
    pub(crate) fn has_two_lengths(&self) -> bool {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let lines = bytes.split(|byte| *byte == b'\n').skip(1).map(<[u8]>::trim_ascii_end);
        let mut length = false;
        let mut encoding = false;
        for line in lines.take_while(|line| !line.is_empty()) {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            length |= name.eq_ignore_ascii_case(b"content-length");
            encoding |= name.eq_ignore_ascii_case(b"transfer-encoding");
        }
        length && encoding
    }

    fn keep(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT.saturating_sub(kept.len());
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A connection that keeps what it reads.
#[derive(Debug)]
pub(crate) struct Tapped<S> {
    stream: S,
    wire: Wire,
}

impl<S> Tapped<S> {
    pub(crate) fn new(stream: S) -> (Self, Wire) {
        let wire = Wire::default();
        (
            Self {
                stream,
                wire: wire.clone(),
            },
            wire,
        )
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tapped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.wire.keep(&buffer.filled()[before..]);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tapped<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.wire.forget();
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn has_two_lengths(head: &str) -> bool {
        let wire = Wire::default();
        wire.keep(head.as_bytes());
        wire.has_two_lengths()
    }

    #[test]
    fn both_orders_and_any_case_are_seen() {
        assert!(has_two_lengths(
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
        ));
        assert!(has_two_lengths(
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nA: b\r\nCONTENT-LENGTH: 1\r\n\r\n"
        ));
        assert!(has_two_lengths(
            "POST / HTTP/1.1\nContent-Length: 1\nTransfer-Encoding: chunked\n\n"
        ));
    }

    #[test]
    fn one_length_is_fine_whatever_the_body_says() {
        assert!(!has_two_lengths(
            "POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\nTransfer-Encoding: chunked\r\n"
        ));
        assert!(!has_two_lengths(
            "POST / HTTP/1.1\r\nX-Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
        ));
        assert!(!has_two_lengths(""));
    }

    #[tokio::test]
    async fn an_answer_ends_a_record() {
        let (mut client, server) = tokio::io::duplex(1024);
        let (mut tapped, wire) = Tapped::new(server);
        client
            .write_all(b"GET / HTTP/1.1\r\nContent-Length: 0\r\n")
            .await
            .unwrap();
        tapped.read_u8().await.unwrap();
        tapped.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        assert!(wire.0.lock().unwrap().is_empty());
    }
}
