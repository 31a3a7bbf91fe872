//! Answers that are kept for others: a shared cache (RFC 9111) between the limits and the service.
//!
//! Who may have an answer is decided first: by its key (`key`), which holds all that the service is told of a request
//! (`sent`). How long is read of the answer (`freshness`). It is kept in the memory of the environment (`memory`), and where
//! the config says so in the state table (`table`); requests that miss together ask once (`flights`).

mod conditions;
mod demand;
mod directives;
mod entry;
mod errand;
mod flights;
mod freshness;
mod key;
mod memory;
mod rules;
mod selection;
mod sent;
mod status;
mod table;
mod times;
mod wire;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Method, Response};
use tokio::time::Instant;

use crate::auth::Identity;
use crate::clock::{Clock, Timestamp};
use crate::error::GatewayError;
use crate::gateway::Seams;
use crate::look_up::LookUps;
use crate::request::Request;
use demand::{Demand, is_about_now};
pub(crate) use entry::Entry;
pub(crate) use errand::{Errand, Kept};
use flights::{Boarding, Flights, Landing, landed};
pub use key::CacheKey;
use key::Place;
use memory::Memory;
pub use rules::{CacheRules, CacheSettings, Tier};
use sent::Sent;
pub use status::CacheOutcome;
use status::{Forward, Status, Ttl};
use table::{Shelf, Table};
pub(crate) use writes::is_safe;

/// The cache of a function environment.
#[derive(Debug)]
pub(crate) struct Cache {
    settings: CacheSettings,
    memory: Memory,
    flights: Flights,
    /// `None` where no route uses it.
    table: Option<Table>,
    clock: Arc<dyn Clock>,
}

/// A request to a route whose answers are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) rules: &'a CacheRules,
    pub(crate) route_id: &'a str,
    pub(crate) request: &'a Request,
    pub(crate) identity: Option<&'a Identity>,
}

/// An answer, and what the cache had to do with it.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) answer: Response<Bytes>,
    pub(crate) outcome: CacheOutcome,
}

/// Why the cache has no part in a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passed(Forward);

/// What a search came to.
pub(crate) enum Search<'a> {
    Found(Given),
    /// The service has to be asked.
    Ask(Box<Errand<'a>>),
}

impl Cache {
    /// For routes that keep answers; `look_ups` are those of the state table.
    pub(crate) fn new(settings: CacheSettings, seams: &Seams, look_ups: &LookUps) -> Self {
        let patterns = settings.table_paths.clone();
        let table = || Table::new(Arc::clone(&seams.store), look_ups.clone(), patterns.clone());
        Self {
            memory: Memory::new(settings.memory),
            flights: Flights::default(),
            table: (!patterns.is_empty()).then(table),
            settings,
            clock: Arc::clone(&seams.clock),
        }
    }

