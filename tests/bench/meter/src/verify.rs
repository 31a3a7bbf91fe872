//! What proving a caller by a token costs by itself, without a request around it: the signature check as barely as it
//! can be done, and the gateway's whole verification, of new tokens and of one that it has seen.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use clap::ValueEnum;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tollgate::auth::Authenticator;
use tollgate::clock::SystemClock;
use tollgate::gateway::Seams;
use tollgate::request::Request;
use tollgate::upstream::client::{CallError, CallLimits, HttpClient};

use crate::event;
use crate::store::OneItem;
use crate::token::{AUDIENCE, Algorithm, ISSUER, Issuer};

/// What is done over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Check {
    /// `ring` alone, on a signature that is decoded already.
    Signature,
    /// All that the gateway does to prove a caller, by another token each time.
    New,
    /// The same, by a token that was verified before.
    Seen,
}

/// Tokens of one algorithm, with the key that verifies them.
#[derive(Deserialize, Serialize)]
pub(crate) struct TokenSet {
    algorithm: Algorithm,
    jwk: Value,
    /// Never empty.
    tokens: Vec<String>,
}

impl TokenSet {
    /// Enough to check so many new ones.
    pub(crate) fn sign(issuer: &Issuer, algorithm: Algorithm, new: u64) -> Result<Self, String> {
        // One more, by which the keys are fetched.
        let tokens = (0..=new).map(|id| issuer.token(algorithm, id));
        Ok(Self {
            algorithm,
            jwk: issuer.jwk(algorithm),
            tokens: tokens.collect::<Result<_, _>>()?,
        })
    }

    /// Into a file, for another process: signing there would be counted.
    pub(crate) fn write(&self, path: &Path) -> Result<(), String> {
        let file = File::create(path).map_err(|error| error.to_string());
        let written = file.and_then(|file| serde_json::to_writer(file, self).map_err(|error| error.to_string()));
        written.map_err(|error| format!("{}: {error}", path.display()))
    }

    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| error.to_string());
        let tokens = file.and_then(|file| serde_json::from_reader(file).map_err(|error| error.to_string()));
        tokens.map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Does one thing so many times. How long that took.
    pub(crate) fn check(&self, check: Check, times: usize) -> Result<Duration, String> {
        match check {
            Check::Signature => self.check_signature(times),
            Check::New => self.authenticate(times, |place| place + 1),
            Check::Seen => self.authenticate(times, |_| 0),
        }
    }

    fn check_signature(&self, times: usize) -> Result<Duration, String> {
        let (signed, signature) = self.tokens[0].rsplit_once('.').ok_or("a token without a signature")?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|error| error.to_string());
        let member = |name: &str| decode(self.jwk[name].as_str().unwrap_or_default());
        let (signed, signature) = (signed.as_bytes(), decode(signature)?);
        let holds: Box<dyn Fn() -> bool> = match self.algorithm {
            Algorithm::RS256 => {
                let (n, e) = (member("n")?, member("e")?);
                Box::new(move || {
                    let key = RsaPublicKeyComponents { n: &n, e: &e };
                    key.verify(&RSA_PKCS1_2048_8192_SHA256, signed, &signature).is_ok()
                })
            }
            Algorithm::ES256 => {
                let point = [vec![4], member("x")?, member("y")?].concat();
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
                Box::new(move || key.verify(signed, &signature).is_ok())
            }
            Algorithm::EdDSA => {
                let key = UnparsedPublicKey::new(&ED25519, member("x")?);
                Box::new(move || key.verify(signed, &signature).is_ok())
            }
        };
        let started = Instant::now();
        match (0..times).all(|_| holds()) {
            true => Ok(started.elapsed()),
            false => Err("a signature does not hold".into()),
        }
    }

    /// Presents a token so many times; `place` says which.
    fn authenticate(&self, times: usize, place: impl Fn(usize) -> usize) -> Result<Duration, String> {
        let requests = self.tokens.iter().map(|token| event::request(Some(token)));
        // All of them, however many are used: what is counted over another number of times has the same ahead of it.
        let requests = requests.collect::<Result<Vec<Request>, String>>()?;
        let config = tollgate::config::parse("bench.json", &config().to_string(), &|_| None);
        let config = config.map_err(|mistakes| mistakes.to_string())?.config;
        let route = config.routes.first().ok_or("no route")?;
        let issuer = Arc::new(KeyServer(json!({ "keys": [self.jwk] }).to_string().into()));
        let seams = Seams {
            clock: Arc::new(SystemClock),
            upstreams: Arc::clone(&issuer) as _,
            issuers: issuer,
            store: Arc::<OneItem>::default(),
        };
        let authenticator = Authenticator::new(config.auth, &seams);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.map_err(|error| error.to_string())?.block_on(async {
            let present = async |place: usize| {
                let request = requests.get(place).ok_or("there are not so many tokens")?;
                match authenticator.authenticate(route, request, BUDGET).await {
                    Ok(Some(_)) => Ok(()),
                    other => Err(format!("a token was refused: {other:?}")),
                }
            };
            present(0).await?;
            let started = Instant::now();
            for time in 0..times {
                present(place(time)).await?;
            }
            Ok(started.elapsed())
        })
    }
}

/// The least time that one takes, in µs.
pub(crate) fn least(issuer: &Issuer, algorithm: Algorithm, check: Check) -> Result<f64, String> {
    const TIMES: usize = 100;
    let tokens = TokenSet::sign(issuer, algorithm, TIMES as u64)?;
    let mut least = Duration::MAX;
    for _ in 0..20 {
        least = least.min(tokens.check(check, TIMES)?);
    }
    Ok(least.as_secs_f64() * 1e6 / TIMES as f64)
}

const BUDGET: Duration = Duration::from_secs(9);

fn config() -> Value {
    json!({
        "auth": {
            "type": "jwt",
            "jwks_uri": format!("{ISSUER}/jwks.json"),
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "algorithms": Algorithm::ALL,
        },
        "upstreams": { "users": { "url": "http://127.0.0.1" } },
        "routes": [{ "path": "/**", "upstream": "users" }],
    })
}

/// Answers with a key set.
#[derive(Debug)]
struct KeyServer(Bytes);

#[async_trait]
impl HttpClient for KeyServer {
    async fn send(&self, _: http::Request<Bytes>, _: CallLimits) -> Result<http::Response<Bytes>, CallError> {
        Ok(http::Response::new(self.0.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_of_every_algorithm_holds() {
        let issuer = Issuer::new().unwrap();
        for algorithm in Algorithm::ALL {
            let tokens = TokenSet::sign(&issuer, algorithm, 3).unwrap();
            for check in [Check::Signature, Check::New, Check::Seen] {
                tokens.check(check, 3).unwrap();
            }
            tokens.check(Check::New, 4).unwrap_err();
        }
    }

    #[test]
    fn a_token_with_another_key_is_no_figure() {
        let (one, other) = (Issuer::new().unwrap(), Issuer::new().unwrap());
        let mut tokens = TokenSet::sign(&one, Algorithm::EdDSA, 1).unwrap();
        tokens.jwk = other.jwk(Algorithm::EdDSA);
        for check in [Check::Signature, Check::New, Check::Seen] {
            tokens.check(check, 1).unwrap_err();
        }
    }
}
