//! An issuer's key set, fetched when it is first needed and kept over requests.
//!
//! One per function environment. Nothing runs after an answer is given (on Lambda the environment is frozen then),
//! so whoever needs newer keys fetches them within the own request, one request at a time:
//!
//! - fresh ([`FRESH_FOR`]): used as it is;
//! - old: one request refetches, the others go on with the old set, and so does everybody when the fetch fails,
//!   until `max_stale`;
//! - a token's key is not in the set: one refetch an [`INTERVAL`], however many ask and however it ends. A key that was
//!   looked for in vain is refused; of one that nobody asked for before the set was fetched, it cannot be told until the
//!   next refetch;
//! - no set: a fetch for whoever asks, but none within [`BACK_OFF`] of a failed one.
//!
//! What one environment fetched is kept in the state table, and looked for there before the issuer is asked: so
//! environments share a fetch, and one that starts while the issuer is down has keys all the same.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jsonwebtoken::Algorithm;
use tokio::time::{Instant, timeout_at};

use super::issuer::Issuer;
use super::keys::{Key, KeySet, Selection, Wanted};
use crate::auth::location::shown;
use crate::auth::refusal::{AuthSource, Refusal};
use crate::clock::{Clock, Timestamp};
use crate::lock::lock;
use crate::store::{Store, StoreError, StoredKeySet};

/// How long a set is used without asking again. A key that the issuer withdraws verifies at most this much longer
/// while the issuer can be reached.
pub(super) const FRESH_FOR: Duration = Duration::from_secs(10 * 60);
/// The least time between two fetches for keys that the set at hand does not have, and after a failed fetch while
/// there is a set to go on with.
pub(super) const INTERVAL: Duration = Duration::from_secs(30);
/// The least time after a failed fetch while there is no set: short, so that recovery is noticed at once.
pub(super) const BACK_OFF: Duration = Duration::from_secs(1);
/// How many keys that were asked for are remembered. Of one that is forgotten nobody can tell until the next fetch
/// whether it is new.
const ASKED_KEYS: usize = 64;
/// The longest that one request waits for keys, its own fetch or another's.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// An issuer's key set.
#[derive(Debug)]
pub(super) struct RemoteKeys {
    issuer: Issuer,
    /// How long after it was fetched a set may be used while the issuer cannot be reached.
    max_stale: Duration,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Held while fetching. A guard and not a flag, so that a request that is dropped half-way lets the next one in.
    flight: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The last good set, and when it came.
    set: Option<(Arc<KeySet>, Timestamp)>,
    /// When last a fetch was made for a key that the set at hand did not have.
    missed: Option<Timestamp>,
    /// Keys that a request had to wait for, each with the number of good fetches before it was asked for first.
    asked: VecDeque<(AskedKey, u64)>,
    /// How many fetches were good.
    fetches: u64,
    /// When the last fetch failed, and why; `None` after a good one.
    failed: Option<(Timestamp, String)>,
}

/// A key that a token asked for.
#[derive(Debug, PartialEq, Eq)]
struct AskedKey {
    kid: Option<String>,
    algorithm: Algorithm,
}

impl AskedKey {
    fn of(wanted: Wanted<'_>) -> Self {
        Self {
            kid: wanted.kid.map(str::to_owned),
            algorithm: wanted.algorithm,
        }
    }
}

/// What can be answered without a fetch, and what should come first.
struct Look {
    answer: Result<Arc<Key>, Refusal>,
    before: Before,
}

/// What comes before an answer.
#[derive(PartialEq)]
enum Before {
    Nothing,
    /// The end of a fetch, if one is under way: it may bring the key.
    Wait,
    /// A fetch, unless one is under way.
    FetchIfIdle,
    /// A fetch, or the end of the one under way.
    Fetch,
}

impl Look {
    /// Whether there is no use, or no time, for a fetch.
    fn is_final(&self, deadline: Instant) -> bool {
        matches!(self.before, Before::Nothing | Before::Wait) || deadline <= Instant::now()
    }
}

