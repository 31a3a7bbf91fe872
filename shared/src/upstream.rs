//! The service behind a route, and the one call to it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::uri::PathAndQuery;
use url::Url;

use crate::breaker::{Row, Thresholds};
use crate::config::{Pointer, UpstreamCall};
use crate::error::{Fault, GatewayError};
use crate::request::Request;
use crate::respond::FixedAnswer;
use attempts::Service;
use client::{CallError, CallLimits, HttpClient};
use retry::RetryRules;
use warm_up::WarmUp;

mod attempts;
mod balancer;
pub mod client;
pub mod hyper_client;
mod inbound;
mod outbound;
pub mod retry;
pub mod split;
pub mod tls;
pub mod trace;
mod warm_up;

/// A larger answer cannot leave through Lambda anyway (6,291,556 bytes as serialised), compressed or not.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// A named service of `upstreams`, or the URL a route gives directly.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Its name in the config, or host and port: for logs only, never in an answer.
    pub name: Arc<str>,
    /// Its position in `Config::upstreams`; `None` for a URL that a route gives directly, of which nothing is remembered.
    pub position: Option<usize>,
    /// Where it is served: at least one.
    pub targets: Vec<Target>,
    /// How long a connection may take to open; default 1 s.
    pub connect_timeout: Duration,
    /// How long one of several attempts may take; default all the time there is.
    pub attempt_timeout: Option<Duration>,
    /// When an attempt is made again; never without.
    pub retry: Option<RetryRules>,
    /// When it is not called at all, for each target by itself; always called without.
    pub breaker: Option<BreakerRules>,
    /// What is answered instead of an error that is its fault, unless the route says otherwise.
    pub fallback: Option<Arc<FixedAnswer>>,
    /// What is fetched of every target while an environment starts, behind the target's own path.
    pub warm: Option<PathAndQuery>,
}

impl Upstream {
    /// One target, of which nothing is remembered.
    pub fn plain(name: Arc<str>, url: Url, connect_timeout: Duration) -> Self {
        Self {
            name,
            position: None,
            targets: vec![Target::new(url)],
            connect_timeout,
            attempt_timeout: None,
            retry: None,
            breaker: None,
            fallback: None,
            warm: None,
        }
    }
}

/// One place where a service is served.
#[derive(Clone, Debug)]
pub struct Target {
    /// http or https, with a host, without user, query or fragment; its path is put in front.
    pub url: Url,
    /// Host and port, for logs only.
    pub name: Arc<str>,
    /// Its share of the calls: this out of the sum of all weights.
    pub weight: u32,
}

impl Target {
    /// With the weight 1, which matters only beside others.
    pub fn new(url: Url) -> Self {
        let host = url.host_str().unwrap_or_default();
        let name = url
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Self {
            name: name.into(),
            url,
            weight: 1,
        }
    }
}

/// `circuit_breaker` of a service. What it counts is the function environment's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerRules {
    /// So many failures open it, in a row
    pub failures: u32,
    /// or within this time.
    pub window: Duration,
    /// How long until a probe, and from one that failed to the next.
    pub open_for: Duration,
    /// Where it stands.
    pub at: Pointer,
}

impl BreakerRules {
    fn thresholds(&self) -> Thresholds {
        let failures = usize::try_from(self.failures).unwrap_or(usize::MAX);
        Thresholds {
            row: Row::Failures(failures),
            failures,
            within: self.window,
            open_for: self.open_for,
        }
    }
}

/// Among an answer's extensions: it is a `fallback`, and this is what it stands for. No cache may take it for the upstream's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsteadOf(pub GatewayError);

/// What a call went through, for the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// Host and port of the last target that was asked, where there are several.
    pub target: Option<Arc<str>>,
    /// How many attempts were made; 0 where no call was.
    pub attempts: u32,
}

impl Trail {
    fn enter(&mut self, upstream: &Upstream, target: usize, attempt: u32) {
        self.attempts = attempt;
        if upstream.targets.len() > 1 {
            self.target = Some(Arc::clone(&upstream.targets[target].name));
        }
    }
}

/// What a request upstream carries besides the client's own words.
#[derive(Clone, Copy, Debug)]
pub struct Stamps<'a> {
    /// `X-Request-Id`.
    pub request_id: &'a str,
    /// `traceparent`.
    pub trace: &'a trace::TraceParent,
    /// Whether it is told the client's address.
    pub tells_address: bool,
}

