//! `type: introspection`: a token about which its authorization server is asked (RFC 7662).

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;
use tokio::time::Instant;
use url::{Url, form_urlencoded};

use super::ask::{ask, body, document};
use super::bearer::{self, MAX_TOKEN};
use super::claim_path::{Claims, json_length};
use super::location::shown;
use super::refusal::{AuthSource, RETRY_AFTER, Refusal};
use super::registered::{names_one_of, numeric_date, timestamp};
use super::token_hash::TokenHash;
use crate::clock::{Clock, Timestamp};
use crate::gateway::Seams;
use crate::generations::Generations;
use crate::lock::lock;
use crate::upstream::client::{CallError, HttpClient};

/// The longest that one request waits for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The largest answer read, in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// How many bytes of answers a generation remembers.
const GENERATION: usize = 512 * 1024;

/// Whom to ask, and as whom.
#[derive(Clone, Debug)]
pub struct IntrospectionRules {
    /// The introspection endpoint: https, or http to a loopback address.
    pub url: Url,
    /// The gateway's own name there.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// How it proves itself (RFC 6749 section 2.3.1).
    pub client_auth: ClientAuth,
    /// One of these must be in `aud`; empty: `aud` does not matter.
    pub audiences: Vec<String>,
    /// How long an answer is used without asking again; at most 60 s, and never past `exp`. Zero: not at all.
    pub cache: Duration,
    /// Whether the token itself goes upstream.
    pub forward_token: bool,
}

/// How the gateway proves itself to the endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// In `Authorization`, which every server must take.
    #[default]
    Basic,
    /// In the body.
    Post,
}

/// A text that no log shows.
#[derive(Clone)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Asks about tokens. What it was told outlives requests.
#[derive(Debug)]
pub(super) struct IntrospectionVerifier {
    rules: Arc<IntrospectionRules>,
    client: Arc<dyn HttpClient>,
    clock: Arc<dyn Clock>,
    told: Mutex<Generations<TokenHash, Told>>,
    /// When the endpoint last could not be reached, and why: nobody waits for it again within [`RETRY_AFTER`]. An answer
    /// of any kind is not waited for, so that no token, whatever it is answered, keeps others from being asked about.
    failed: Mutex<Option<(Timestamp, String)>>,
}

/// What the endpoint said of a token.
#[derive(Clone, Debug)]
struct Told {
    /// `None`: it is not active.
    claims: Option<Arc<Claims>>,
    at: Timestamp,
    /// `exp`, where the answer has one.
    expires: Option<Timestamp>,
}

impl Told {
    /// A clock that was set back makes no answer last longer.
    fn holds(&self, now: Timestamp, cache: Duration) -> bool {
        now.apart(self.at) < cache && self.expires.is_none_or(|expires| now < expires)
    }
}

impl IntrospectionVerifier {
    /// Asks nothing yet.
    pub(super) fn new(rules: Arc<IntrospectionRules>, seams: &Seams) -> Self {
        Self {
            rules,
            client: Arc::clone(&seams.upstreams),
            clock: Arc::clone(&seams.clock),
            told: Mutex::new(Generations::new(GENERATION)),
            failed: Mutex::default(),
        }
    }

    /// What the bearer token of these headers proves. `budget` bounds the question.
    pub(super) async fn verify(&self, headers: &HeaderMap, budget: Duration) -> Result<Arc<Claims>, Refusal> {
        let token = bearer::token(headers).map_err(Refusal::invalid)?;
        let token = token.ok_or_else(|| Refusal::invalid("there is no Authorization header"))?;
        if token.len() > MAX_TOKEN {
            return Err(Refusal::invalid(format!("the token is longer than {MAX_TOKEN} bytes")));
        }
        let hash = TokenHash::of(token);
        let now = self.clock.now();
        let told = lock(&self.told)
            .get(&hash)
            .filter(|told| told.holds(now, self.rules.cache));
        let claims = match told {
            Some(told) => told.claims,
            None => self.ask(token, hash, now, budget).await?,
        };
        claims.ok_or_else(|| Refusal::of("url", "the token is not active"))
    }

    async fn ask(
        &self,
        token: &str,
        hash: TokenHash,
        now: Timestamp,
        budget: Duration,
    ) -> Result<Option<Arc<Claims>>, Refusal> {
        self.refuse_soon_after_a_failure(now)?;
        let deadline = Instant::now() + budget.min(PATIENCE);
        let answer = match self.call(token, deadline).await {
            // A connection that was kept may have ended meanwhile; to ask twice changes nothing.
            Err(CallError::Broken(_)) => self.call(token, deadline).await,
            answer => answer,
        };
        let answer = answer.map_err(|error| self.note_failure(now, &error))?;
        let document = read(answer).map_err(|why| self.unavailable(&why))?;
        let claims = self.active(document, now)?;
        let (claims, expires) = claims.map_or((None, None), |(claims, expires)| (Some(Arc::new(claims)), expires));
        let told = Told {
            claims: claims.clone(),
            at: now,
            expires,
        };
        if told.holds(now, self.rules.cache) {
            let weight = token.len() + claims.as_deref().map_or(0, json_length);
            lock(&self.told).insert(hash, told, weight);
        }
        Ok(claims)
    }

