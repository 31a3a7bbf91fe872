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
mod times;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Method, Response};

use crate::auth::Identity;
use crate::clock::{Clock, Timestamp};
use crate::error::GatewayError;
use crate::request::Request;
use demand::{Demand, is_about_now};
pub(crate) use entry::Entry;
pub(crate) use errand::{Errand, Kept};
use flights::{Boarding, Flights, Landing, Lead, landed};
pub use key::CacheKey;
use key::Place;
use memory::Memory;
pub use rules::{CacheRules, CacheSettings, Tier};
use sent::Sent;
pub use status::CacheOutcome;
use status::{Forward, Status, Ttl};
pub(crate) use writes::is_safe;

/// The cache of a function environment.
#[derive(Debug)]
pub(crate) struct Cache {
    settings: CacheSettings,
    memory: Memory,
    flights: Flights,
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
    pub(crate) fn new(settings: CacheSettings, clock: Arc<dyn Clock>) -> Self {
        Self {
            memory: Memory::new(settings.memory),
            settings,
            flights: Flights::default(),
            clock,
        }
    }

    /// Looks for an answer to this request, and waits for one that is on its way, for as long as the request may wait.
    ///
    /// # Errors
    /// `NotCached`.
    pub(crate) async fn search<'a>(&self, asked: Asked<'a>, within: Duration) -> Result<Search<'a>, GatewayError> {
        let Asked {
            rules,
            route_id,
            request,
            identity,
        } = asked;
        let key = CacheKey::of(&self.settings, rules, route_id, request, identity);
        let demand = Demand::of(rules, &request.headers);
        let ends = tokio::time::Instant::now() + within;
        let mut collapsed = false;
        loop {
            let now = self.clock.now();
            let look = self.look(&asked, &key, &demand, now);
            if let Look::Found(entry) = look {
                return Ok(Search::Found(Given::kept(&asked, &entry, collapsed, now)));
            }
            if demand.only_if_cached {
                return Err(GatewayError::NotCached);
            }
            let errand =
                |lead: Option<Lead>, look: Look| Errand::new(asked, (key, self.place(request)), look, lead, now);
            if collapsed || request.method == Method::HEAD || demand.is_particular() {
                return Ok(Search::Ask(Box::new(errand(None, look))));
            }
            match self.flights.board(key) {
                Boarding::Lead(lead) => return Ok(Search::Ask(Box::new(errand(Some(lead), look)))),
                Boarding::Follow(landing) => {
                    let waited = tokio::time::timeout_at(ends, landed(landing)).await;
                    match waited.map_err(|_| GatewayError::DeadlineExceeded)? {
                        Some(Landing::Shared(entry)) => {
                            collapsed = true;
                            // It may be too large to be found.
                            let now = self.clock.now();
                            if fits(&asked, &entry) && demand.takes(&entry, now) {
                                return Ok(Search::Found(Given::kept(&asked, &entry, true, now)));
                            }
                        }
                        // Each for himself: they may all be different.
                        Some(Landing::Alone | Landing::Aloft) => collapsed = true,
                        None => {}
                    }
                }
            }
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
