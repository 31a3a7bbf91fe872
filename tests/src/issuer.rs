//! An identity provider's key set, with behaviour that a test switches while it runs.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::journal::Journal;
use crate::server::{Outgoing, Server, reply};
use crate::token::{Key, Token, seconds_from_now};

/// How the key set is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// With the keys.
    Well,
    /// The connection closes without an answer.
    Down,
    /// Status 500.
    Failing,
    /// Never.
    Silent,
    /// A login page.
    NotJson,
    /// A key set without keys.
    Empty,
}

/// The issuer double.
#[derive(Debug)]
pub struct Issuer {
    server: Server,
    state: Arc<Mutex<State>>,
    fetches: Arc<Journal<()>>,
    keys: Keys,
}

#[derive(Debug)]
struct State {
    mood: Mood,
    jwks: Value,
}

/// The keys it signs with.
#[derive(Debug)]
pub struct Keys {
    /// For ES256; the one that [`Issuer::sign`] uses.
    pub es256: Key,
    /// For EdDSA.
    pub eddsa: Key,
    /// For RS256.
    pub rs256: Key,
}

impl Issuer {
    /// The issuer that the base document names.
    pub const NAME: &str = "https://auth.example.com";
    /// The audience that the base document names.
    pub const AUDIENCE: &str = "api.example.com";

    /// With a key of each algorithm, well.
    pub async fn start() -> Self {
        let keys = Keys {
            es256: Key::es256("ec-1"),
            eddsa: Key::eddsa("ed-1"),
            rs256: Key::rs256("rsa-1"),
        };
        let jwks = key_set(&[&keys.es256, &keys.eddsa, &keys.rs256]);
        let state = Arc::new(Mutex::new(State { mood: Mood::Well, jwks }));
        let fetches: Arc<Journal<()>> = Arc::default();
        let (shared, journal) = (Arc::clone(&state), Arc::clone(&fetches));
        let server = Server::start(move |_| {
            journal.push(());
            let (mood, jwks) = {
                let state = shared.lock().unwrap();
                (state.mood, state.jwks.to_string())
            };
            answer(mood, jwks)
        });
        Self {
            server: server.await,
            state,
            fetches,
            keys,
        }
    }

    /// `jwks_uri`.
    pub fn jwks_uri(&self) -> String {
        format!("{}/.well-known/jwks.json", self.server.url())
    }

    /// Its signing keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// From now on it answers so.
    pub fn becomes(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    /// From now on its key set holds these, word for word.
    pub fn publishes_jwks(&self, jwks: &[Value]) {
        self.state.lock().unwrap().jwks = json!({ "keys": jwks });
    }

    /// From now on its key set holds these.
    pub fn publishes(&self, keys: &[&Key]) {
        self.state.lock().unwrap().jwks = key_set(keys);
    }

    /// How often the key set was asked for.
    pub fn fetches(&self) -> usize {
        self.fetches.len()
    }

    /// A token that holds, for this subject; change it before signing to break it.
    pub fn token(&self, subject: &str) -> Token {
        Token::with(json!({
            "iss": Self::NAME, "aud": Self::AUDIENCE, "sub": subject,
            "iat": seconds_from_now(0), "exp": seconds_from_now(600),
        }))
    }

    /// A good token for this subject, signed.
    pub fn sign(&self, subject: &str) -> String {
        self.token(subject).sign(&self.keys.es256)
    }
}

async fn answer(mood: Mood, jwks: String) -> Outgoing {
    match mood {
        Mood::Well => reply(200, "application/json", jwks),
        Mood::Down => None,
        Mood::Failing => reply(500, "text/plain", "out of order"),
        Mood::Silent => std::future::pending().await,
        Mood::NotJson => reply(200, "text/html", "<h1>Log in</h1>"),
        Mood::Empty => reply(200, "application/json", r#"{"keys":[]}"#),
    }
}

fn key_set(keys: &[&Key]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::get;

    #[tokio::test]
    async fn answers_as_its_mood_is() {
        let issuer = Issuer::start().await;
        let ask = || async { get("/.well-known/jwks.json").send(issuer.server.address()).await };
        assert_eq!(ask().await.unwrap().json()["keys"].as_array().unwrap().len(), 3);
        issuer.publishes(&[&issuer.keys().eddsa]);
        assert_eq!(ask().await.unwrap().json()["keys"][0]["kid"], "ed-1");
        issuer.becomes(Mood::Failing);
        assert_eq!(ask().await.unwrap().status, 500);
        issuer.becomes(Mood::Down);
        assert!(ask().await.is_err());
        assert_eq!(issuer.fetches(), 4);
    }
}
