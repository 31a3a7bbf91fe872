//! How long a request may take in all.

use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Timestamp;
use crate::event::EventKind;

#[cfg(test)]
mod tests;

/// Kept back to write the answer before Lambda or the front door gives up.
const RESERVE: Duration = Duration::from_millis(250);

/// The longest API Gateway waits for an integration, unless a REST API's quota was raised.
const FRONT_DOOR: Duration = Duration::from_secs(29);

/// The longest a Lambda function runs: what bounds a request behind a Function URL or load balancer with no known deadline.
const LONGEST_FUNCTION: Duration = Duration::from_secs(15 * 60);

/// When a request must be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    ends: Instant,
}

impl Budget {
    /// From Lambda's deadline and the front door's own limit. A deadline already past is none: some local
    /// runtimes send a duration where a time belongs.
    pub(super) fn new(kind: EventKind, now: Timestamp, deadline: Timestamp) -> Self {
        let front_door = match kind {
            EventKind::Http | EventKind::Rest => FRONT_DOOR,
            EventKind::Url | EventKind::Alb => LONGEST_FUNCTION,
        };
        Self::within(front_door, now, deadline)
    }

    /// The same behind whatever waits so long.
    pub(crate) fn within(front_door: Duration, now: Timestamp, deadline: Timestamp) -> Self {
        let function = Some(deadline.since(now)).filter(|left| !left.is_zero());
        let whole = function.unwrap_or(LONGEST_FUNCTION).min(front_door);
        Self {
            ends: Instant::now() + whole.saturating_sub(RESERVE),
        }
    }

    /// What is left; zero when it is used up.
    pub(crate) fn left(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now())
    }
}
