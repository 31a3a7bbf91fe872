//! The service behind a route: answers as it is told and remembers what it was asked.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::HeaderMap;
use tokio::sync::Notify;

use crate::journal::Journal;
use crate::server::{Incoming, Outgoing, Server};

/// A request as it reached an upstream.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The method.
    pub method: String,
    /// Path and query, byte for byte.
    pub target: String,
    /// Header lines; those of one name in their order.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Recorded {
    /// The value of a header; several lines are joined by a comma, and a header that is not text is lossy.
    pub fn header(&self, name: &str) -> Option<String> {
        let values = self.headers.get_all(name).iter();
        let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        (!values.is_empty()).then(|| values.join(","))
    }

    /// `METHOD target`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

/// What an upstream answers.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
    held: Option<Arc<Notify>>,
}

impl Answer {
    /// A status with an empty body.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// A body of this media type.
    pub fn body(media_type: &str, body: impl Into<Bytes>) -> Self {
        let mut answer = Self::status(200).header("Content-Type", media_type);
        answer.body = body.into();
        answer
    }

    /// 200 with this JSON text.
    pub fn json(text: impl Into<Bytes>) -> Self {
        Self::body("application/json", text)
    }

    /// Another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// One more header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Answers only once this is notified.
    #[must_use]
    pub fn held_by(mut self, gate: &Arc<Notify>) -> Self {
        self.held = Some(Arc::clone(gate));
        self
    }

    async fn send(self) -> Outgoing {
        if let Some(gate) = &self.held {
            gate.notified().await;
        }
        let mut response = http::Response::builder().status(self.status);
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        Some(response.body(self.body).expect("a valid answer"))
    }
}

type Script = Arc<dyn Fn(&Recorded) -> Answer + Send + Sync>;

/// A running upstream double.
pub struct Upstream {
    server: Server,
    requests: Arc<Journal<Recorded>>,
    script: Arc<Mutex<Script>>,
}

impl Upstream {
    /// Answers every request with this until told otherwise.
    pub async fn answering(answer: Answer) -> Self {
        let requests: Arc<Journal<Recorded>> = Arc::default();
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Arc::new(move |_| answer.clone())));
        let (journal, current) = (Arc::clone(&requests), Arc::clone(&script));
        let server = Server::start(move |request| {
            let recorded = record(request);
            // The journal comes first: who waits for the request must find the answer not yet given.
            journal.push(recorded.clone());
            let script = Arc::clone(&current.lock().unwrap());
            async move { script(&recorded).send().await }
        });
        Self {
            server: server.await,
            requests,
            script,
        }
    }

    /// From now on every answer is this.
    pub fn answers(&self, answer: Answer) {
        self.decides(move |_| answer.clone());
    }

    /// From now on the request decides.
    pub fn decides(&self, script: impl Fn(&Recorded) -> Answer + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Arc::new(script);
    }

    /// What it was asked, in order.
    pub fn requests(&self) -> &Journal<Recorded> {
        &self.requests
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        self.server.url()
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

fn record(request: Incoming) -> Recorded {
    let (head, body) = request.into_parts();
    Recorded {
        method: head.method.to_string(),
        target: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: head.headers,
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{get, method};

    #[tokio::test]
    async fn records_what_came_and_answers_what_it_was_told() {
        let upstream = Upstream::answering(Answer::json("{}")).await;
        let request = method("PUT", "/a%20b//c?x=%20&&y=+")
            .header("X-A", "1")
            .header("X-A", "2")
            .body("hi");
        let response = request.send(upstream.address()).await.unwrap();
        assert_eq!((response.status, response.text().as_str()), (200, "{}"));
        let seen = &upstream.requests().all()[0];
        assert_eq!(seen.line(), "PUT /a%20b//c?x=%20&&y=+");
        assert_eq!(seen.header("x-a").as_deref(), Some("1,2"));
        assert_eq!(seen.body, "hi");

        upstream.decides(|request| Answer::status(if request.method == "GET" { 204 } else { 500 }));
        assert_eq!(get("/").send(upstream.address()).await.unwrap().status, 204);
    }

    #[tokio::test]
    async fn a_held_answer_waits() {
        let gate = Arc::new(Notify::new());
        let upstream = Upstream::answering(Answer::status(204).held_by(&gate)).await;
        let request = get("/");
        let (response, seen) = tokio::join!(request.send(upstream.address()), async {
            let seen = upstream.requests().find(|request| Some(request.line())).await;
            gate.notify_one();
            seen
        });
        assert_eq!((response.unwrap().status, seen.as_deref()), (204, Some("GET /")));
    }
}
