//! The demo identity provider: an ES256 key made at start, its discovery documents, and tokens for whoever asks.
//!
//! It gives tokens to anybody on this machine, so nothing but this machine's gateway should believe it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use ring::digest::{SHA256, digest};
use ring::error::Unspecified;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Map, Value, json};
use tollgate::clock::{Clock, SystemClock, Timestamp};

use crate::args::{DEFAULT_AUDIENCE, parse_duration};
use crate::dev::server::{Answer, json_answer, message};
use crate::exit::Failure;

/// The largest form taken, in bytes.
const LARGEST_FORM: usize = 64 * 1024;
/// How long a token holds when nobody says otherwise.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(15 * 60);
/// Whom a token is for when nobody says otherwise.
const DEFAULT_SUBJECT: &str = "demo-user";

/// What a token is to say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TokenRequest {
    pub(crate) subject: String,
    pub(crate) audience: String,
    pub(crate) scope: Option<String>,
    pub(crate) lifetime: Duration,
    /// Further claims; they win over all others, so that wrong tokens are easy to make.
    pub(crate) claims: Map<String, Value>,
}

impl Default for TokenRequest {
    fn default() -> Self {
        Self {
            subject: DEFAULT_SUBJECT.to_owned(),
            audience: DEFAULT_AUDIENCE.to_owned(),
            scope: None,
            lifetime: DEFAULT_LIFETIME,
            claims: Map::new(),
        }
    }
}

/// One issuer with one key.
#[derive(Debug)]
pub(crate) struct IdentityProvider {
    issuer: String,
    key: EcdsaKeyPair,
    key_id: String,
}

impl IdentityProvider {
    /// A new key for the issuer at this address.
    pub(crate) fn new(address: SocketAddr) -> Result<Self, Failure> {
        // A name for every address (0.0.0.0) is no place to go to.
        let host = if address.ip().is_unspecified() {
            "127.0.0.1".to_owned()
        } else {
            host(address)
        };
        let key = new_key().map_err(|why| Failure::internal(format!("cannot make a signing key: {why}")))?;
        // Any name will do that changes with the key, so that a restart is noticed.
        let key_id = URL_SAFE_NO_PAD.encode(&digest(&SHA256, key.public_key().as_ref()).as_ref()[..12]);
        Ok(Self {
            issuer: format!("http://{host}:{}", address.port()),
            key,
            key_id,
        })
    }

    /// Its URL, which is what tokens call their issuer.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// A signed token (RFC 7519, RFC 7515 compact form).
    pub(crate) fn token(&self, request: &TokenRequest, now: Timestamp) -> Result<String, Unspecified> {
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": self.key_id });
        let mut claims = json!({
            "iss": self.issuer,
            "sub": request.subject,
            "aud": request.audience,
            "iat": now.secs(),
            "exp": now.plus(request.lifetime).secs(),
        });
        if let Some(scope) = &request.scope {
            claims["scope"] = scope.as_str().into();
        }
        for (name, value) in &request.claims {
            claims[name.as_str()] = value.clone();
        }
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Answers one request.
    pub(crate) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/.well-known/openid-configuration") => json_answer(StatusCode::OK, &self.discovery()),
            (&Method::GET, "/.well-known/jwks.json") => json_answer(StatusCode::OK, &self.key_set()),
            (&Method::POST, "/token") => self.token_answer(request.into_body()).await,
            (_, "/token") => message(StatusCode::METHOD_NOT_ALLOWED, "POST a form here."),
            _ => message(
                StatusCode::NOT_FOUND,
                "This is the demo identity provider: POST a form to /token.",
            ),
        }
    }

    /// OpenID Connect Discovery 1.0, as far as it goes here.
    fn discovery(&self) -> Value {
        json!({
            "issuer": self.issuer,
            "jwks_uri": format!("{}/.well-known/jwks.json", self.issuer),
            "token_endpoint": format!("{}/token", self.issuer),
            "id_token_signing_alg_values_supported": ["ES256"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
        })
    }

    /// A JWK set (RFC 7517, RFC 7518 section 6.2).
    fn key_set(&self) -> Value {
        // An uncompressed point: 4, then both coordinates of 32 bytes (SEC 1 section 2.3.3).
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        json!({ "keys": [{
            "kty": "EC",
            "crv": "P-256",
            "alg": "ES256",
            "use": "sig",
            "kid": self.key_id,
            "x": URL_SAFE_NO_PAD.encode(x),
            "y": URL_SAFE_NO_PAD.encode(y),
        }] })
    }

    async fn token_answer(&self, body: Incoming) -> Answer {
        let Ok(form) = Limited::new(body, LARGEST_FORM).collect().await else {
            return invalid_request("the form is too large or broke off");
        };
        let request = match TokenRequest::read(&form.to_bytes()) {
            Ok(request) => request,
            Err(why) => return invalid_request(&why),
        };
        match self.token(&request, SystemClock.now()) {
            Ok(token) => json_answer(
                StatusCode::OK,
                &json!({ "access_token": token, "token_type": "Bearer", "expires_in": request.lifetime.as_secs() }),
            ),
            Err(Unspecified) => message(StatusCode::INTERNAL_SERVER_ERROR, "Signing failed."),
        }
    }
}

