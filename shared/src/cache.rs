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
mod search;
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

use crate::clock::{Clock, Timestamp};
use crate::gateway::Seams;
use crate::look_up::LookUps;
use crate::request::Request;
use crate::template::{Source, Values};
use demand::is_about_now;
use entry::Entry;
pub(crate) use errand::{Errand, Kept};
use flights::Flights;
pub(crate) use freshness::ForOne;
pub use key::CacheKey;
use memory::Memory;
pub use rules::{CacheRules, CacheSettings, Tier};
pub(crate) use search::Search;
use sent::Sent;
pub use status::CacheOutcome;
use status::{Forward, Status, Ttl};
use table::Table;
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
    /// Which service it goes to: that of one share of a `split` may answer otherwise than that of another.
    pub(crate) service: Option<&'a str>,
    pub(crate) values: Values<'a>,
    /// What texts of the config name that have a part in the answer.
    pub(crate) sources: &'a [&'a Source],
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
}

impl<'a> Asked<'a> {
    fn request(&self) -> &'a Request {
        self.values.request
    }

    fn sent(&self, learned: Vec<HeaderName>) -> Sent<'a> {
        Sent {
            rules: self.rules,
            identity: self.values.identity,
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
        Self::of(asked, entry.response(&asked.request().method, now), status, outcome)
    }

    /// Of any answer: 304 where the client has it already.
    fn of(asked: &Asked<'_>, answer: Response<Bytes>, status: Status, outcome: CacheOutcome) -> Self {
        let request = asked.request();
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
