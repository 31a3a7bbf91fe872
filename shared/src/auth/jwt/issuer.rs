//! What an issuer publishes: its discovery document and its key set.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::header::ACCEPT;
use tokio::time::Instant;
use url::Url;

use super::{JwtRules, KeySource};
use crate::auth::ask::{ask, body, document};
use crate::auth::location::{shown, trusted};
use crate::clock::{Clock, Timestamp};
use crate::lock::lock;
use crate::upstream::client::HttpClient;

#[cfg(test)]
mod tests;

/// The largest document read, in bytes.
pub(super) const MAX_BYTES: usize = 1024 * 1024;
/// How long the address that a discovery document gave is used without reading it again, as long as it answers.
const DISCOVERY_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// An issuer, asked by HTTP.
#[derive(Debug)]
pub(super) struct Issuer {
    source: KeySource,
    /// What its discovery document must call it.
    name: String,
    client: Arc<dyn HttpClient>,
    clock: Arc<dyn Clock>,
    /// What the discovery document said last, and when.
    discovered: Mutex<Option<(Url, Timestamp)>>,
}

impl Issuer {
    pub(super) fn new(rules: &JwtRules, client: Arc<dyn HttpClient>, clock: Arc<dyn Clock>) -> Self {
        Self {
            source: rules.keys.clone(),
            name: rules.issuer.clone(),
            client,
            clock,
            discovered: Mutex::default(),
        }
    }

    /// The key of the method's section that says where the keys are.
    pub(super) fn config_key(&self) -> &'static str {
        self.source.config_key()
    }

    /// The address that the config gives: what the key set is called in logs and in the state table.
    pub(super) fn address(&self) -> &Url {
        match &self.source {
            KeySource::Jwks(url) | KeySource::Discovery(url) => url,
        }
    }

    /// The key set as it is sent. The error is for the log.
    pub(super) async fn key_set(&self, deadline: Instant) -> Result<Bytes, String> {
        let url = match &self.source {
            KeySource::Jwks(url) => url.clone(),
            KeySource::Discovery(url) => self.discover(url, deadline).await?,
        };
        let answer = self
            .get(&url, "application/jwk-set+json, application/json", deadline)
            .await;
        if answer.is_err() {
            // It may have moved: the next time the discovery document is read again.
            self.remember(None);
        }
        answer.map_err(|why| format!("no key set from {}: {why}", shown(&url)))
    }

    async fn discover(&self, url: &Url, deadline: Instant) -> Result<Url, String> {
        let known = lock(&self.discovered).clone();
        if let Some((url, at)) = known
            && self.clock.now().apart(at) < DISCOVERY_FOR
        {
            return Ok(url);
        }
        let answer = self.get(url, "application/json", deadline).await;
        let found = answer.and_then(|body| jwks_uri(&body, &self.name));
        let found = found.map_err(|why| format!("no jwks_uri from {}: {why}", shown(url)))?;
        self.remember(Some((found.clone(), self.clock.now())));
        Ok(found)
    }

    fn remember(&self, discovered: Option<(Url, Timestamp)>) {
        *lock(&self.discovered) = discovered;
    }

    async fn get(&self, url: &Url, accept: &str, deadline: Instant) -> Result<Bytes, String> {
        let request = http::Request::get(url.as_str())
            .header(ACCEPT, accept)
            .body(Bytes::new())
            .map_err(|error| error.to_string())?;
        let answer = ask(&*self.client, request, MAX_BYTES, deadline).await;
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.status().is_redirection() {
            return Err(format!(
                "status {}: redirects are not followed, the config must have the last address",
                answer.status().as_u16()
            ));
        }
        body(answer, MAX_BYTES)
    }
}

/// Where a discovery document says the keys are. It must be the document of this very issuer (section 4.3), and the
/// address one that a config might have.
fn jwks_uri(answer: &[u8], issuer: &str) -> Result<Url, String> {
    let document = document(answer)?;
    let text = |member: &str| document.get(member).and_then(serde_json::Value::as_str);
    if text("issuer") != Some(issuer) {
        return Err(format!("its issuer is not {issuer:?}"));
    }
    let address = text("jwks_uri").ok_or("it has no jwks_uri")?;
    let url = Url::parse(address).map_err(|_| "its jwks_uri is not a URL")?;
    trusted(&url).map_err(|why| format!("its jwks_uri {why}"))?;
    // Plain http is for an issuer on this machine: another one must not send us to what listens here.
    if url.scheme() == "http" && !issuer.starts_with("http:") {
        return Err("its jwks_uri is http, and the issuer is not on this machine".to_owned());
    }
    Ok(url)
}
