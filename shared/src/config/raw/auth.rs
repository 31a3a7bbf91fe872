//! `auth`: the section, its methods, and what a route asks of its callers.

use std::num::NonZeroU32;
use std::time::Duration;

use jsonwebtoken::Algorithm;

use super::super::decode::{
    At, Choice, Decode, Field, List, Map, OneOf, Scalar, Section, Slot, Text, fill_section, plain, refuse, sections,
};
use super::super::report::Report;
use super::super::tree::{Node, Place, Value};
use crate::auth::ClientAuth;
use crate::auth::certificate::CertificateSource;
use crate::auth::platform::PlatformSource;

sections! {
    /// Several ways to prove who calls.
    NamedMethods {
        /// The methods, by name.
        (required) methods: Map<Method>,
        /// What routes ask for that say nothing themselves: the first of these methods whose credential is there decides.
        (required) default: List<Text>,
        ..common: Common
    }

    /// What holds for every method.
    Common {
        /// Public paths, patterns allowed.
        exclude_paths: List<Text>,
        /// Refused credentials per minute, environment and client address before 429; default 20.
        failures: At<NonZeroU32>,
    }

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
        /// Other sites whose pages may change something, such as https://app.example.com.
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

    /// A route's stance on credentials.
    AuthStance {
        /// Credentials are verified when present, and may be absent.
        optional: At<bool>,
        /// The first of these methods whose credential is there decides; default auth.default.
        any_of: List<Text>,
        /// Every one of these methods must hold.
        all_of: List<Text>,
        /// Scopes that the caller must have been granted: all of a list, or { any: [...] }.
        scopes: Scopes,
        /// What claims must be: a value, one of a list of values, or { present: true }.
        claims: Map<ClaimTest>,
    }

    /// Scopes of which one will do.
    AnyScope {
        /// One of these is enough.
        (required) any: List<Text>,
    }

    /// A claim whose value does not matter.
    Presence {
        /// true: the claim must be there. false: it must not.
        (required) present: At<bool>,
    }
}

/// `auth`.
#[derive(Debug)]
pub(in crate::config) enum Auth {
    /// The short form: one method, without a name.
    One(Box<OneMethod>),
    Named(NamedMethods),
}

impl Auth {
    pub(in crate::config) fn common(&self) -> &Common {
        match self {
            Self::One(one) => &one.common,
            Self::Named(named) => &named.common,
        }
    }
}

impl Decode for Auth {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        if member(&node, "methods", report).is_some() {
            return NamedMethods::decode(node, report).map(Self::Named);
        }
        let mut one = OneMethod {
            method: Method::beginning(&node, report)?,
            common: Common::empty(node.place),
        };
        fill_section(&mut one, node, report)?;
        Some(Self::One(Box::new(one)))
    }
}

/// The keys of a method and those of the section side by side.
#[derive(Debug)]
pub(in crate::config) struct OneMethod {
    pub(in crate::config) method: Method,
    pub(in crate::config) common: Common,
}

impl Section for OneMethod {
    fn keys(&self) -> Vec<&'static str> {
        [self.method.keys(), self.common.keys()].concat()
    }

    fn required(&self) -> &'static [&'static str] {
        self.method.required()
    }

    fn slot(&mut self, key: &str) -> Option<&mut dyn Slot> {
        match self.method.slot(key) {
            Some(slot) => Some(slot),
            None => self.common.slot(key),
        }
    }
}

/// A method: which keys it has depends on `type`.
#[derive(Debug)]
pub(in crate::config) enum Method {
    Jwt(Jwt),
    ApiKey(ApiKey),
    Introspection(Introspection),
    SessionCookie(SessionCookie),
    ClientCertificate(ClientCertificate),
    Platform(Platform),
}

impl Method {
    /// One of the type that the node names, with nothing in it yet. A type that is not known is reported, and nothing
    /// else about the method can be said; without any, it is taken for the most common one.
    fn beginning(node: &Node, report: &mut Report) -> Option<Self> {
        let method_type = match member(node, "type", report) {
            Some(given) => OneOf::decode(given.clone(), report)?.value,
            None => MethodType::Jwt,
        };
        Some(match method_type {
            MethodType::Jwt => Self::Jwt(Jwt::empty(node.place)),
            MethodType::ApiKey => Self::ApiKey(ApiKey::empty(node.place)),
            MethodType::Introspection => Self::Introspection(Introspection::empty(node.place)),
            MethodType::SessionCookie => Self::SessionCookie(SessionCookie::empty(node.place)),
            MethodType::ClientCertificate => Self::ClientCertificate(ClientCertificate::empty(node.place)),
            MethodType::Platform => Self::Platform(Platform::empty(node.place)),
        })
    }

