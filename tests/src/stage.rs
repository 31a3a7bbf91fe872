//! The set of most tests: three upstreams, an issuer, the base document that names them, and the gateway.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::client::Request;
use crate::exchange::Exchange;
use crate::gateway::{Builder, Event, Gateway};
use crate::issuer::Issuer;
use crate::upstream::{Answer, Recorded, Upstream};

/// Marks each request, so that it is found again among what the upstreams saw. An ordinary header: it passes.
const CASE: &str = "X-Case";

/// The doubles around a gateway.
#[derive(Debug)]
pub struct Stage {
    /// Behind `/api/users/**`.
    pub users: Upstream,
    /// Behind `/api/orders/**`.
    pub orders: Upstream,
    /// Behind `/api/auth/**`, `/api/search/**` and `/api/health`.
    pub site: Upstream,
    /// Whose tokens hold.
    pub issuer: Issuer,
}

impl Stage {
    /// All doubles, well: each upstream answers 200 with a small JSON object.
    pub async fn set() -> Self {
        let user = r#"{"id":"usr_1","email_address":"ada@example.com","internal_id":7,"db_shard":"s3"}"#;
        Self {
            users: Upstream::answering(Answer::json(user)).await,
            orders: Upstream::answering(Answer::json(r#"{"id":"ord_x7k9"}"#)).await,
            site: Upstream::answering(Answer::json("{}")).await,
            issuer: Issuer::start().await,
        }
    }

    /// The base document of the grammar, word for word but for the hosts, with routes for the paths that it
    /// mentions elsewhere.
    pub fn document(&self) -> Value {
        json!({
          "routes": [
            { "path": "/api/users/**", "upstream": self.users.url(), "strip_prefix": "/api", "methods": ["GET", "POST", "PUT", "DELETE"] },
            { "path": "/api/orders/**", "upstream": self.orders.url(), "strip_prefix": "/api", "methods": ["GET", "POST"] },
            { "path": "/api/auth/**", "upstream": self.site.url(), "strip_prefix": "/api" },
            { "path": "/api/search/**", "upstream": self.site.url(), "strip_prefix": "/api" },
            { "path": "/api/health", "upstream": self.site.url(), "strip_prefix": "/api" }
          ],
          "auth": { "type": "jwt", "jwks_uri": self.issuer.jwks_uri(), "issuer": Issuer::NAME,
                    "audiences": [Issuer::AUDIENCE], "exclude_paths": ["/api/health", "/api/auth/login"] },
          "rate_limiting": {
            "default": { "requests_per_second": 100, "burst": 20, "key": "header:X-User-Id" },
            "overrides": [ { "path": "/api/auth/login", "requests_per_minute": 10, "key": "client_ip" },
                           { "path": "/api/search/**", "requests_per_second": 20, "key": "header:X-User-Id" } ] },
          "transformations": [ { "path": "/api/users/**", "response": {
               "remove_fields": ["internal_id", "db_shard"], "rename_fields": { "email_address": "email" } } } ]
        })
    }

    /// The same without limits, for tests that send more than a client may.
    pub fn unlimited(&self) -> Value {
        let mut document = self.document();
        document.as_object_mut().expect("an object").remove("rate_limiting");
        document
    }

    /// A document with these routes, all public, and nothing else.
    pub fn public(&self, mut routes: Value) -> Value {
        for route in routes.as_array_mut().expect("a list of routes") {
            route["auth"] = json!("none");
        }
        json!({ "routes": routes })
    }

    /// Opens a gateway with this document before the doubles.
    pub async fn open(self, event: Event, document: &Value) -> Api {
        self.open_as(Gateway::start(document.to_string()).event(event)).await
    }

    /// Opens a gateway that was configured further.
    pub async fn open_as(self, gateway: Builder) -> Api {
        Api {
            gateway: gateway.spawn().await,
            stage: self,
            case: AtomicU32::new(0),
            failures: Vec::new(),
        }
    }

    fn upstreams(&self) -> [(&'static str, &Upstream); 3] {
        [("users", &self.users), ("orders", &self.orders), ("site", &self.site)]
    }
}

/// A gateway in front of a stage.
#[derive(Debug)]
pub struct Api {
    /// The process under test.
    pub gateway: Gateway,
    /// Its surroundings.
    pub stage: Stage,
    case: AtomicU32,
    failures: Vec<String>,
}

impl Api {
    /// Sends a request and gathers what both sides saw of it.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn send(&self, request: Request) -> Exchange {
        let sent = self.try_send(request).await;
        sent.unwrap_or_else(|error| panic!("{error}\n{}", self.gateway.process().output()))
    }

    async fn try_send(&self, request: Request) -> Result<Exchange, String> {
        let case = self.case.fetch_add(1, Ordering::Relaxed).to_string();
        let request = request.header(CASE, &case);
        let response = request.send(self.gateway.address()).await;
        let response = response.map_err(|error| format!("no answer: {error}"))?;
        let of_this_case = |recorded: &Recorded| recorded.header(CASE).as_deref() == Some(&*case);
        let upstreams = self.stage.upstreams().into_iter();
        let seen = upstreams.flat_map(|(name, upstream)| upstream.requests().all().into_iter().map(move |r| (name, r)));
        Ok(Exchange {
            response,
            forwarded: seen.filter(|(_, recorded)| of_this_case(recorded)).collect(),
            internal_hosts: self.internal_hosts(),
        })
    }

    /// One row of a table: a sentence of the contract, a request, and what must come of it. A row that fails
    /// does not keep the next from being tried; [`finish`](Self::finish) tells of all.
    pub async fn row(&mut self, sentence: &str, request: Request, expect: impl FnOnce(&Exchange)) {
        let outcome = self.try_send(request).await.and_then(|exchange| {
            let judged = catch_unwind(AssertUnwindSafe(|| expect(&exchange)));
            judged.map_err(|panic| message_of(&*panic))
        });
        if let Err(why) = outcome {
            self.failures.push(format!("* {sentence}\n  {why}"));
        }
    }

    /// Ends the table.
    ///
    /// # Panics
    /// With every row that failed.
    pub fn finish(mut self) {
        let failures = std::mem::take(&mut self.failures);
        assert!(
            failures.is_empty(),
            "{} rows do not hold:\n{}",
            failures.len(),
            failures.join("\n")
        );
    }

    fn internal_hosts(&self) -> Vec<String> {
        let upstreams = self.stage.upstreams();
        upstreams
            .map(|(_, upstream)| upstream.address())
            .iter()
            .map(SocketAddr::to_string)
            .collect()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        // A table that somebody forgot to finish must not pass in silence.
        assert!(
            self.failures.is_empty() || std::thread::panicking(),
            "rows failed, but the table was not finished: {}",
            self.failures.join("\n")
        );
    }
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_else(|| "a panic without words".into())
}
