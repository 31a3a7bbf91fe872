//! A request that goes to the service on the way of a search, and what becomes of its answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::VARY;
use http::{HeaderMap, HeaderName, Method, Response, StatusCode};

use super::entry::Entry;
use super::flights::{Landing, Lead};
use super::freshness::{Exchange, Freshness};
use super::key::{CacheKey, Place};
use super::selection::{Selection, may_be_learned, names};
use super::sent::Sent;
use super::status::{CacheOutcome, Forward, Status};
use super::{Asked, Cache, Given, Tier, ttl};
use crate::clock::Timestamp;
use crate::error::{Fault, GatewayError};
use crate::request::Request;
use crate::upstream::InsteadOf;

/// What is asked of the service, for one request or for all that wait.
pub(crate) struct Errand<'a> {
    /// As the service is to get it; no condition of the client's is in it.
    pub(crate) request: Request,
    pub(super) asked: Asked<'a>,
    pub(super) sent: Sent<'a>,
    pub(super) key: CacheKey,
    pub(super) place: Place,
    /// What is kept and has to be asked about.
    pub(super) stale: Option<Arc<Entry>>,
    pub(super) lead: Option<Lead>,
    pub(super) forward: Forward,
    pub(super) requested_at: Timestamp,
    /// Whether it was sent once, and then lacked headers that the answer depends on.
    pub(super) repeated: bool,
}

/// What became of an answer.
pub(crate) enum Kept<'a> {
    Given(Result<Given, GatewayError>),
    /// The service is asked once more: it says that it looks at headers of which it was not told, or that what was asked
    /// about has not changed, and names something else.
    Again(Box<Errand<'a>>),
}

impl<'a> Errand<'a> {
    /// The answer that is kept, where the service is only asked whether it has changed. One to a HEAD would say nothing
    /// of what is kept.
    pub(crate) fn in_doubt(&self) -> Option<Arc<Entry>> {
        let asks = self.asked.request().method == Method::GET;
        self.stale.clone().filter(|entry| asks && entry.has_validator())
    }

    /// Headers that the answer depends on, that the client sent and the service was not told; none where it was asked
    /// again for them.
    fn missed(&self, answer: &HeaderMap) -> Vec<HeaderName> {
        match self.repeated {
            true => Vec::new(),
            false => self.withheld(answer),
        }
    }

    fn withheld(&self, answer: &HeaderMap) -> Vec<HeaderName> {
        if !answer.contains_key(VARY) {
            return Vec::new();
        }
        let names = names(answer).unwrap_or_default();
        let withheld = names.into_iter().filter(|name| {
            may_be_learned(name) && !self.sent.has(name) && self.asked.request().headers.contains_key(name)
        });
        withheld.collect()
    }

    fn again(mut self, missed: Vec<HeaderName>) -> Self {
        self.sent.learned.extend(missed);
        self.request = self.sent.request(self.asked.request());
        // What is kept is for requests without these headers.
        self.stale = None;
        self.forward = Forward::VaryMiss;
        self.repeated = true;
        self
    }
}