impl RemoteKeys {
    pub(super) fn new(issuer: Issuer, max_stale: Duration, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            issuer,
            max_stale,
            store,
            clock,
            flight: tokio::sync::Mutex::default(),
            state: Mutex::default(),
        }
    }

    /// The key for a token, within `budget` and [`PATIENCE`]. Errors: `Invalid` when there are keys but none for
    /// it, `Unavailable` when there are none.
    pub(super) async fn find(&self, wanted: Wanted<'_>, budget: Duration) -> Result<Arc<Key>, Refusal> {
        let look = self.look(wanted);
        if look.before == Before::Nothing {
            return look.answer;
        }
        lock(&self.state).ask(wanted);
        let deadline = Instant::now() + budget.min(PATIENCE);
        let flight = match look.before {
            Before::FetchIfIdle => self.flight.try_lock().ok(),
            _ => timeout_at(deadline, self.flight.lock()).await.ok(),
        };
        if flight.is_none() {
            return look.answer;
        }
        // Somebody else may have fetched while this request waited for its turn, or another environment before.
        let look = self.look(wanted);
        if look.is_final(deadline) {
            return look.answer;
        }
        self.recall(deadline).await;
        let look = self.look(wanted);
        if look.is_final(deadline) {
            return look.answer;
        }
        // Before the fetch, so that one dropped half-way counts. After it, because only then there is a set to miss
        // the key in when this is the first fetch of all.
        self.note_miss(wanted);
        self.refresh(deadline).await;
        self.note_miss(wanted);
        self.look(wanted).answer
    }

    fn look(&self, wanted: Wanted<'_>) -> Look {
        let now = self.clock.now();
        let state = lock(&self.state);
        let failed_within = |time| state.failed.as_ref().is_some_and(|(at, _)| now.apart(*at) < time);
        let Some((set, age)) = state.usable(now, self.max_stale) else {
            let before = if failed_within(BACK_OFF) {
                Before::Nothing
            } else {
                Before::Fetch
            };
            return Look {
                answer: Err(state.unavailable(now, self.issuer.config_key())),
                before,
            };
        };
        let asked_lately = failed_within(INTERVAL);
        let refresh = if age < FRESH_FOR || asked_lately {
            Before::Nothing
        } else {
            Before::FetchIfIdle
        };
        match set.select(wanted) {
            Selection::Found(key) => Look {
                answer: Ok(key),
                before: refresh,
            },
            Selection::Refused(why) => Look {
                answer: Err(Refusal::of(self.issuer.config_key(), why)),
                before: refresh,
            },
            Selection::Unknown => {
                let wait = state.until_next_fetch(now);
                let (key, why) = (
                    self.issuer.config_key(),
                    format!("no key for the token ({})", set.describe()),
                );
                let answer = match state.has_looked_for(wanted) {
                    true => Refusal::of(key, why),
                    // It may be newer than the set, and the issuer cannot be asked yet.
                    false => Refusal::Unavailable {
                        key,
                        what: AuthSource::KeySet,
                        why,
                        retry_after: wait,
                    },
                };
                Look {
                    answer: Err(answer),
                    before: if wait.is_zero() { Before::Fetch } else { Before::Wait },
                }
            }
        }
    }

    /// Starts an [`INTERVAL`] in which no other missing key causes a fetch.
    fn note_miss(&self, wanted: Wanted<'_>) {
        let now = self.clock.now();
        let mut state = lock(&self.state);
        let missing = |(set, _): (&KeySet, Duration)| matches!(set.select(wanted), Selection::Unknown);
        if state.usable(now, self.max_stale).is_some_and(missing) {
            state.missed = Some(now);
        }
    }

    /// Takes the set that is kept in the state table where it is newer than the one at hand. The caller holds `flight`.
    async fn recall(&self, deadline: Instant) {
        let name = self.issuer.address().as_str();
        let kept = match timeout_at(deadline, self.store.key_set(name)).await {
            Ok(Ok(Some(kept))) => kept,
            Ok(Ok(None) | Err(StoreError::NoTable(_))) | Err(_) => return,
            Ok(Err(error)) => {
                tracing::warn!(%error, "no key set from the state table");
                return;
            }
        };
        let now = self.clock.now();
        let mut state = lock(&self.state);
        let is_newer = state.set.as_ref().is_none_or(|(_, fetched)| *fetched < kept.fetched_at);
        if !is_newer || now.apart(kept.fetched_at) > self.max_stale {
            return;
        }
        match KeySet::parse(kept.body.as_bytes()) {
            Ok(set) if !set.is_empty() => {
                // What failed before failed on an older set. A later failure still counts.
                state.failed.take_if(|(at, _)| *at < kept.fetched_at);
                state.set = Some((Arc::new(set), kept.fetched_at));
            }
            Ok(_) => {}
            Err(why) => tracing::warn!(why, "the key set in the state table is none"),
        }
    }

    /// Fetches and takes down the outcome. The caller holds `flight`.
    async fn refresh(&self, deadline: Instant) {
        let fetched = self.issuer.key_set(deadline).await;
        let parsed = fetched.and_then(|body| match KeySet::parse(&body) {
            Ok(set) => Ok((set, body)),
            Err(why) => Err(format!("no key set from {}: {why}", shown(self.issuer.address()))),
        });
        let now = self.clock.now();
        let body = {
            let mut state = lock(&self.state);
            match parsed {
                Ok((set, body)) if set.is_empty() => {
                    // The issuer has said that none of its former keys holds: there is nothing to go on with.
                    let why = format!(
                        "the key set of {} has no key for signatures ({})",
                        shown(self.issuer.address()),
                        set.describe()
                    );
                    state.set = None;
                    state.failed = Some((now, why));
                    Some(body)
                }
                Ok((set, body)) => {
                    state.set = Some((Arc::new(set), now));
                    state.failed = None;
                    state.fetches += 1;
                    Some(body)
                }
                Err(why) => {
                    state.failed = Some((now, why));
                    None
                }
            }
        };
        if let Some(body) = body {
            self.keep(&body, now, deadline).await;
        }
    }

    /// Keeps what the issuer sent for other environments. That it cannot be kept is no reason to refuse anybody.
    async fn keep(&self, body: &[u8], fetched_at: Timestamp, deadline: Instant) {
        // It was read as JSON before, which is UTF-8.
        let body = String::from_utf8_lossy(body).into_owned();
        let set = StoredKeySet { body, fetched_at };
        let expires_at = fetched_at.plus(self.max_stale);
        let name = self.issuer.address().as_str();
        match timeout_at(deadline, self.store.keep_key_set(name, &set, expires_at)).await {
            Ok(Ok(()) | Err(StoreError::NoTable(_))) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the key set is not kept in the state table"),
            Err(_) => tracing::warn!("the key set is not kept in the state table: no time left"),
        }
    }
}

