//! The ways to prove who calls, as the config has them.

use std::sync::Arc;

use super::jwt::JwtRules;
use crate::config::{ClaimHeader, Pointer};

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

/// `type`, with the rules of each.
#[derive(Clone, Debug)]
pub enum MethodKind {
    /// `jwt`: a bearer token signed by an issuer.
    Jwt(Arc<JwtRules>),
}

/// What a method takes for proof: which words a refusal uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// A bearer token in `Authorization` (RFC 6750).
    BearerToken,
}

impl MethodKind {
    /// What it takes for proof.
    pub fn credential(&self) -> CredentialKind {
        match self {
            Self::Jwt(_) => CredentialKind::BearerToken,
        }
    }

    /// What a caller must show, for a message: `a bearer token in the Authorization header`.
    pub fn wanted(&self) -> String {
        match self {
            Self::Jwt(_) => "a bearer token in the Authorization header".to_owned(),
        }
    }

    /// Whether its credential stands in `Authorization`.
    pub fn reads_authorization(&self) -> bool {
        match self {
            Self::Jwt(_) => true,
        }
    }

    /// Whether the bearer token that it verified goes upstream as well.
    pub fn forwards_token(&self) -> bool {
        match self {
            Self::Jwt(rules) => rules.forward_token,
        }
    }
}

impl CredentialKind {
    /// The scheme in `WWW-Authenticate` (RFC 9110 section 11.6.1).
    pub fn scheme(self) -> &'static str {
        match self {
            Self::BearerToken => "Bearer",
        }
    }

    /// The `error` member of the answer to one that does not hold.
    pub fn code(self) -> &'static str {
        match self {
            Self::BearerToken => "invalid_token",
        }
    }

    /// The `message` member beside it.
    pub fn message(self) -> &'static str {
        match self {
            Self::BearerToken => "The bearer token is not valid.",
        }
    }
}
