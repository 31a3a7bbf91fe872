//! `type: api_key`: a key that was given to whoever calls, kept hashed in the config table.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use http::header::AUTHORIZATION;

use super::refusal::{AuthSource, RETRY_AFTER, Refusal};
use super::{bearer, carriers};
use crate::api_key::{self, ApiKey, ApiKeyRecord};
use crate::clock::{Clock, Timestamp};
use crate::gateway::Seams;
use crate::look_up::LookUps;
use crate::recent::{OVERHEAD, Recent};
use crate::request::Request;
use crate::store::Store;

#[cfg(test)]
mod tests;

/// Where a key may stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRules {
    /// The header. `Authorization` has it behind `Bearer`.
    pub header: HeaderName,
    /// The header as the config spells it.
    pub header_as_written: String,
    /// The query parameter, where there may be one.
    pub query: Option<String>,
}

/// Verifies keys. What it remembers of them outlives requests.
#[derive(Debug)]
pub(super) struct ApiKeyVerifier {
    rules: Arc<ApiKeyRules>,
    recent: Recent<String, Arc<ApiKeyRecord>>,
    look_ups: LookUps,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl ApiKeyRules {
    /// Whether the key comes as a bearer token.
    pub(super) fn is_bearer(&self) -> bool {
        self.header == AUTHORIZATION
    }
}

impl ApiKeyVerifier {
    /// Reads nothing yet. `look_ups` are those of the config table.
    pub(super) fn new(rules: Arc<ApiKeyRules>, seams: &Seams, look_ups: &LookUps) -> Self {
        Self {
            rules,
            recent: Recent::default(),
            look_ups: look_ups.clone(),
            store: Arc::clone(&seams.store),
            clock: Arc::clone(&seams.clock),
        }
    }

    /// Whether a key, or what should be one, stands in one of the places.
    pub(super) fn is_presented(&self, request: &Request) -> bool {
        let in_query = |name: &String| carriers::parameters(&request.query, name).next().is_some();
        request.headers.contains_key(&self.rules.header) || self.rules.query.as_ref().is_some_and(in_query)
    }

    /// Whose key it is. One whose form or checksum is wrong costs no read. `budget` bounds one.
    pub(super) async fn verify(&self, request: &Request, budget: Duration) -> Result<Arc<ApiKeyRecord>, Refusal> {
        let key = self.presented(request)?;
        let last = self.recent.last(&key.id().to_owned());
        let now = self.clock.now();
        if let Some(last) = last.filter(|last| last.may_admit(now)) {
            let may_refuse = last.may_refuse(now);
            match verified(&key, last.record, now) {
                Err(why) if may_refuse => return Err(why),
                // It may have been made or rotated since.
                Err(_) => {}
                Ok(record) => return Ok(record),
            }
        }
        let read = self.look_ups.make(budget, self.store.api_key(key.id())).await;
        let record = read.map_err(|error| Refusal::Unavailable {
            key: "",
            what: AuthSource::ApiKeys,
            why: error.to_string(),
            retry_after: RETRY_AFTER,
        })?;
        let scopes = record.iter().flat_map(|record| &record.scopes);
        let weight = OVERHEAD + scopes.map(|scope| OVERHEAD + scope.len()).sum::<usize>();
        let record = record.map(Arc::new);
        self.recent.note(key.id().to_owned(), record.clone(), now, weight);
        verified(&key, record, now)
    }

    /// The one key of the request.
    fn presented(&self, request: &Request) -> Result<ApiKey, Refusal> {
        let in_header = match self.rules.is_bearer() {
            true => bearer::token(&request.headers).map_err(Refusal::invalid)?,
            false => {
                carriers::header(&request.headers, &self.rules.header).map_err(|why| Refusal::of("header", why))?
            }
        };
        let name = self.rules.query.as_deref().unwrap_or_default();
        let mut in_query = carriers::parameters(&request.query, name).filter(|_| self.rules.query.is_some());
        let text = match (in_header, in_query.next(), in_query.next()) {
            (Some(text), None, None) => text.into(),
            (None, Some(text), None) => text,
            (None, None, _) => return Err(Refusal::invalid("there is no key")),
            _ => return Err(Refusal::invalid("there is more than one key")),
        };
        ApiKey::parse(&text).map_err(refused)
    }
}

fn verified(key: &ApiKey, record: Option<Arc<ApiKeyRecord>>, now: Timestamp) -> Result<Arc<ApiKeyRecord>, Refusal> {
    key.verify(record.as_deref(), now).map_err(refused)?;
    record.ok_or_else(|| refused(api_key::Refusal::Unknown))
}

/// Whether a bearer token is meant to be a key, right or wrong.
pub(super) fn looks_like_one(token: &str) -> bool {
    token.starts_with(api_key::PREFIX)
}

fn refused(why: api_key::Refusal) -> Refusal {
    Refusal::invalid(why.to_string())
}
