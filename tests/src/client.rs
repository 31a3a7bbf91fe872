//! An HTTP/1.1 client that sends exactly what it is told to: repeated headers, `..` in paths, no `Host`, wrong
//! lengths. One connection a request.

use std::io;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::DEADLINE;

/// A request, byte for byte.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: String,
    host: Option<String>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A `GET` of this target.
pub fn get(target: impl Into<String>) -> Request {
    method("GET", target)
}

/// A `POST` of a JSON text.
pub fn post(target: impl Into<String>, json: impl Into<Vec<u8>>) -> Request {
    method("POST", target)
        .header("Content-Type", "application/json")
        .body(json)
}

/// Any method, as given.
pub fn method(method: &str, target: impl Into<String>) -> Request {
    Request {
        method: method.to_owned(),
        target: target.into(),
        host: Some("api.example.com".to_owned()),
        headers: Vec::new(),
        body: Vec::new(),
    }
}

impl Request {
    /// Adds a header line; a name may come more than once.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// `Authorization: Bearer <token>`.
    #[must_use]
    pub fn bearer(self, token: impl AsRef<str>) -> Self {
        self.header("Authorization", format!("Bearer {}", token.as_ref()))
    }

    /// Another `Host` than `api.example.com`.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// No `Host` line at all.
    #[must_use]
    pub fn without_host(mut self) -> Self {
        self.host = None;
        self
    }

    /// A body; `Content-Length` is set from it unless a header says otherwise.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// What goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in self.host.iter().map(|host| ("Host", host)) {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let framed = |name: &str| ["content-length", "transfer-encoding"].contains(&name.to_ascii_lowercase().as_str());
        if !self.body.is_empty() && !self.headers.iter().any(|(name, _)| framed(name)) {
            text.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Sends it and reads the whole answer. The error is a connection that ends or stalls before that.
    pub async fn send(&self, address: SocketAddr) -> io::Result<Response> {
        let exchange = async {
            let mut stream = TcpStream::connect(address).await?;
            stream.write_all(&self.bytes()).await?;
            read_response(&mut stream, &self.method).await
        };
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("no whole answer within {DEADLINE:?}"));
        tokio::time::timeout(DEADLINE, exchange).await.map_err(late)?
    }
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header lines in order, names as sent.
    pub headers: Vec<(String, String)>,
    /// The body, transfer coding undone.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header that comes at most once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let values = self.all(name);
        assert!(values.len() < 2, "{name} comes {} times: {values:?}", values.len());
        values.first().copied()
    }

    /// The values of a header, one for each line.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let matching = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        matching.map(|(_, value)| value.as_str()).collect()
    }

    /// The body as text, faulty bytes replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text()))
    }
}

async fn read_response(stream: &mut TcpStream, method: &str) -> io::Result<Response> {
    let mut bytes = Vec::new();
    loop {
        let head_end = read_until_blank_line(stream, &mut bytes).await?;
        let (status, headers) = parse_head(&bytes[..head_end])?;
        bytes.drain(..head_end);
        if (100..200).contains(&status) {
            continue;
        }
        let mut response = Response {
            status,
            headers,
            body: Vec::new(),
        };
        let bodiless = method == "HEAD" || status == 204 || status == 304;
        if !bodiless {
            response.body = read_body(stream, bytes, &response).await?;
        }
        return Ok(response);
    }
}

async fn read_until_blank_line(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<usize> {
    loop {
        if let Some(at) = find(bytes, b"\r\n\r\n") {
            return Ok(at + 4);
        }
        read_more(stream, bytes).await?;
    }
}

async fn read_more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    if stream.read_buf(bytes).await? == 0 {
        let got = String::from_utf8_lossy(bytes).into_owned();
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("closed after {got:?}"),
        ));
    }
    Ok(())
}

fn parse_head(head: &[u8]) -> io::Result<(u16, Vec<(String, String)>)> {
    let text = String::from_utf8_lossy(head);
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, format!("not an HTTP answer: {text:?}"));
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|code| code.parse().ok()).ok_or_else(malformed)?;
    let headers = lines
        .filter(|line| !line.is_empty())
        .map(|line| line.split_once(':').ok_or_else(malformed))
        .map(|pair| pair.map(|(name, value)| (name.to_owned(), value.trim().to_owned())))
        .collect::<io::Result<_>>()?;
    Ok((status, headers))
}

async fn read_body(stream: &mut TcpStream, mut bytes: Vec<u8>, head: &Response) -> io::Result<Vec<u8>> {
    if let Some(length) = head.header("content-length") {
        let length: usize = length.parse().map_err(io::Error::other)?;
        while bytes.len() < length {
            read_more(stream, &mut bytes).await?;
        }
        bytes.truncate(length);
        return Ok(bytes);
    }
    if head.header("transfer-encoding").is_some() {
        return read_chunks(stream, bytes).await;
    }
    stream.read_to_end(&mut bytes).await?;
    Ok(bytes)
}

async fn read_chunks(stream: &mut TcpStream, mut bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line_end = loop {
            match find(&bytes, b"\r\n") {
                Some(at) => break at,
                None => read_more(stream, &mut bytes).await?,
            }
        };
        let size = String::from_utf8_lossy(&bytes[..line_end]).into_owned();
        let size = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
        let chunk = line_end + 2..line_end + 2 + size;
        while bytes.len() < chunk.end + 2 {
            read_more(stream, &mut bytes).await?;
        }
        body.extend_from_slice(&bytes[chunk.clone()]);
        bytes.drain(..chunk.end + 2);
        if size == 0 {
            return Ok(body);
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faulty::Faulty;

    #[test]
    fn writes_what_it_is_told() {
        let request = method("POST", "/a/../b").header("X", "1").header("X", "2").body("hi");
        let expected = "POST /a/../b HTTP/1.1\r\nHost: api.example.com\r\nX: 1\r\nX: 2\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(String::from_utf8(request.bytes()).unwrap(), expected);
        let request = get("/").without_host().header("Content-Length", "5").body("hi");
        let expected = "GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhi";
        assert_eq!(String::from_utf8(request.bytes()).unwrap(), expected);
    }

    #[tokio::test]
    async fn reads_every_framing() {
        let rows = [
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: 1\r\nA: 2\r\n\r\nhi and more",
                "hi",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n",
                "hi",
            ),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhi", "hi"),
        ];
        for (answer, body) in rows {
            let server = Faulty::answering(answer).await;
            let response = get("/").send(server.address()).await.unwrap();
            assert_eq!((response.status, response.text().as_str()), (200, body), "{answer}");
        }
    }

    #[tokio::test]
    async fn a_truncated_answer_is_an_error() {
        let server = Faulty::answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi").await;
        assert!(get("/").send(server.address()).await.is_err());
    }
}