impl Cache {
    /// Keeps an answer for others where they may have it, and says what the client gets. `is_for_all`: whether it is what
    /// the service said, as a whole.
    /// `within`: how long that may take.
    pub(crate) async fn keep<'a>(
        &self,
        mut errand: Box<Errand<'a>>,
        answer: Result<Response<Bytes>, GatewayError>,
        is_for_all: bool,
        within: Duration,
    ) -> Kept<'a> {
        let now = self.clock.now();
        if has_failed(&answer)
            && let Some(entry) = errand.stale.as_ref().filter(|entry| entry.may_stand_in(now))
        {
            let status = answer.as_ref().ok().map(Response::status);
            let given = Given::in_place(&errand.asked, entry, status, now);
            errand.land(Landing::Alone);
            return Kept::Given(Ok(given));
        }
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                errand.land(Landing::Alone);
                return Kept::Given(Err(error));
            }
        };
        if answer.status() == StatusCode::NOT_MODIFIED
            && let Some(entry) = errand.in_doubt()
        {
            if entry.is_confirmed_by(answer.headers()) {
                return Kept::Given(Ok(self
                    .confirmed(errand, &entry, (answer.headers(), is_for_all), within)
                    .await));
            }
            self.memory.forget(&errand.key, &entry);
            errand.stale = None;
            errand.request = errand.sent.request(errand.asked.request());
            return Kept::Again(errand);
        }
        let missed = errand.missed(answer.headers());
        if !missed.is_empty() {
            return Kept::Again(Box::new(errand.again(missed)));
        }
        let answer = Fetched {
            answer,
            is_for_all,
            said: None,
        };
        Kept::Given(Ok(self.fetched(errand, answer, within).await))
    }

    /// After a 304.
    async fn confirmed(
        &self,
        errand: Box<Errand<'_>>,
        entry: &Entry,
        (not_modified, is_for_all): (&HeaderMap, bool),
        within: Duration,
    ) -> Given {
        let mut answer = Response::new(entry.body.clone());
        *answer.status_mut() = entry.status;
        *answer.headers_mut() = entry.freshened(not_modified);
        let answer = Fetched {
            answer,
            is_for_all,
            said: Some(StatusCode::NOT_MODIFIED),
        };
        self.fetched(errand, answer, within).await
    }

    /// What came, kept if it may be.
    async fn fetched(&self, mut errand: Box<Errand<'_>>, fetched: Fetched, within: Duration) -> Given {
        let Fetched {
            answer,
            is_for_all,
            said,
        } = fetched;
        let now = self.clock.now();
        let entry = errand.entry(&answer, now).filter(|_| is_for_all).map(Arc::new);
        // Whoever waits does not wait for a table.
        errand.land(entry.clone().map_or(Landing::Alone, Landing::Shared));
        let rules = errand.asked.rules;
        let small = entry.as_ref().filter(|entry| entry.body.len() <= rules.max_size);
        let stored = match small {
            Some(entry) => self.put_away(&errand, entry, within).await,
            None => false,
        };
        if !stored && let Some(before) = &errand.stale {
            self.memory.forget(&errand.key, before);
        }
        let status = Status {
            forward: Some(errand.forward),
            forward_status: said,
            stored,
            collapsed: false,
            ttl: small.filter(|_| stored).map(|entry| ttl(entry, now)),
        };
        let outcome = said.map_or(CacheOutcome::Miss, |_| CacheOutcome::Revalidated);
        Given::of(&errand.asked, answer, status, outcome)
    }

    async fn put_away(&self, errand: &Errand<'_>, entry: &Arc<Entry>, within: Duration) -> bool {
        let here = self.memory.keep(errand.key, errand.place, entry);
        match self.table.as_ref().filter(|_| errand.asked.rules.tier == Tier::Table) {
            Some(table) => table.keep(&errand.key, entry, within).await || here,
            None => here,
        }
    }
}

/// An answer of the service.
struct Fetched {
    answer: Response<Bytes>,
    /// Whether it is what the service said, as a whole.
    is_for_all: bool,
    /// The status by which it came, if not its own.
    said: Option<StatusCode>,
}

impl Errand<'_> {
    /// What is kept of an answer; `None` where it may not be.
    fn entry(&self, answer: &Response<Bytes>, now: Timestamp) -> Option<Entry> {
        if self.asked.request().method != Method::GET || !self.withheld(answer.headers()).is_empty() {
            return None;
        }
        let exchange = Exchange {
            requested_at: self.requested_at,
            received_at: now,
        };
        let sent = self.sent.headers(&self.asked.request().headers);
        let selection = Selection::of(answer.headers(), &sent)?;
        let keyed = |name: &HeaderName| self.sent.tells_apart(name) || selection.has(name);
        let head = (answer.status(), answer.headers());
        let request = &self.asked.request().headers;
        let freshness = Freshness::of(self.asked.rules, (request, &sent), keyed, head, exchange)?;
        // A copy of its own: the answer's bytes may be a part of something much larger.
        let body = Bytes::copy_from_slice(answer.body());
        let parts = (answer.status(), answer.headers().clone(), body);
        Some(Entry::new(parts, exchange, freshness, selection))
    }

    fn land(&mut self, landing: Landing) {
        if let Some(lead) = self.lead.take() {
            lead.land(landing);
        }
    }
}

impl Given {
    /// What is kept and no longer fresh, because the service fails.
    fn in_place(asked: &Asked<'_>, entry: &Entry, said: Option<StatusCode>, now: Timestamp) -> Self {
        let status = Status {
            forward: Some(Forward::Stale),
            forward_status: said,
            ttl: Some(ttl(entry, now)),
            ..Status::default()
        };
        Self::of(
            asked,
            entry.response(&asked.request().method, now),
            status,
            CacheOutcome::Stale,
        )
    }
}

/// Whether the service, or the way to it, failed (RFC 5861 section 4).
fn has_failed(answer: &Result<Response<Bytes>, GatewayError>) -> bool {
    match answer {
        Ok(answer) => {
            matches!(answer.status().as_u16(), 500 | 502 | 503 | 504)
                || answer.extensions().get::<InsteadOf>().is_some()
        }
        Err(GatewayError::DeadlineExceeded) => true,
        Err(error) => error.fault() == Fault::Upstream,
    }
}