    async fn call(&self, token: &str, deadline: Instant) -> Result<http::Response<Bytes>, CallError> {
        ask(&*self.client, self.question(token)?, MAX_BYTES, deadline).await
    }

    /// The request (section 2.1).
    fn question(&self, token: &str) -> Result<http::Request<Bytes>, CallError> {
        let IntrospectionRules {
            url,
            client_id,
            client_secret: Secret(secret),
            client_auth,
            ..
        } = &*self.rules;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("token", token)
            .append_pair("token_type_hint", "access_token");
        if *client_auth == ClientAuth::Post {
            form.append_pair("client_id", client_id)
                .append_pair("client_secret", secret);
        }
        let mut request = http::Request::post(url.as_str())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if *client_auth == ClientAuth::Basic {
            request = request.header(AUTHORIZATION, basic(client_id, secret));
        }
        let body = Bytes::from(form.finish());
        request
            .body(body)
            .map_err(|error| CallError::Connect(error.to_string()))
    }

    /// What an active token proves, and when it expires. The endpoint's word is checked for what it says itself: its
    /// times and whom it is for.
    fn active(&self, document: Claims, now: Timestamp) -> Result<Option<(Claims, Option<Timestamp>)>, Refusal> {
        match document.get("active") {
            Some(Value::Bool(true)) => {}
            Some(Value::Bool(false)) => return Ok(None),
            _ => return Err(self.unavailable("the answer does not say whether the token is active")),
        }
        let (expires, starts) = (date(&document, "exp")?, date(&document, "nbf")?);
        if expires.is_some_and(|expires| now >= expires) || starts.is_some_and(|starts| now < starts) {
            return Ok(None);
        }
        if !self.rules.audiences.is_empty() && !names_one_of(document.get("aud"), &self.rules.audiences) {
            let why = format!("aud names none of {:?}", self.rules.audiences);
            return Err(Refusal::of("audiences", why));
        }
        let mut claims = document;
        claims.remove("active");
        Ok(Some((claims, expires)))
    }

    fn refuse_soon_after_a_failure(&self, now: Timestamp) -> Result<(), Refusal> {
        match &*lock(&self.failed) {
            Some((at, why)) if now.apart(*at) < RETRY_AFTER => {
                Err(unavailable(why.clone(), RETRY_AFTER.saturating_sub(now.apart(*at))))
            }
            _ => Ok(()),
        }
    }

    fn note_failure(&self, now: Timestamp, error: &CallError) -> Refusal {
        let why = format!("{}: {error}", shown(&self.rules.url));
        *lock(&self.failed) = Some((now, why.clone()));
        unavailable(why, RETRY_AFTER)
    }

    /// An answer came, and nothing is known by it.
    fn unavailable(&self, why: &str) -> Refusal {
        unavailable(format!("{}: {why}", shown(&self.rules.url)), RETRY_AFTER)
    }
}

fn date(document: &Claims, name: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(value) = document.get(name) else {
        return Ok(None);
    };
    let micros = numeric_date(value).ok_or_else(|| Refusal::of("url", format!("{name} is not a number")))?;
    Ok(Some(timestamp(micros)))
}

fn unavailable(why: String, retry_after: Duration) -> Refusal {
    Refusal::Unavailable {
        key: "url",
        what: AuthSource::Introspection,
        why,
        retry_after,
    }
}

/// The answer's document. Whatever is wrong with it, nothing is known of the token: also a 401, which is about the
/// gateway's own credentials (section 2.3).
fn read(answer: http::Response<Bytes>) -> Result<Claims, String> {
    if answer.status() == StatusCode::UNAUTHORIZED {
        return Err("status 401: client_id and client_secret are not taken".to_owned());
    }
    Ok(document(&body(answer, MAX_BYTES)?)?)
}

/// RFC 6749 section 2.3.1: both are form-encoded first, so that a colon in the name does no harm.
fn basic(client_id: &str, secret: &str) -> HeaderValue {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(client_id), encoded(secret));
    let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)));
    let mut value = value.unwrap_or_else(|_| HeaderValue::from_static("Basic"));
    value.set_sensitive(true);
    value
}
