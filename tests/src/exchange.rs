//! One request as seen from both sides: what the client got, and what reached the upstreams.
//!
//! The expectations panic with the whole exchange and return `self`, so that a table row is one chain.

use std::fmt;

use serde_json::Value;

use crate::client::Response;
use crate::upstream::Recorded;

/// What came of one request.
#[derive(Clone)]
pub struct Exchange {
    /// What the client got.
    pub response: Response,
    /// What reached which upstream.
    pub forwarded: Vec<(&'static str, Recorded)>,
    /// `host:port` of every double: what no answer may name.
    pub internal_hosts: Vec<String>,
}

impl Exchange {
    /// The answer has this status.
    #[track_caller]
    pub fn status(&self, status: u16) -> &Self {
        assert_eq!(self.response.status, status, "status of {self:?}");
        self
    }

    /// The request reached this upstream, and it alone, as this `METHOD target`.
    #[track_caller]
    pub fn reached(&self, upstream: &str, line: &str) -> &Self {
        let seen: Vec<_> = self
            .forwarded
            .iter()
            .map(|(name, request)| (*name, request.line()))
            .collect();
        assert_eq!(seen, [(upstream, line.to_owned())], "upstream requests of {self:?}");
        self
    }

    /// The request reached no upstream.
    #[track_caller]
    pub fn reached_none(&self) -> &Self {
        assert!(self.forwarded.is_empty(), "no upstream should have seen {self:?}");
        self
    }

    /// The one request that reached an upstream.
    #[track_caller]
    pub fn upstream_request(&self) -> &Recorded {
        assert_eq!(self.forwarded.len(), 1, "upstream requests of {self:?}");
        &self.forwarded[0].1
    }

    /// The upstream got this header with this value; `None`: it did not get it.
    #[track_caller]
    pub fn sent(&self, header: &str, value: Option<&str>) -> &Self {
        let got = self.upstream_request().header(header);
        assert_eq!(got.as_deref(), value, "{header} at the upstream in {self:?}");
        self
    }

    /// The client got this header with this value; `None`: it did not get it.
    #[track_caller]
    pub fn got(&self, header: &str, value: Option<&str>) -> &Self {
        assert_eq!(
            self.response.header(header),
            value,
            "{header} at the client in {self:?}"
        );
        self
    }

    /// The client got this header, and it passes.
    #[track_caller]
    pub fn got_like(&self, header: &str, test: impl FnOnce(&str) -> bool) -> &Self {
        let value = self.response.header(header);
        assert!(
            value.is_some_and(test),
            "{header} at the client is {value:?} in {self:?}"
        );
        self
    }

    /// The answer's body is this text.
    #[track_caller]
    pub fn body(&self, text: &str) -> &Self {
        assert_eq!(self.response.text(), text, "body of {self:?}");
        self
    }

    /// The answer is the gateway's own error: this status and code, in the shape that all errors have.
    #[track_caller]
    pub fn error(&self, status: u16, code: &str) -> &Self {
        self.status(status);
        self.got("Content-Type", Some("application/json"));
        self.error_members(code);
        self
    }

    /// The same as RFC 9457 has it.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> &Self {
        self.status(status);
        self.got("Content-Type", Some("application/problem+json"));
        let body = self.error_members(code);
        assert_eq!(body["status"], status, "`status` of {self:?}");
        let text = |name: &str| body[name].as_str().is_some_and(|text| !text.is_empty());
        assert!(text("title") || text("type"), "neither title nor type in {self:?}");
        self
    }

    #[track_caller]
    fn error_members(&self, code: &str) -> Value {
        let body = self.response.json();
        assert_eq!(body["error"], code, "`error` of {self:?}");
        let message = body["message"].as_str().unwrap_or_default();
        assert!(message.ends_with('.'), "`message` is a sentence in {self:?}");
        assert_eq!(
            body["request_id"].as_str(),
            self.response.header("X-Request-Id"),
            "`request_id` of {self:?}"
        );
        self.every_answer();
        body
    }

    /// What holds for every answer: an id, a time, and no name of an internal host anywhere.
    #[track_caller]
    pub fn every_answer(&self) -> &Self {
        self.got_like("X-Request-Id", |id| !id.is_empty());
        self.got_like("X-Response-Time", |time| {
            let digits = time.strip_suffix("ms").unwrap_or_default();
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        });
        self.names_no_internal_host()
    }

    /// Neither headers nor body name a double.
    #[track_caller]
    pub fn names_no_internal_host(&self) -> &Self {
        let headers = self.response.headers.iter().map(|(_, value)| value.clone());
        let text: Vec<String> = headers.chain([self.response.text()]).collect();
        for host in &self.internal_hosts {
            assert!(
                !text.iter().any(|part| part.contains(host)),
                "{host} is named in {self:?}"
            );
        }
        self
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n  {} answered to the client", self.response.status)?;
        for (name, value) in &self.response.headers {
            write!(f, "\n    {name}: {value}")?;
        }
        let body: String = self.response.text().chars().take(400).collect();
        write!(f, "\n    {body}")?;
        for (upstream, request) in &self.forwarded {
            write!(f, "\n  {} at {upstream}", request.line())?;
            for (name, value) in &request.headers {
                write!(f, "\n    {name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
            }
        }
        Ok(())
    }
}
