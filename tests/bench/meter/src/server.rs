//! An HTTP/1.1 server that costs next to nothing, for everything that a function talks to: the Runtime API, the
//! upstream and DynamoDB. A thread a connection, one buffer each, one write an answer, and connections that stay open.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// Makes the answer to a request: its head as text and its body in, all bytes of the answer out. `None` closes the
/// connection.
pub(crate) trait Handler: Fn(&str, &[u8]) -> Option<Vec<u8>> + Send + Sync + 'static {}

impl<F: Fn(&str, &[u8]) -> Option<Vec<u8>> + Send + Sync + 'static> Handler for F {}

/// Listens on a port of the system's choice until the process ends.
pub(crate) fn serve(handler: impl Handler) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let handler = Arc::new(handler);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let handler = Arc::clone(&handler);
            // A function that was stopped breaks its connections off; nobody waits for these any more.
            thread::spawn(move || converse(stream, &*handler));
        }
    });
    Ok(address)
}

fn converse(mut stream: TcpStream, handler: &impl Handler) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut received = Vec::with_capacity(64 * 1024);
    loop {
        let Some((head, end)) = read_request(&mut stream, &mut received)? else {
            return Ok(());
        };
        let text = std::str::from_utf8(&received[..head]).map_err(io::Error::other)?;
        let Some(answer) = handler(text, &received[head..end]) else {
            return Ok(());
        };
        stream.write_all(&answer)?;
        received.drain(..end);
    }
}

/// Reads until one whole request is there: where its head ends, and where its body does. `None` at the end of the
/// connection.
fn read_request(stream: &mut TcpStream, received: &mut Vec<u8>) -> io::Result<Option<(usize, usize)>> {
    let mut chunk = [0; 16 * 1024];
    loop {
        if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = end + 4;
            let length = content_length(&received[..head])?;
            if received.len() >= head + length {
                return Ok(Some((head, head + length)));
            }
        }
        match stream.read(&mut chunk)? {
            0 => return Ok(None),
            count => received.extend_from_slice(&chunk[..count]),
        }
    }
}

fn content_length(head: &[u8]) -> io::Result<usize> {
    let text = std::str::from_utf8(head).map_err(io::Error::other)?;
    let mut length = 0;
    for (name, value) in text.lines().filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(io::Error::other)?;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(io::Error::other("a body without a length"));
        }
    }
    Ok(length)
}

/// The bytes of an answer. `head` is the status line and the headers but `content-length`, each with its line end.
pub(crate) fn answer(head: &str, body: &str) -> Vec<u8> {
    format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
