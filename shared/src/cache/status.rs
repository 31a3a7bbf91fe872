//! What the cache did for a request, as `Cache-Status` (RFC 9211) and the log have it.

use std::fmt::Write as _;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// `cache` of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheOutcome {
    /// Answered without asking.
    Hit,
    /// The service was asked.
    Miss,
    /// Answered with what is no longer fresh.
    Stale,
    /// The service was asked whether it has changed, and it has not.
    Revalidated,
    /// The cache had no part in it.
    Bypass,
}

/// Why the service was asked (RFC 9211 section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forward {
    /// Such requests are not answered out of a cache.
    Bypass,
    /// Requests of this method are not.
    Method,
    /// Nothing was kept.
    Miss,
    /// What was kept is for other values of headers.
    VaryMiss,
    /// What was kept is no longer fresh.
    Stale,
    /// What was kept is not what the request asks for.
    Request,
}

/// What one answer says of the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// `None`: the service was not asked.
    pub(super) forward: Option<Forward>,
    /// What it said, where that is not the answer's own status.
    pub(super) forward_status: Option<StatusCode>,
    pub(super) stored: bool,
    pub(super) collapsed: bool,
    /// How long it is still fresh, or for how long it has not been.
    pub(super) ttl: Option<Ttl>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ttl {
    Fresh(Duration),
    Stale(Duration),
}

impl Forward {
    fn word(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::Miss => "miss",
            Self::VaryMiss => "vary-miss",
            Self::Stale => "stale",
            Self::Request => "request",
        }
    }
}

impl Status {
    /// Adds it behind what caches nearer to the service have said.
    pub(super) fn stamp(self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::try_from(self.text()) {
            headers.append(CACHE_STATUS, value);
        }
    }

    fn text(self) -> String {
        let mut text = String::with_capacity(48);
        text.push_str("tollgate");
        match self.forward {
            None => text.push_str("; hit"),
            Some(forward) => {
                text.push_str("; fwd=");
                text.push_str(forward.word());
            }
        }
        // Writing to a String cannot fail.
        if let Some(status) = self.forward_status {
            _ = write!(text, "; fwd-status={}", status.as_u16());
        }
        if self.stored {
            text.push_str("; stored");
        }
        if self.collapsed {
            text.push_str("; collapsed");
        }
        _ = match self.ttl {
            None => Ok(()),
            Some(Ttl::Fresh(left)) => write!(text, "; ttl={}", left.as_secs()),
            Some(Ttl::Stale(since)) if since.as_secs() > 0 => write!(text, "; ttl=-{}", since.as_secs()),
            Some(Ttl::Stale(_)) => write!(text, "; ttl=0"),
        };
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_says_what_was_done_for_it() {
        let seconds = Duration::from_secs;
        let fresh = Some(Ttl::Fresh(seconds(30)));
        let of = |forward, forward_status, stored, collapsed, ttl| {
            Status {
                forward,
                forward_status,
                stored,
                collapsed,
                ttl,
            }
            .text()
        };
        assert_eq!(of(None, None, false, false, fresh), "tollgate; hit; ttl=30");
        let stale = Some(Ttl::Stale(seconds(5)));
        assert_eq!(of(None, None, false, false, stale), "tollgate; hit; ttl=-5");
        assert_eq!(
            of(Some(Forward::Miss), None, true, false, fresh),
            "tollgate; fwd=miss; stored; ttl=30"
        );
        assert_eq!(
            of(Some(Forward::VaryMiss), None, false, true, None),
            "tollgate; fwd=vary-miss; collapsed"
        );
        let not_modified = Some(StatusCode::NOT_MODIFIED);
        assert_eq!(
            of(Some(Forward::Stale), not_modified, true, false, fresh),
            "tollgate; fwd=stale; fwd-status=304; stored; ttl=30"
        );
        assert_eq!(
            of(Some(Forward::Bypass), None, false, false, None),
            "tollgate; fwd=bypass"
        );
    }

    #[test]
    fn what_other_caches_have_said_stays_in_front() {
        let mut headers = crate::testing::headers(&[("cache-status", "origin; hit")]);
        Status::default().stamp(&mut headers);
        let all: Vec<&HeaderValue> = headers.get_all(CACHE_STATUS).iter().collect();
        assert_eq!(all, ["origin; hit", "tollgate; hit"]);
    }
}