impl TokenRequest {
    /// From a form: `sub`, `audience`, `scope`, `expires`, `claim.<name>`. The error is ready to be shown.
    fn read(form: &[u8]) -> Result<Self, String> {
        let mut request = Self::default();
        for (name, value) in form_urlencoded::parse(form) {
            match name.as_ref() {
                "sub" => request.subject = value.into_owned(),
                "audience" => request.audience = value.into_owned(),
                "scope" => request.scope = Some(value.into_owned()),
                "expires" => request.lifetime = parse_duration(&value).map_err(|why| format!("expires: {why}"))?,
                // OAuth clients send it; there is but one way to get a token here.
                "grant_type" => {}
                name => {
                    let claim = name.strip_prefix("claim.").filter(|claim| !claim.is_empty());
                    let claim = claim
                        .ok_or_else(|| format!("{name:?} is none of sub, audience, scope, expires, claim.<name>"))?;
                    request.claims.insert(claim.to_owned(), claim_value(&value));
                }
            }
        }
        Ok(request)
    }
}

/// What is JSON counts as JSON, everything else as a string.
pub(crate) fn claim_value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn host(address: SocketAddr) -> String {
    if address.is_ipv6() {
        format!("[{}]", address.ip())
    } else {
        address.ip().to_string()
    }
}

fn new_key() -> Result<EcdsaKeyPair, String> {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
    let document = document.map_err(|_| "the system has no randomness".to_owned())?;
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random)
        .map_err(|error| error.to_string())
}

/// RFC 6749 section 5.2.
fn invalid_request(why: &str) -> Answer {
    json_answer(
        StatusCode::BAD_REQUEST,
        &json!({ "error": "invalid_request", "error_description": why }),
    )
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    fn provider() -> IdentityProvider {
        IdentityProvider::new("127.0.0.1:9003".parse().unwrap()).unwrap()
    }

    fn part(token: &str, index: usize) -> Value {
        let part = token.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn a_token_says_what_was_asked() {
        let provider = provider();
        let request = TokenRequest::read(b"sub=ann&scope=a+b&expires=1h&claim.role=admin&claim.level=3").unwrap();
        let token = provider.token(&request, Timestamp::from_secs(1_000)).unwrap();
        assert_eq!(
            part(&token, 0),
            json!({ "alg": "ES256", "typ": "JWT", "kid": provider.key_id })
        );
        let expected = json!({
            "iss": "http://127.0.0.1:9003", "sub": "ann", "aud": "store", "scope": "a b", "iat": 1_000, "exp": 4_600,
            "role": "admin", "level": 3,
        });
        assert_eq!(part(&token, 1), expected);
    }

    #[test]
    fn the_published_key_verifies_it() {
        let provider = provider();
        let token = provider
            .token(&TokenRequest::default(), Timestamp::from_secs(0))
            .unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let key = &provider.key_set()["keys"][0];
        let mut point = vec![4];
        for coordinate in ["x", "y"] {
            point.extend(URL_SAFE_NO_PAD.decode(key[coordinate].as_str().unwrap()).unwrap());
        }
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
            .unwrap();
        assert!(
            key.verify(b"something else", &URL_SAFE_NO_PAD.decode(signature).unwrap())
                .is_err()
        );
    }

    #[test]
    fn a_claim_wins_so_that_wrong_tokens_can_be_made() {
        let request = TokenRequest::read(b"claim.aud=elsewhere&claim.exp=1").unwrap();
        let token = provider().token(&request, Timestamp::from_secs(1_000)).unwrap();
        assert_eq!(part(&token, 1)["aud"], "elsewhere");
        assert_eq!(part(&token, 1)["exp"], 1);
    }

    #[test]
    fn forms_that_are_wrong_say_why() {
        insta::assert_snapshot!(TokenRequest::read(b"expires=soon").unwrap_err(),
            @r#"expires: "soon" is no duration; write a whole number and ms, s, m, h or d, such as 30s"#);
        insta::assert_snapshot!(TokenRequest::read(b"sub=a&claim.=b").unwrap_err(),
            @r#""claim." is none of sub, audience, scope, expires, claim.<name>"#);
        assert_eq!(
            TokenRequest::read(b"grant_type=client_credentials"),
            Ok(TokenRequest::default())
        );
    }

    #[test]
    fn the_issuer_is_where_it_can_be_reached() {
        for (address, issuer) in [
            ("127.0.0.1:1", "http://127.0.0.1:1"),
            ("0.0.0.0:1", "http://127.0.0.1:1"),
            ("[::1]:1", "http://[::1]:1"),
        ] {
            assert_eq!(
                IdentityProvider::new(address.parse().unwrap()).unwrap().issuer(),
                issuer
            );
        }
    }

    #[test]
    fn every_start_has_its_own_key() {
        assert_ne!(provider().key_id, provider().key_id);
    }
}
