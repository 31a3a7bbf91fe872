//! The keys of each type of method.

use std::time::Duration;

use jsonwebtoken::Algorithm;

use super::MethodType;
use crate::auth::ClientAuth;
use crate::auth::certificate::CertificateSource;
use crate::auth::platform::PlatformSource;
use crate::config::decode::{
    At, Choice, Decode, Field, List, Map, OneOf, Section, Slot, Text, fill_section, plain, sections,
};
use crate::config::report::Report;
use crate::config::tree::{Node, Place};

sections! {
    /// Tokens signed by one issuer.
    Jwt {
        /// jwt.
        (required) r#type: OneOf<MethodType>,
        /// Where the issuer's keys are: https, or http to a loopback address; default: where the issuer's discovery document
        /// says.
        jwks_uri: Text,
        /// What the claim iss must equal.
        (required) issuer: Text,
        /// One of these must be in the claim aud.
        (required) audiences: List<Text>,
        /// The signature algorithms that are taken; default all of them.
        algorithms: List<OneOf<Algorithm>>,
        /// How far clocks may differ for exp and nbf; default 60s.
        clock_skew: At<Duration>,
        /// Which claims become which request headers; default sub: X-User-Id, role: X-User-Role.
        claims_to_headers: Map<Text>,
        /// What typ in the token's header must be, such as at+jwt; default anything.
        typ: Text,
        /// How long keys may be used while the issuer cannot be reached; default 24h.
        max_stale: At<Duration>,
        /// Whether verified tokens are remembered until they expire; default true.
        token_cache: At<bool>,
        /// Whether the token itself goes upstream; default false.
        forward_token: At<bool>,
    }

    /// Keys that were given to callers.
    ApiKey {
        /// api_key.
        (required) r#type: OneOf<MethodType>,
        /// The header that has the key; default X-Api-Key. Authorization has it behind Bearer.
        header: Text,
        /// A query parameter that may have it instead; default none.
        query: Text,
        /// Which claims become which request headers; default sub: X-User-Id, role: X-User-Role.
        claims_to_headers: Map<Text>,
    }

    /// Tokens about which their authorization server is asked.
    Introspection {
        /// introspection.
        (required) r#type: OneOf<MethodType>,
        /// The endpoint: https, or http to a loopback address.
        (required) url: Text,
        /// The gateway's own name there.
        (required) client_id: Text,
        /// Its secret.
        (required) client_secret: Text,
        /// How it is sent: basic (default), or post for the body.
        client_auth: OneOf<ClientAuth>,
        /// One of these must be in aud; default aud does not matter.
        audiences: List<Text>,
        /// How long an answer is used without asking again; default and at most 60s.
        cache: At<Duration>,
        /// Which claims become which request headers; default sub: X-User-Id, role: X-User-Role.
        claims_to_headers: Map<Text>,
        /// Whether the token itself goes upstream; default false.
        forward_token: At<bool>,
    }

    /// Browsers that are logged in.
    SessionCookie {
        /// session_cookie.
        (required) r#type: OneOf<MethodType>,
        /// The cookie's name.
        (required) cookie: Text,
        /// The method of type jwt whose tokens the cookie holds; default: it holds the id of a session in the state table.
        jwt: Text,
        /// How long a session lasts without being used; default 30m.
        idle: At<Duration>,
        /// How long a session lasts at most; default 12h.
        absolute: At<Duration>,
        /// Other sites whose pages may change something, such as `https://app.example.com`.
        origins: List<Text>,
        /// Which claims become which request headers; default sub: X-User-Id, role: X-User-Role.
        claims_to_headers: Map<Text>,
    }

    /// Client certificates; mutual TLS ends at the front door.
    ClientCertificate {
        /// client_certificate.
        (required) r#type: OneOf<MethodType>,
        /// Whose word counts: api_gateway (a custom domain with mutual TLS), or alb_verify (a listener in verify mode).
        (required) from: OneOf<CertificateSource>,
        /// The subject must be one of these distinguished names (RFC 4514).
        subject: List<Text>,
        /// The issuer must be one of these distinguished names.
        issuer: List<Text>,
        /// One of these must be among the alternative names: DNS:..., URI:..., email:..., IP:...
        san: List<Text>,
        /// The serial number must be one of these, hexadecimal.
        serial: List<Text>,
        /// The serial number must be none of these.
        revoked_serials: List<Text>,
        /// Which claims become which request headers; default sub: X-User-Id, role: X-User-Role.
        claims_to_headers: Map<Text>,
    }

    /// What an authorizer of the front door's own says.
    Platform {
        /// platform.
        (required) r#type: OneOf<MethodType>,
        /// Whose word counts: iam, jwt (HTTP APIs), lambda, or cognito (REST APIs).
        (required) from: OneOf<PlatformSource>,
        /// Which claims become which request headers; default sub: X-User-Id, role: X-User-Role.
        claims_to_headers: Map<Text>,
    }
}

impl Choice for ClientAuth {
    const WORDS: &'static [(&'static str, Self)] = &[("basic", Self::Basic), ("post", Self::Post)];
}

impl Choice for Algorithm {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("RS256", Self::RS256),
        ("RS384", Self::RS384),
        ("RS512", Self::RS512),
        ("PS256", Self::PS256),
        ("PS384", Self::PS384),
        ("PS512", Self::PS512),
        ("ES256", Self::ES256),
        ("ES384", Self::ES384),
        ("EdDSA", Self::EdDSA),
    ];

    fn why_not(word: &str) -> Option<&'static str> {
        match word.to_ascii_uppercase().as_str() {
            "NONE" => Some("a token without a signature proves nothing"),
            "HS256" | "HS384" | "HS512" => {
                Some("it is symmetric: whoever can verify a token can also make one (take RS256, ES256 or EdDSA)")
            }
            _ => None,
        }
    }
}

impl Choice for CertificateSource {
    const WORDS: &'static [(&'static str, Self)] =
        &[("api_gateway", Self::ApiGateway), ("alb_verify", Self::AlbVerify)];

    fn why_not(word: &str) -> Option<&'static str> {
        match word {
            "alb_passthrough" | "alb" => {
                Some("nobody has looked at a certificate that is passed through: take alb_verify")
            }
            _ => None,
        }
    }
}

impl Choice for PlatformSource {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("iam", Self::Iam),
        ("jwt", Self::Jwt),
        ("lambda", Self::Lambda),
        ("cognito", Self::Cognito),
    ];
}
