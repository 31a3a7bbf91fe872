//! Refused credentials, counted by client address: guessing gets slow before it gets expensive.
//!
//! A token bucket for each address, in this function environment only. It holds back one who tries many credentials;
//! it is no quota: requests already under way when the bucket runs dry are still verified.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::config::Pointer;
use crate::error::GatewayError;
use crate::lock::lock;
use crate::subscriber::subscriber;

/// How many addresses are remembered at once: about 100 KiB.
pub(super) const MAX_ADDRESSES: usize = 2048;

/// Counts refusals.
#[derive(Debug)]
pub(super) struct Failures {
    /// Time in which one refusal is forgiven; `None` counts nothing.
    forgiven_in: Option<Duration>,
    /// How long a bucket without any refusal left takes to be full again: one minute.
    full_in: Duration,
    /// When each address's bucket is full again. An address that is not here has a full one.
    full_at: Mutex<HashMap<IpAddr, Timestamp>>,
}

impl Failures {
    /// `per_minute` refusals at once, and as many a minute after that. 0 counts nothing.
    pub(super) fn new(per_minute: u32) -> Self {
        let minute = Duration::from_secs(60);
        let forgiven_in = minute.checked_div(per_minute);
        let full_in = forgiven_in.unwrap_or_default() * per_minute;
        Self {
            forgiven_in,
            full_in,
            full_at: Mutex::default(),
        }
    }

    /// `RateLimited` when the address has had all its refusals.
    pub(super) fn check(&self, address: IpAddr, now: Timestamp) -> Result<(), GatewayError> {
        let Some(forgiven_in) = self.counts(address) else {
            return Ok(());
        };
        let owed = match lock(&self.full_at).get_mut(&subscriber(address)) {
            None => Duration::ZERO,
            Some(full_at) => {
                // Never more than empty. Kept so and not only read so: after the clock was set back, an address would
                // else stay locked out until the clock is where it was.
                *full_at = (*full_at).min(now.plus(self.full_in));
                full_at.since(now)
            }
        };
        let retry_after = (owed + forgiven_in).saturating_sub(self.full_in);
        if retry_after.is_zero() {
            Ok(())
        } else {
            Err(GatewayError::RateLimited {
                retry_after,
                at: Pointer::new("/auth/failures"),
            })
        }
    }

    /// Counts one refusal.
    pub(super) fn record(&self, address: IpAddr, now: Timestamp) {
        let Some(forgiven_in) = self.counts(address) else {
            return;
        };
        let subject = subscriber(address);
        let mut full_at = lock(&self.full_at);
        if full_at.len() >= MAX_ADDRESSES && !full_at.contains_key(&subject) {
            forget_one(&mut full_at);
        }
        let bucket = full_at.entry(subject).or_insert(now);
        // Never more than empty: also when the clock was set back, or requests under way overshot.
        *bucket = (*bucket).max(now).plus(forgiven_in).min(now.plus(self.full_in));
    }

    /// Time in which one refusal of this address is forgiven; nothing where none counts. Who has no address (an
    /// authorizer's token, a health check) shares it with all others like it: there anybody could lock out everybody.
    fn counts(&self, address: IpAddr) -> Option<Duration> {
        self.forgiven_in.filter(|_| !address.is_unspecified())
    }
}

/// Makes room by forgetting the address with the fewest refusals. So to have n refusals of one's own forgotten, one
/// needs n or more from each of all the other remembered addresses: more refusals than are won by it.
fn forget_one(full_at: &mut HashMap<IpAddr, Timestamp>) {
    let least = full_at.iter().min_by_key(|(_, at)| **at).map(|(address, _)| *address);
    if let Some(address) = least {
        full_at.remove(&address);
    }
}

#[cfg(test)]
mod tests;
