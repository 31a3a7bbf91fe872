//! Looking for an answer: in the memory, then among those that are on their way, then in the table.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method};
use tokio::time::Instant;

use super::demand::Demand;
use super::entry::Entry;
use super::errand::Errand;
use super::flights::{Boarding, Landing, Lead, landed};
use super::key::{CacheKey, Place};
use super::rules::Tier;
use super::status::Forward;
use super::table::Shelf;
use super::{Asked, Cache, Given};
use crate::clock::Timestamp;
use crate::error::GatewayError;

/// What a search came to.
pub(crate) enum Search<'a> {
    Found(Given),
    /// The service has to be asked.
    Ask(Box<Errand<'a>>),
}

/// What is looked for.
struct Query<'a> {
    asked: Asked<'a>,
    key: CacheKey,
    demand: Demand,
    /// When there is no time left.
    ends: Instant,
}

/// What a look into the memory came to.
enum Look {
    Found(Arc<Entry>),
    /// Something that is not given unasked.
    Old {
        learned: Vec<HeaderName>,
        entry: Arc<Entry>,
        forward: Forward,
    },
    Nothing {
        learned: Vec<HeaderName>,
        forward: Forward,
    },
}

/// How a request stands to others like it.
enum Turn {
    /// It asks, and others wait for it.
    First(Lead),
    /// It asks for itself.
    Alone,
    /// It has waited, and takes what another got, or asks for itself.
    Waited(Option<Arc<Entry>>),
}