    pub(in crate::config) fn place(&self) -> Place {
        match self {
            Self::Jwt(section) => section.place,
            Self::ApiKey(section) => section.place,
            Self::Introspection(section) => section.place,
            Self::SessionCookie(section) => section.place,
            Self::ClientCertificate(section) => section.place,
            Self::Platform(section) => section.place,
        }
    }

    pub(in crate::config) fn claims_to_headers(&self) -> &Field<Map<Text>> {
        match self {
            Self::Jwt(section) => &section.claims_to_headers,
            Self::ApiKey(section) => &section.claims_to_headers,
            Self::Introspection(section) => &section.claims_to_headers,
            Self::SessionCookie(section) => &section.claims_to_headers,
            Self::ClientCertificate(section) => &section.claims_to_headers,
            Self::Platform(section) => &section.claims_to_headers,
        }
    }

    fn section(&self) -> &dyn Section {
        match self {
            Self::Jwt(section) => section,
            Self::ApiKey(section) => section,
            Self::Introspection(section) => section,
            Self::SessionCookie(section) => section,
            Self::ClientCertificate(section) => section,
            Self::Platform(section) => section,
        }
    }
}

impl Section for Method {
    fn keys(&self) -> Vec<&'static str> {
        self.section().keys()
    }

    fn required(&self) -> &'static [&'static str] {
        self.section().required()
    }

    fn slot(&mut self, key: &str) -> Option<&mut dyn Slot> {
        match self {
            Self::Jwt(section) => section.slot(key),
            Self::ApiKey(section) => section.slot(key),
            Self::Introspection(section) => section.slot(key),
            Self::SessionCookie(section) => section.slot(key),
            Self::ClientCertificate(section) => section.slot(key),
            Self::Platform(section) => section.slot(key),
        }
    }
}

impl Decode for Method {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        let mut method = Self::beginning(&node, report)?;
        fill_section(&mut method, node, report)?;
        Some(method)
    }
}

fn member<'n>(node: &'n Node, key: &str, report: &Report) -> Option<&'n Node> {
    match &node.value {
        Value::Map(members) => members.iter().find(|member| report.key(member.place) == key),
        _ => None,
    }
}

/// `type` of a method.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) enum MethodType {
    Jwt,
    ApiKey,
    Introspection,
    SessionCookie,
    ClientCertificate,
    Platform,
}

impl Choice for MethodType {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("jwt", Self::Jwt),
        ("api_key", Self::ApiKey),
        ("introspection", Self::Introspection),
        ("session_cookie", Self::SessionCookie),
        ("client_certificate", Self::ClientCertificate),
        ("platform", Self::Platform),
    ];
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

impl Choice for ClientAuth {
    const WORDS: &'static [(&'static str, Self)] = &[("basic", Self::Basic), ("post", Self::Post)];
}

/// `auth` of a route.
#[derive(Debug)]
pub(in crate::config) enum RouteAuth {
    /// `none`.
    None,
    Stance(AuthStance),
}

impl Decode for RouteAuth {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        match &node.value {
            Value::Map(_) => AuthStance::decode(node, report).map(Self::Stance),
            Value::Text(word) if word == "none" => Some(Self::None),
            _ => refuse(&node, "none or an object, such as { optional: true }", report),
        }
    }
}

/// `scopes` of a route.
#[derive(Debug)]
pub(in crate::config) enum Scopes {
    All(List<Text>),
    Any(AnyScope),
}

impl Decode for Scopes {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        match &node.value {
            Value::List(_) => List::decode(node, report).map(Self::All),
            Value::Map(_) => AnyScope::decode(node, report).map(Self::Any),
            _ => refuse(&node, "a list of scopes, or { any: [...] }", report),
        }
    }
}

/// One entry of `claims`.
#[derive(Debug)]
pub(in crate::config) enum ClaimTest {
    Equals(At<ClaimValue>),
    OneOf(List<At<ClaimValue>>),
    Presence(Presence),
}

impl Decode for ClaimTest {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        match &node.value {
            Value::List(_) => List::decode(node, report).map(Self::OneOf),
            Value::Map(_) => Presence::decode(node, report).map(Self::Presence),
            _ => At::decode(node, report).map(Self::Equals),
        }
    }
}

/// What a claim is compared with.
#[derive(Clone, Debug)]
pub(in crate::config) struct ClaimValue(pub(in crate::config) serde_json::Value);

impl Scalar for ClaimValue {
    const NOUN: &'static str = "a string, a number, true or false";

    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(Self(text.clone().into())),
            Value::Bool(truth) => Some(Self((*truth).into())),
            Value::Number(text) => serde_json::from_str(text)
                .ok()
                .map(|number| Self(serde_json::Value::Number(number))),
            _ => None,
        }
    }
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
