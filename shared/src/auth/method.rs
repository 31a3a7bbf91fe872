//! The ways to prove who calls, as the config has them.

use std::sync::Arc;

use http::HeaderName;

use super::api_key::ApiKeyRules;
use super::certificate::CertificateRules;
use super::claim_path::ClaimPath;
use super::introspection::IntrospectionRules;
use super::jwt::JwtRules;
use super::platform::PlatformSource;
use super::session::{SessionProof, SessionRules};
use crate::config::Pointer;
use crate::store::TableKind;

/// One entry of `auth.methods`, or the `auth` section itself in its short form.
#[derive(Clone, Debug)]
pub struct Method {
    /// Its name; `None` in the short form.
    pub name: Option<Arc<str>>,
    /// Where it stands.
    pub pointer: Pointer,
    /// What upstreams get to know of what it proves. Default: `sub` as `X-User-Id`, `role` as `X-User-Role`.
    pub claims_to_headers: Vec<ClaimHeader>,
    /// What it takes.
    pub kind: MethodKind,
}

/// A claim and the header it becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimHeader {
    /// Which claim.
    pub claim: ClaimPath,
    /// The request header set from it.
    pub header: HeaderName,
}

/// `type`, with the rules of each.
#[derive(Clone, Debug)]
pub enum MethodKind {
    /// `jwt`: a bearer token signed by an issuer.
    Jwt(Arc<JwtRules>),
    /// `api_key`: a key that was given to the caller.
    ApiKey(Arc<ApiKeyRules>),
    /// `introspection`: a bearer token about which its authorization server is asked.
    Introspection(Arc<IntrospectionRules>),
    /// `session_cookie`: a browser that is logged in.
    SessionCookie(Arc<SessionRules>),
    /// `client_certificate`: mutual TLS, which ends at the front door.
    ClientCertificate(Arc<CertificateRules>),
    /// `platform`: the word of an authorizer of the front door's own.
    Platform(PlatformSource),
}

/// What a method takes for proof: which words a refusal uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// A bearer token in `Authorization` (RFC 6750).
    BearerToken,
    /// An API key.
    ApiKey,
    /// A cookie.
    Session,
    /// A client certificate.
    Certificate,
    /// What an authorizer of the front door's own says.
    PlatformIdentity,
}

impl Method {
    /// Where the key of this name is that a credential fails by; the method itself for no name. A token in a session
    /// cookie fails by the keys of the method that its rules are of.
    pub(super) fn place(&self, key: &str) -> Pointer {
        if let MethodKind::SessionCookie(rules) = &self.kind
            && let SessionProof::Token { at, .. } = &rules.proof
            && !matches!(key, "" | "cookie" | "origins")
        {
            return at.member(key);
        }
        self.pointer.member(key)
    }
}

impl MethodKind {
    /// What it takes for proof.
    pub fn credential(&self) -> CredentialKind {
        match self {
            Self::Jwt(_) | Self::Introspection(_) => CredentialKind::BearerToken,
            Self::ApiKey(_) => CredentialKind::ApiKey,
            Self::SessionCookie(_) => CredentialKind::Session,
            Self::ClientCertificate(_) => CredentialKind::Certificate,
            Self::Platform(_) => CredentialKind::PlatformIdentity,
        }
    }