impl State {
    /// The set and its age, unless it is too old to be believed.
    fn usable(&self, now: Timestamp, max_stale: Duration) -> Option<(&KeySet, Duration)> {
        let (set, fetched) = self.set.as_ref()?;
        let age = now.apart(*fetched);
        (age <= max_stale).then_some((set.as_ref(), age))
    }

    /// How long no fetch may be made for a key that the set does not have.
    fn until_next_fetch(&self, now: Timestamp) -> Duration {
        let left = |at: Timestamp| INTERVAL.saturating_sub(now.apart(at));
        let failed = self.failed.as_ref().map(|(at, _)| left(*at));
        failed.max(self.missed.map(left)).unwrap_or_default()
    }

    /// Remembers that a key is asked for.
    fn ask(&mut self, wanted: Wanted<'_>) {
        let key = AskedKey::of(wanted);
        if self.asked.iter().all(|(asked, _)| *asked != key) {
            self.asked.truncate(ASKED_KEYS - 1);
            self.asked.push_front((key, self.fetches));
        }
    }

    /// Whether this key, which the set does not have, was asked for before the set was fetched. If not, it may be newer
    /// than the set.
    fn has_looked_for(&self, wanted: Wanted<'_>) -> bool {
        let key = AskedKey::of(wanted);
        let mut asked = self.asked.iter().filter(|(asked, _)| *asked == key);
        asked.any(|(_, before)| *before < self.fetches)
    }

    fn unavailable(&self, now: Timestamp, key: &'static str) -> Refusal {
        let (why, since) = match &self.failed {
            Some((at, why)) => (why.clone(), now.apart(*at)),
            None => (
                "the key set was not fetched within this request's time".to_owned(),
                Duration::ZERO,
            ),
        };
        Refusal::Unavailable {
            key,
            what: AuthSource::KeySet,
            why,
            retry_after: BACK_OFF.saturating_sub(since),
        }
    }
}

#[cfg(test)]
mod tests;