/// Makes the calls.
#[derive(Clone, Debug)]
pub struct Caller {
    client: Arc<dyn HttpClient>,
    /// What is remembered of each of `Config::upstreams`, by its position.
    services: Arc<[Option<Service>]>,
    warm_ups: Arc<[WarmUp]>,
}

impl Caller {
    /// On this client; `upstreams` are those of the config, in its order.
    pub fn new(client: Arc<dyn HttpClient>, upstreams: &[Arc<Upstream>]) -> Self {
        Self {
            client,
            services: upstreams.iter().map(|upstream| Service::of(upstream)).collect(),
            warm_ups: upstreams.iter().flat_map(|upstream| WarmUp::of(upstream)).collect(),
        }
    }

    /// Opens the connections that the config wants open before the first request comes, all at once, in
    /// 300 ms. Whatever comes of it is nothing to fail for: what is down now may be up later.
    pub async fn warm(&self) {
        join_all(self.warm_ups.iter().map(|warm_up| warm_up.run(&*self.client))).await;
    }

    /// [`call_on`](Self::call_on) for whoever keeps no record of it.
    pub async fn call(
        &self,
        call: &UpstreamCall,
        request: &Request,
        stamps: Stamps<'_>,
        budget: Duration,
    ) -> Result<http::Response<Bytes>, GatewayError> {
        self.call_on(call, request, stamps, budget, &mut Trail::default()).await
    }

    /// Makes a route's call within its time-out and what is left of the request's budget: one call, in as many attempts
    /// as its service's rules allow. The answer is already cleaned for the client: no hop-by-hop headers, no internal
    /// host. `trail` tells what it went through, however it ends. Where the call has a fallback that is the answer, marked
    /// [`InsteadOf`], to every error that is the upstream's fault.
    /// Errors: `BadRequest` (a target too long), `DeadlineExceeded`, `UpstreamUnreachable`, `UpstreamTimeout`, `UpstreamInvalid`,
    /// `UpstreamCircuitOpen`, `ResponseTooLarge`.
    pub async fn call_on(
        &self,
        call: &UpstreamCall,
        request: &Request,
        stamps: Stamps<'_>,
        budget: Duration,
        trail: &mut Trail,
    ) -> Result<http::Response<Bytes>, GatewayError> {
        let within = call.timeout.min(budget);
        if within.is_zero() {
            return Err(GatewayError::DeadlineExceeded);
        }
        let outcome = match self.service(&call.upstream) {
            Some(service) => self.attempts(service, call, request, stamps, within, trail).await,
            None => {
                trail.enter(&call.upstream, 0, 1);
                let answer = self.attempt(call, 0, request, stamps, within).await?;
                answer.map_err(classify)
            }
        };
        match (outcome, &call.fallback) {
            (Err(error), Some(fallback)) if error.fault() == Fault::Upstream => {
                let mut answer = fallback.response();
                answer.extensions_mut().insert(InsteadOf(error));
                Ok(answer)
            }
            (outcome, _) => outcome,
        }
    }

    fn service(&self, upstream: &Upstream) -> Option<&Service> {
        self.services.get(upstream.position?)?.as_ref()
    }

    /// One attempt at one target, and its answer cleaned.
    async fn attempt(
        &self,
        call: &UpstreamCall,
        target: usize,
        request: &Request,
        stamps: Stamps<'_>,
        timeout: Duration,
    ) -> Result<Result<http::Response<Bytes>, CallError>, GatewayError> {
        let target = &call.upstream.targets[target];
        let outbound = outbound::build(call, &target.url, request, stamps)?;
        let limits = CallLimits {
            connect_timeout: call.upstream.connect_timeout,
            timeout,
            max_body: MAX_ANSWER,
        };
        let mut answer = self.client.send(outbound, limits).await;
        if let Ok(answer) = &mut answer {
            inbound::clean(call, &target.url, request, answer);
        }
        Ok(answer)
    }
}

fn classify(error: CallError) -> GatewayError {
    match error {
        CallError::Connect(why) => GatewayError::UpstreamUnreachable { why },
        CallError::Timeout(after) => GatewayError::UpstreamTimeout { after },
        CallError::Broken(why) => GatewayError::UpstreamInvalid { why },
        CallError::TooLarge(limit) => GatewayError::ResponseTooLarge {
            why: format!("The service behind this path answered with more than {limit} bytes."),
        },
    }
}