impl Cache {
    /// Looks for an answer to this request, and waits for one that is on its way, for as long as the request may wait.
    ///
    /// # Errors
    /// `NotCached`; `DeadlineExceeded` where it has waited for as long as it may.
    pub(crate) async fn search<'a>(&self, asked: Asked<'a>, within: Duration) -> Result<Search<'a>, GatewayError> {
        let query = Query {
            asked,
            key: CacheKey::of(&self.settings, &asked),
            demand: Demand::of(asked.rules, &asked.request().headers),
            ends: Instant::now() + within,
        };
        if let Look::Found(entry) = self.look(&query, true) {
            return Ok(Search::Found(self.given(&query, &entry, false)));
        }
        let lead = match self.turn(&query).await? {
            Turn::Waited(Some(entry)) => return Ok(Search::Found(self.given(&query, &entry, true))),
            Turn::Waited(None) => return Ok(self.ask(query, None)),
            Turn::First(lead) => Some(lead),
            Turn::Alone => None,
        };
        if let Some(entry) = self.find_in_table(&query).await {
            if let Some(lead) = lead {
                lead.land(Landing::Shared(Arc::clone(&entry)));
            }
            return Ok(Search::Found(self.given(&query, &entry, false)));
        }
        if query.demand.only_if_cached {
            return Err(GatewayError::NotCached);
        }
        Ok(self.ask(query, lead))
    }

    /// Waits for who asks the same, if anybody does.
    async fn turn(&self, query: &Query<'_>) -> Result<Turn, GatewayError> {
        if query.asked.request().method == Method::HEAD || query.demand.asks_for_itself() {
            return Ok(Turn::Alone);
        }
        loop {
            let landing = match self.flights.board(query.key) {
                Boarding::Lead(lead) => return Ok(Turn::First(lead)),
                Boarding::Follow(landing) => landing,
            };
            let waited = tokio::time::timeout_at(query.ends, landed(landing)).await;
            match waited.map_err(|_| GatewayError::DeadlineExceeded)? {
                Some(Landing::Shared(entry)) => return Ok(Turn::Waited(self.fitting(query, entry))),
                // What others get may be different for each: nobody queues for it.
                Some(Landing::Alone | Landing::Aloft) => return Ok(Turn::Waited(None)),
                // Whoever asked has given up: the next one asks.
                None => {}
            }
        }
    }

    /// What is given of an answer that another request got: that one, or what is in the memory by now. Not one that was asked
    /// for before a write: this request may have come after it.
    fn fitting(&self, query: &Query<'_>, entry: Arc<Entry>) -> Option<Arc<Entry>> {
        let place = Place::of(&self.settings, query.asked.request());
        if !self.memory.is_outdated(&place, &entry) && query.takes(&entry, self.clock.now()) {
            return Some(entry);
        }
        match self.look(query, true) {
            Look::Found(entry) => Some(entry),
            Look::Old { .. } | Look::Nothing { .. } => None,
        }
    }

    /// What the memory has. `may_be_stale`: whether that counts as found which may be given once more, or while another
    /// asks for it anew.
    fn look(&self, query: &Query<'_>, may_be_stale: bool) -> Look {
        let (now, demand) = (self.clock.now(), &query.demand);
        let mut learned = self.memory.learned(&query.key);
        let Some(slot) = self.memory.get(&query.key) else {
            return Look::nothing(learned, Forward::Miss);
        };
        learned.extend(slot.learned());
        let sent = query.asked.sent(learned.clone());
        let Some(entry) = slot.fitting(&sent.headers(&query.asked.request().headers)) else {
            return Look::nothing(learned, Forward::VaryMiss);
        };
        let entry = Arc::clone(entry);
        if demand.takes(&entry, now) {
            return Look::Found(entry);
        }
        let is_fresh = entry.is_fresh(now);
        let shown = may_be_stale && !is_fresh && !demand.is_particular() && entry.may_be_shown_once_more(now);
        if shown && (self.flights.is_aloft(&query.key) || entry.gives_stale_first()) {
            return Look::Found(entry);
        }
        let forward = if is_fresh { Forward::Request } else { Forward::Stale };
        Look::Old {
            learned,
            entry,
            forward,
        }
    }

    /// What the table has that may be given; what else it has goes into the memory.
    async fn find_in_table(&self, query: &Query<'_>) -> Option<Arc<Entry>> {
        let rules = query.asked.rules;
        let table = self.table.as_ref().filter(|_| rules.tier == Tier::Table)?;
        let left = query.ends.saturating_duration_since(Instant::now());
        let place = Place::of(&self.settings, query.asked.request());
        let at = (&query.key, &place);
        let Shelf { entry, written_at } = table.find(rules, at, self.clock.now(), left).await;
        if let Some(at) = written_at {
            self.memory.written_elsewhere(place, at);
        }
        let entry = Arc::new(entry?);
        // A write of this environment may not have reached the table, and an answer not either.
        if self.memory.is_outdated(&place, &entry) || self.memory.has_newer(&query.key, &entry) {
            return None;
        }
        self.memory.keep(query.key, place, &entry);
        match self.look(query, false) {
            Look::Found(entry) => Some(entry),
            // It may be too large for the memory.
            Look::Old { .. } | Look::Nothing { .. } => query.takes(&entry, self.clock.now()).then_some(entry),
        }
    }

    fn ask<'a>(&self, query: Query<'a>, lead: Option<Lead>) -> Search<'a> {
        let (learned, stale, forward) = match self.look(&query, false) {
            // It has come in this moment.
            Look::Found(entry) => return Search::Found(self.given(&query, &entry, false)),
            Look::Old {
                learned,
                entry,
                forward,
            } => (learned, Some(entry), forward),
            Look::Nothing { learned, forward } => (learned, None, forward),
        };
        let Query { asked, key, .. } = query;
        let sent = asked.sent(learned);
        Search::Ask(Box::new(Errand {
            request: sent.request(asked.request()),
            asked,
            sent,
            key,
            place: Place::of(&self.settings, asked.request()),
            stale,
            lead,
            forward,
            requested_at: self.clock.now(),
            repeated: false,
        }))
    }

    fn given(&self, query: &Query<'_>, entry: &Entry, collapsed: bool) -> Given {
        Given::kept(&query.asked, entry, collapsed, self.clock.now())
    }
}

impl Query<'_> {
    /// Whether an answer is one to this request, and good enough.
    fn takes(&self, entry: &Entry, now: Timestamp) -> bool {
        let learned = entry.selection.names().cloned().collect();
        let sent = self.asked.sent(learned).headers(&self.asked.request().headers);
        entry.selection.fits(&sent) && self.demand.takes(entry, now)
    }
}

impl Look {
    fn nothing(learned: Vec<HeaderName>, forward: Forward) -> Self {
        Self::Nothing { learned, forward }
    }
}
