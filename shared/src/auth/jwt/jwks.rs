//! An issuer's key set, fetched when it is first needed and kept over requests.
//!
//! One per function environment. Nothing runs after an answer is given (on Lambda the environment is frozen then),
//! so whoever needs newer keys fetches them within the own request, one request at a time:
//!
//! - fresh ([`FRESH_FOR`]): used as it is;
//! - old: one request refetches, the others go on with the old set, and so does everybody when the fetch fails,
//!   until [`STALE_FOR`];
//! - a token's key is not in the set: one refetch an [`INTERVAL`], however many ask and however it ends;
//! - no set: a fetch for whoever asks, but none within [`BACK_OFF`] of a failed one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{ACCEPT, USER_AGENT};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::keys::{Key, KeySet, Selection, Wanted};
use crate::auth::refusal::{AuthSource, Refusal};
use crate::clock::{Clock, Timestamp};
use crate::upstream::client::{CallLimits, HttpClient};

/// How long a set is used without asking again. A key that the issuer withdraws verifies at most this much longer
/// while the issuer can be reached.
pub(super) const FRESH_FOR: Duration = Duration::from_secs(10 * 60);
/// How long after it was fetched a set may be used while the issuer cannot be reached.
pub(super) const STALE_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// The least time between two fetches for keys that the set at hand does not have, and after a failed fetch while
/// there is a set to go on with.
pub(super) const INTERVAL: Duration = Duration::from_secs(30);
/// The least time after a failed fetch while there is no set: short, so that recovery is noticed at once.
pub(super) const BACK_OFF: Duration = Duration::from_secs(1);
/// The longest that one request waits for keys, its own fetch or another's.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// How long a connection to the issuer may take to open; as for upstreams where the config says nothing.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The largest key set read, in bytes.
pub(super) const MAX_BYTES: usize = 1024 * 1024;

/// The key set behind a `jwks_uri`.
#[derive(Debug)]
pub(super) struct RemoteKeys {
    uri: Url,
    client: Arc<dyn HttpClient>,
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
    /// When the last fetch failed, and why; `None` after a good one.
    failed: Option<(Timestamp, String)>,
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

impl RemoteKeys {
    pub(super) fn new(uri: Url, client: Arc<dyn HttpClient>, clock: Arc<dyn Clock>) -> Self {
        Self {
            uri,
            client,
            clock,
            flight: tokio::sync::Mutex::default(),
            state: Mutex::default(),
        }
    }

