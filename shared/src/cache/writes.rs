//! What requests that change something invalidate (RFC 9111 section 4.4).

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LOCATION, LOCATION};
use http::{Method, Response};
use tokio::time::Instant;
use url::Url;

use super::Cache;
use super::key::Place;
use crate::headers::text_of;
use crate::path::CanonicalPath;
use crate::request::Request;

impl Cache {
    /// Forgets what is kept of the places that a request has changed, as far as its answer says that it has: its own, and
    /// those of the same host that the answer names.
    pub(crate) async fn note_write(&self, request: &Request, answer: &Response<Bytes>, within: Duration) {
        let status = answer.status();
        if is_safe(&request.method) || !(status.is_success() || status.is_redirection()) {
            return;
        }
        let now = self.clock.now();
        let named = [LOCATION, CONTENT_LOCATION];
        let named = named.iter().filter_map(|name| answer.headers().get(name));
        let named = named.filter_map(|value| self.named(request, &text_of(value)));
        let own = (request.path.clone(), request.query.clone());
        let ends = Instant::now() + within;
        for (path, query) in std::iter::once(own).chain(named) {
            let place = Place::beside(&self.settings, request, path.as_str(), &query);
            self.memory.written(place, now);
            if let Some(table) = self.table.as_ref().filter(|table| table.holds(&path)) {
                let left = ends.saturating_duration_since(Instant::now());
                table.note_write(&place, now, left).await;
            }
        }
    }

    /// The path and query that a location names, where it is one of the host that was asked.
    fn named(&self, request: &Request, location: &str) -> Option<(CanonicalPath, String)> {
        let host = &request.host;
        // Relative to a path of the service's own choosing: only a whole path names a place.
        let url = match location.strip_prefix('/') {
            Some(rest) if !rest.starts_with('/') => Url::parse(&format!("https://{host}{location}")),
            _ => Url::parse(location),
        };
        let url = url
            .ok()
            .filter(|url| url.host_str().is_some_and(|named| named.eq_ignore_ascii_case(host)))?;
        let path = url.path().strip_prefix(&*request.mount)?;
        let path = CanonicalPath::from_encoded(path).ok()?;
        Some((path, url.query().unwrap_or_default().to_owned()))
    }
}

/// Methods that change nothing (RFC 9110 section 9.2.1).
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}