    /// Looks for an answer to this request, and waits for one that is on its way, for as long as the request may wait.
    ///
    /// # Errors
    /// `NotCached`; `DeadlineExceeded` where it has waited for as long as it may.
    pub(crate) async fn search<'a>(&self, asked: Asked<'a>, within: Duration) -> Result<Search<'a>, GatewayError> {
        let Asked {
            rules,
            route_id,
            request,
            identity,
        } = asked;
        let key = CacheKey::of(&self.settings, rules, route_id, request, identity);
        let demand = Demand::of(rules, &request.headers);
        let ends = Instant::now() + within;
        let mut collapsed = false;
        let (mut look, lead) = loop {
            let now = self.clock.now();
            let look = self.look(&asked, &key, &demand, now);
            if let Look::Found(entry) = look {
                return Ok(Search::Found(Given::kept(&asked, &entry, collapsed, now)));
            }
            if collapsed || request.method == Method::HEAD || demand.asks_for_itself() {
                break (look, None);
            }
            match self.flights.board(key) {
                Boarding::Lead(lead) => break (look, Some(lead)),
                Boarding::Follow(landing) => {
                    let waited = tokio::time::timeout_at(ends, landed(landing)).await;
                    let Some(landing) = waited.map_err(|_| GatewayError::DeadlineExceeded)? else {
                        continue;
                    };
                    // Who does not get it goes alone: what others get may be different for each.
                    collapsed = true;
                    let now = self.clock.now();
                    // It may be too large to be found.
                    if let Landing::Shared(entry) = landing
                        && fits(&asked, &entry)
                        && demand.takes(&entry, now)
                    {
                        return Ok(Search::Found(Given::kept(&asked, &entry, true, now)));
                    }
                }
            }
        };
        let place = self.place(request);
        if let Some(table) = self.table.as_ref().filter(|_| rules.tier == Tier::Table && !collapsed) {
            let left = ends.saturating_duration_since(Instant::now());
            let shelf = table.find(rules, (&key, &place), self.clock.now(), left).await;
            look = self.look_again(&asked, (&key, place), &demand, look, shelf);
        }
        let now = self.clock.now();
        if let Look::Found(entry) = look {
            if let Some(lead) = lead {
                lead.land(Landing::Shared(Arc::clone(&entry)));
            }
            return Ok(Search::Found(Given::kept(&asked, &entry, false, now)));
        }
        if demand.only_if_cached {
            return Err(GatewayError::NotCached);
        }
        Ok(Search::Ask(Box::new(Errand::new(asked, (key, place), look, lead, now))))
    }

    /// What the memory has together with what the table had.
    fn look_again(
        &self,
        asked: &Asked<'_>,
        (key, place): (&CacheKey, Place),
        demand: &Demand,
        look: Look,
        shelf: Shelf,
    ) -> Look {
        if let Some(at) = shelf.written_at {
            self.memory.written_elsewhere(place, at);
        }
        let now = self.clock.now();
        let Some(entry) = shelf.entry.map(Arc::new) else {
            return match shelf.written_at {
                Some(_) => self.look(asked, key, demand, now),
                None => look,
            };
        };
        if self.memory.keep(*key, place, &entry) {
            return self.look(asked, key, demand, now);
        }
        match fits(asked, &entry) && demand.takes(&entry, now) {
            true => Look::Found(entry),
            false => look,
        }
    }

    /// What the memory has.
    fn look(&self, asked: &Asked<'_>, key: &CacheKey, demand: &Demand, now: Timestamp) -> Look {
        let Some(slot) = self.memory.get(key) else {
            let forward = Forward::Miss;
            return Look::Nothing {
                learned: Vec::new(),
                forward,
            };
        };
        let learned = slot.learned();
        let sent = asked.sent(learned.clone()).headers(&asked.request.headers);
        let Some(entry) = slot.fitting(&sent) else {
            let forward = Forward::VaryMiss;
            return Look::Nothing { learned, forward };
        };
        let entry = Arc::clone(entry);
        if demand.takes(&entry, now) {
            return Look::Found(entry);
        }
        let is_fresh = entry.is_fresh(now);
        let shown = !is_fresh && !demand.is_particular() && entry.may_be_shown_once_more(now);
        if shown && (self.flights.is_aloft(key) || entry.gives_stale_first()) {
            return Look::Found(entry);
        }
        let forward = if is_fresh { Forward::Request } else { Forward::Stale };
        Look::Old {
            learned,
            entry,
            forward,
        }
    }

    fn place(&self, request: &Request) -> Place {
        Place::of(&self.settings, request)
    }
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

/// Whether an answer that another request got is one to this request.
fn fits(asked: &Asked<'_>, entry: &Entry) -> bool {
    let learned = entry.selection.names().cloned().collect();
    entry
        .selection
        .fits(&asked.sent(learned).headers(&asked.request.headers))
}

impl<'a> Asked<'a> {
    fn sent(&self, learned: Vec<HeaderName>) -> Sent<'a> {
        Sent {
            rules: self.rules,
            identity: self.identity,
            learned,
        }
    }
}

impl Given {
    /// Of an answer that was kept; `collapsed`: only since the request waits for it.
    fn kept(asked: &Asked<'_>, entry: &Entry, collapsed: bool, now: Timestamp) -> Self {
        let is_fresh = !entry.fresh_for(now).is_zero();
        let status = Status {
            forward: collapsed.then_some(Forward::Miss),
            collapsed,
            ttl: Some(ttl(entry, now)),
            ..Status::default()
        };
        let outcome = if is_fresh {
            CacheOutcome::Hit
        } else {
            CacheOutcome::Stale
        };
        Self::of(asked, entry.response(&asked.request.method, now), status, outcome)
    }

    /// Of any answer: 304 where the client has it already.
    fn of(asked: &Asked<'_>, answer: Response<Bytes>, status: Status, outcome: CacheOutcome) -> Self {
        let Asked { request, .. } = asked;
        let mut answer = conditions::answered(&request.method, &request.headers, answer);
        status.stamp(answer.headers_mut());
        Self { answer, outcome }
    }
}

impl Passed {
    /// Whether and why it has none.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return Some(Self(Forward::Method));
        }
        (!request.body.is_empty() || is_about_now(&request.headers)).then_some(Self(Forward::Bypass))
    }

    /// Says so on the answer.
    pub(crate) fn given(self, mut answer: Response<Bytes>) -> Given {
        let status = Status {
            forward: Some(self.0),
            ..Status::default()
        };
        status.stamp(answer.headers_mut());
        Given {
            answer,
            outcome: CacheOutcome::Bypass,
        }
    }
}

fn ttl(entry: &Entry, now: Timestamp) -> Ttl {
    match entry.fresh_for(now) {
        Duration::ZERO => Ttl::Stale(entry.stale_for(now)),
        left => Ttl::Fresh(left),
    }
}