    /// The key for a token, within `budget` and [`PATIENCE`]. Errors: `Invalid` when there are keys but none for
    /// it, `Unavailable` when there are none.
    pub(super) async fn find(&self, wanted: Wanted<'_>, budget: Duration) -> Result<Arc<Key>, Refusal> {
        let deadline = Instant::now() + budget.min(PATIENCE);
        let look = self.look(wanted);
        let flight = match look.before {
            Before::Nothing => return look.answer,
            Before::FetchIfIdle => self.flight.try_lock().ok(),
            Before::Wait | Before::Fetch => timeout_at(deadline, self.flight.lock()).await.ok(),
        };
        if flight.is_none() {
            return look.answer;
        }
        // Somebody else may have fetched while this request waited for its turn.
        let look = self.look(wanted);
        if matches!(look.before, Before::Nothing | Before::Wait) || deadline <= Instant::now() {
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
        let state = self.state();
        let failed_within = |time| state.failed.as_ref().is_some_and(|(at, _)| apart(now, *at) < time);
        let Some((set, age)) = state.usable(now) else {
            let before = if failed_within(BACK_OFF) {
                Before::Nothing
            } else {
                Before::Fetch
            };
            return Look {
                answer: Err(state.unavailable(now)),
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
                answer: Err(invalid(why.to_owned())),
                before: refresh,
            },
            Selection::Unknown => {
                let missed_lately = state.missed.is_some_and(|at| apart(now, at) < INTERVAL);
                let before = if asked_lately || missed_lately {
                    Before::Wait
                } else {
                    Before::Fetch
                };
                Look {
                    answer: Err(invalid(format!("no key for the token ({})", set.describe()))),
                    before,
                }
            }
        }
    }

    /// Starts an [`INTERVAL`] in which no other missing key causes a fetch.
    fn note_miss(&self, wanted: Wanted<'_>) {
        let now = self.clock.now();
        let mut state = self.state();
        let missing = |(set, _): (&KeySet, Duration)| matches!(set.select(wanted), Selection::Unknown);
        if state.usable(now).is_some_and(missing) {
            state.missed = Some(now);
        }
    }

    /// Fetches and takes down the outcome. The caller holds `flight`.
    async fn refresh(&self, deadline: Instant) {
        let outcome = self.fetch(deadline).await;
        let now = self.clock.now();
        let mut state = self.state();
        match outcome {
            Ok(set) if set.is_empty() => {
                // The issuer has said that none of its former keys holds: there is nothing to go on with.
                let why = format!(
                    "the key set of {} has no key for signatures ({})",
                    self.uri,
                    set.describe()
                );
                state.set = None;
                state.failed = Some((now, why));
            }
            Ok(set) => {
                state.set = Some((Arc::new(set), now));
                state.failed = None;
            }
            Err(why) => state.failed = Some((now, format!("no key set from {}: {why}", self.uri))),
        }
    }

    async fn fetch(&self, deadline: Instant) -> Result<KeySet, String> {
        let request = http::Request::get(self.uri.as_str())
            .header(ACCEPT, "application/jwk-set+json, application/json")
            .header(USER_AGENT, concat!("tollgate/", env!("CARGO_PKG_VERSION")))
            .body(Bytes::new())
            .map_err(|error| error.to_string())?;
        let timeout = deadline.saturating_duration_since(Instant::now());
        let limits = CallLimits {
            connect_timeout: CONNECT_TIMEOUT,
            timeout,
            max_body: MAX_BYTES,
        };
        // The client keeps the time too, but a budget is not left to others.
        let answer = match timeout_at(deadline, self.client.send(request, limits)).await {
            Ok(answer) => answer.map_err(|error| error.to_string())?,
            Err(_) => return Err(format!("no whole answer within {timeout:?}")),
        };
        match answer.status() {
            StatusCode::OK => {}
            status if status.is_redirection() => {
                return Err(format!(
                    "status {}: redirects are not followed, jwks_uri must be the last address",
                    status.as_u16()
                ));
            }
            status => return Err(format!("status {}", status.as_u16())),
        }
        if answer.body().len() > MAX_BYTES {
            return Err(format!("the answer is larger than {MAX_BYTES} bytes"));
        }
        KeySet::parse(answer.body()).map_err(str::to_owned)
    }

    /// A panic cannot leave the state half-written, so a poisoned lock holds as good a state as any.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The set and its age, unless it is too old to be believed.
    fn usable(&self, now: Timestamp) -> Option<(&KeySet, Duration)> {
        let (set, fetched) = self.set.as_ref()?;
        let age = apart(now, *fetched);
        (age <= STALE_FOR).then_some((set.as_ref(), age))
    }

    fn unavailable(&self, now: Timestamp) -> Refusal {
        let (why, since) = match &self.failed {
            Some((at, why)) => (why.clone(), apart(now, *at)),
            None => (
                "the key set was not fetched within this request's time".to_owned(),
                Duration::ZERO,
            ),
        };
        Refusal::Unavailable {
            key: "jwks_uri",
            what: AuthSource::KeySet,
            why,
            retry_after: BACK_OFF.saturating_sub(since),
        }
    }
}

fn invalid(why: String) -> Refusal {
    Refusal::of("jwks_uri", why)
}

/// The time between two moments in either direction: a wall clock that was set back must not stop fetches until it
/// has caught up.
fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.since(other).max(other.since(one))
}

#[cfg(test)]
mod tests;
