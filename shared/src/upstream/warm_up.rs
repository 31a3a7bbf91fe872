//! Connections that are opened while a function environment starts: `warm` of a service.

use std::time::Duration;

use bytes::Bytes;
use http::Uri;

use super::client::{CallLimits, HttpClient};
use super::outbound::at_server;
use super::{MAX_ANSWER, Upstream};

#[cfg(test)]
mod tests;

/// As long as the store's connection may take: starting an environment must not take much longer because of it.
const AT_MOST: Duration = Duration::from_millis(300);

/// One GET of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WarmUp {
    uri: Uri,
    connect_timeout: Duration,
}

impl WarmUp {
    /// One for each target of a service that names `warm`.
    pub(super) fn of(upstream: &Upstream) -> Vec<Self> {
        let Some(warm) = &upstream.warm else { return Vec::new() };
        let uris = upstream.targets.iter().filter_map(|target| {
            let base = target.url.path().trim_end_matches('/');
            // Both were checked; what could not be put together after all is not warmed.
            at_server(&target.url, format!("{base}{warm}").try_into().ok()?).ok()
        });
        uris.map(|uri| Self {
            uri,
            connect_timeout: upstream.connect_timeout,
        })
        .collect()
    }

    /// Leaves a kept connection behind where the target answers in time.
    pub(super) async fn run(&self, client: &dyn HttpClient) {
        let mut request = http::Request::new(Bytes::new());
        *request.uri_mut() = self.uri.clone();
        let limits = CallLimits {
            // The pool that requests will look into is the one of this time-out.
            connect_timeout: self.connect_timeout,
            timeout: AT_MOST,
            max_body: MAX_ANSWER,
        };
        // Who is down now is told to the first request that asks.
        let _ = client.send(request, limits).await;
    }
}