    /// Its word in the config.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Jwt(_) => "jwt",
            Self::ApiKey(_) => "api_key",
            Self::Introspection(_) => "introspection",
            Self::SessionCookie(_) => "session_cookie",
            Self::ClientCertificate(_) => "client_certificate",
            Self::Platform(_) => "platform",
        }
    }

    /// What a caller must show, for a message: `a bearer token in the Authorization header`.
    pub fn wanted(&self) -> String {
        match self {
            Self::Jwt(_) | Self::Introspection(_) => "a bearer token in the Authorization header".to_owned(),
            Self::ApiKey(rules) => format!("an API key in the {} header", rules.header_as_written),
            Self::SessionCookie(_) => "a session cookie".to_owned(),
            Self::ClientCertificate(_) => "a client certificate".to_owned(),
            Self::Platform(source) => format!("an identity that the front door's {} authorizer gives", source.name()),
        }
    }

    /// The table without which it could verify nothing. Key sets are kept in one, but can do without.
    pub fn table(&self) -> Option<TableKind> {
        match self {
            Self::ApiKey(_) => Some(TableKind::Config),
            Self::SessionCookie(rules) => match rules.proof {
                SessionProof::Kept { .. } => Some(TableKind::State),
                SessionProof::Token { .. } => None,
            },
            Self::Jwt(_) | Self::Introspection(_) | Self::ClientCertificate(_) | Self::Platform(_) => None,
        }
    }

    /// Whether its credential stands in `Authorization`.
    pub fn reads_authorization(&self) -> bool {
        match self {
            Self::Jwt(_) | Self::Introspection(_) => true,
            Self::ApiKey(rules) => rules.is_bearer(),
            Self::SessionCookie(_) | Self::ClientCertificate(_) | Self::Platform(_) => false,
        }
    }

    /// Whether what stands in `Authorization` proved its caller, here or at the front door, and so goes no further.
    pub fn keeps_authorization(&self) -> bool {
        self.reads_authorization() || matches!(self, Self::Platform(_))
    }

    /// Whether the bearer token that it verified goes upstream as well.
    pub fn forwards_token(&self) -> bool {
        match self {
            Self::Jwt(rules) => rules.forward_token,
            Self::Introspection(rules) => rules.forward_token,
            Self::ApiKey(_) | Self::SessionCookie(_) | Self::ClientCertificate(_) | Self::Platform(_) => false,
        }
    }
}

impl CredentialKind {
    /// The scheme in `WWW-Authenticate` (RFC 9110 section 11.6.1). Only `Bearer` is a registered one; the others say at
    /// least what is asked for.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::BearerToken => "Bearer",
            Self::ApiKey => "ApiKey",
            Self::Session => "Cookie",
            Self::Certificate => "ClientCertificate",
            Self::PlatformIdentity => "Platform",
        }
    }

    /// The `error` member of the answer to one that does not hold.
    pub fn code(self) -> &'static str {
        match self {
            Self::BearerToken => "invalid_token",
            Self::ApiKey => "invalid_api_key",
            Self::Session => "invalid_session",
            Self::Certificate => "invalid_certificate",
            Self::PlatformIdentity => "invalid_identity",
        }
    }

    /// The `message` member beside it.
    pub fn message(self) -> &'static str {
        match self {
            Self::BearerToken => "The bearer token is not valid.",
            Self::ApiKey => "The API key is not valid.",
            Self::Session => "The session is not valid.",
            Self::Certificate => "The client certificate is not valid.",
            Self::PlatformIdentity => "The identity that the front door gives is not valid.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::{jwt, method_of};

    #[test]
    fn a_token_in_a_cookie_fails_by_the_keys_of_its_own_method() {
        let rules = SessionRules {
            cookie: "sid".to_owned(),
            proof: SessionProof::Token {
                rules: Arc::new(jwt()),
                at: Pointer::new("/auth/methods/main"),
            },
            origins: Vec::new(),
        };
        let method = Method {
            pointer: Pointer::new("/auth/methods/web"),
            ..method_of(MethodKind::SessionCookie(Arc::new(rules)))
        };
        for (key, place) in [
            ("", "/auth/methods/web"),
            ("cookie", "/auth/methods/web/cookie"),
            ("origins", "/auth/methods/web/origins"),
            ("audiences", "/auth/methods/main/audiences"),
            ("jwks_uri", "/auth/methods/main/jwks_uri"),
        ] {
            assert_eq!(method.place(key).as_str(), place);
        }
    }
}
