//! The outcome of one check, and the headers that tell the client about it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::LimitRule;
use super::bucket::Bucket;
use crate::clock::Timestamp;
use crate::config::Pointer;
use crate::error::GatewayError;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// What a structured-field string (RFC 9651 section 3.3.3) cannot hold, or only behind a backslash that not every
/// client reads; and `%`, so that two names never look alike.
const UNSAFE: &AsciiSet = &CONTROLS.add(b'"').add(b'\\').add(b'%');

/// The outcome of one check, and all that the client is told about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The rule's name, as the `RateLimit` headers call it, and where it stands.
    policy: Arc<str>,
    at: Pointer,
    /// The number in the config, and the time it is for.
    requests: NonZeroU32,
    per: Duration,
    /// What would be let through now; at most the burst.
    remaining: u32,
    /// When the check was made, and when the bucket will be full again.
    now: Timestamp,
    full_at: Timestamp,
    /// `None`: allowed. Else how long until one request fits.
    retry_after: Option<Duration>,
}

impl Decision {
    /// Reads everything the client is told from the item's state after the check.
    pub(super) fn new(rule: &LimitRule, bucket: &Bucket, now: Timestamp, tat: u64, allowed: bool) -> Self {
        Self {
            policy: rule.name.clone(),
            at: rule.pointer.clone(),
            requests: rule.rate.requests,
            per: rule.rate.per,
            remaining: bucket.remaining(now.micros(), tat),
            now,
            full_at: Timestamp::from_micros(tat).max(now),
            retry_after: (!allowed).then(|| bucket.wait(now.micros(), tat)),
        }
    }

    /// Whether the request may go on.
    pub fn allowed(&self) -> bool {
        self.retry_after.is_none()
    }

    /// How many more would be let through now.
    pub fn remaining(&self) -> u64 {
        self.remaining.into()
    }

    /// `RateLimited` when it may not.
    pub fn require(&self) -> Result<(), GatewayError> {
        match self.retry_after {
            None => Ok(()),
            Some(retry_after) => Err(GatewayError::RateLimited {
                retry_after,
                at: self.at.clone(),
            }),
        }
    }

    /// Sets `X-RateLimit-*`, `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers); every
    /// answer after the check carries them, in place of an upstream's own.
    pub fn stamp(&self, headers: &mut HeaderMap) {
        headers.insert(LIMIT, HeaderValue::from(self.requests.get()));
        headers.insert(REMAINING, HeaderValue::from(self.remaining));
        headers.insert(RESET, HeaderValue::from(self.full_at.micros().div_ceil(1_000_000)));
        let policy = utf8_percent_encode(&self.policy, UNSAFE);
        let until_full = self.full_at.since(self.now).as_micros().div_ceil(1_000_000);
        let fields = [
            (
                POLICY,
                format!(r#""{policy}";q={};w={}"#, self.requests, self.per.as_secs()),
            ),
            (STATE, format!(r#""{policy}";r={};t={until_full}"#, self.remaining)),
        ];
        for (name, text) in fields {
            // Always a value: the policy's name is the only free text, and is encoded to visible ASCII and spaces.
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests;
