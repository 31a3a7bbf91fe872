//! What callers have used of their limits, for themselves: read and not charged, by the rules that hold for them.

use serde::Serialize;

use super::check::Check;
use super::rules::RuleSet;
use super::{Limiter, Patience, Subject, key_of};
use crate::error::GatewayError;

/// How one limit stands, for the caller whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Its name in `RateLimit` headers.
    name: String,
    /// The number in the config, and the time it is for, in seconds.
    limit: u64,
    window: u64,
    /// What would be let through now.
    remaining: u64,
    /// Epoch second when the bucket is full again, or the window over.
    reset: u64,
}

impl Limiter {
    /// How each limit of this set stands for a subject. What environments hold of leases counts as used.
    ///
    /// # Errors
    /// `LimitStoreUnavailable`.
    pub async fn usage(
        &self,
        set: &RuleSet,
        subject: &Subject,
        patience: &mut Patience,
    ) -> Result<Vec<Usage>, GatewayError> {
        let check = Check::new(set, 1, self.clock.now());
        let state = self.read(&key_of(set, subject), patience).await;
        let state = state.map_err(|error| GatewayError::LimitStoreUnavailable { why: error.to_string() })?;
        let usage = check.standings(&state).into_iter().map(|standing| Usage {
            name: standing.name.to_string(),
            limit: standing.requests,
            window: standing.per.as_secs(),
            remaining: standing.remaining,
            reset: check.now.plus(standing.reset).micros().div_ceil(1_000_000),
        });
        Ok(usage.collect())
    }
}
