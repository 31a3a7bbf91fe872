//! Sessions that are kept in the state table, under the hash of their id.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::auth::claim_path::{Claims, json_length};
use crate::auth::refusal::{AuthSource, RETRY_AFTER, Refusal};
use crate::clock::{Clock, Timestamp};
use crate::gateway::Seams;
use crate::look_up::{LOOK_UP, LookUps};
use crate::recent::{OVERHEAD, Recent};
use crate::store::{SessionHash, SessionRecord, Store, StoreError};

/// How long an id may be: shorter ones could be guessed, longer ones are nobody's.
const ID_LENGTH: std::ops::RangeInclusive<usize> = 22..=256;

/// A session is marked as used once in this part of its idle time: one write for many requests, and its end comes at most
/// this part too early.
const TOUCHED_EACH: u32 = 10;

/// Looks sessions up and keeps them alive.
#[derive(Debug)]
pub(super) struct KeptSessions {
    idle: Duration,
    absolute: Duration,
    recent: Recent<SessionHash, SessionRecord>,
    look_ups: LookUps,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl KeptSessions {
    pub(super) fn new(idle: Duration, absolute: Duration, seams: &Seams, look_ups: LookUps) -> Self {
        Self {
            idle,
            absolute,
            recent: Recent::default(),
            look_ups,
            store: Arc::clone(&seams.store),
            clock: Arc::clone(&seams.clock),
        }
    }

    /// What the session of this id proves. All calls of the table that it takes end within the budget, and within
    /// [`LOOK_UP`] together.
    pub(super) async fn verify(&self, id: &str, budget: Duration) -> Result<Arc<Claims>, Refusal> {
        let is_id = ID_LENGTH.contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_id {
            return Err(Refusal::of("cookie", "the cookie is not the id of a session"));
        }
        let hash = SessionHash::of(id);
        let now = self.clock.now();
        let ends = Instant::now() + budget.min(LOOK_UP);
        if let Some(last) = self.recent.last(&hash).filter(|last| last.may_admit(now)) {
            let (read_at, may_refuse) = (last.at, last.may_refuse(now));
            match self.alive(last.record, now) {
                Err(why) if may_refuse => return Err(why),
                // It may have been used elsewhere, or made, since.
                Err(_) => {}
                Ok(session) => return self.admit(hash, session, read_at, now, ends).await,
            }
        }
        let record = self
            .look_up(ends, self.store.session(&hash))
            .await
            .map_err(unavailable)?;
        self.note(&hash, record.as_ref(), now);
        let session = self.alive(record, now)?;
        self.admit(hash, session, now, now, ends).await
    }

    async fn look_up<T>(
        &self,
        ends: Instant,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let within = ends.saturating_duration_since(Instant::now());
        self.look_ups.make(within, call).await
    }

    fn note(&self, hash: &SessionHash, session: Option<&SessionRecord>, read_at: Timestamp) {
        self.recent
            .note(hash.clone(), session.cloned(), read_at, weight(session));
    }

    /// The session, if there is one and it has not come to an end.
    fn alive(&self, session: Option<SessionRecord>, now: Timestamp) -> Result<SessionRecord, Refusal> {
        let session = session.ok_or_else(unknown)?;
        if now >= session.expires_at || now >= session.created_at.plus(self.absolute) {
            return Err(Refusal::of("absolute", "the session has come to its end"));
        }
        if now >= session.seen_at.plus(self.idle) {
            return Err(Refusal::of("idle", "the session was not used for too long"));
        }
        Ok(session)
    }

    /// Lets the bearer in, and from time to time notes that the session, read at `read_at`, is in use.
    async fn admit(
        &self,
        hash: SessionHash,
        mut session: SessionRecord,
        read_at: Timestamp,
        now: Timestamp,
        ends: Instant,
    ) -> Result<Arc<Claims>, Refusal> {
        if now.since(session.seen_at) >= self.idle / TOUCHED_EACH {
            let gone_at = session.expires_at.min(now.plus(self.idle));
            match self.look_up(ends, self.store.touch_session(&hash, now, gone_at)).await {
                Ok(true) => {}
                Ok(false) => {
                    self.note(&hash, None, now);
                    return Err(unknown());
                }
                // It is in use and holds: that this cannot be noted is no reason to log anybody out. The next attempt is
                // as far away as after one that succeeds, so that a table that is down is not waited for at each request.
                Err(error) => tracing::warn!(%error, "a session's use is not noted"),
            }
            session.seen_at = now;
            // As old as it was: its claims and its end were not read again.
            self.note(&hash, Some(&session), read_at);
        }
        Ok(Arc::new(session.claims))
    }
}

/// About how many bytes a record takes.
fn weight(session: Option<&SessionRecord>) -> usize {
    session.map_or(0, |session| json_length(&session.claims)) + OVERHEAD
}

fn unknown() -> Refusal {
    Refusal::invalid("there is no such session")
}

fn unavailable(error: StoreError) -> Refusal {
    Refusal::Unavailable {
        key: "",
        what: AuthSource::Sessions,
        why: error.to_string(),
        retry_after: RETRY_AFTER,
    }
}
