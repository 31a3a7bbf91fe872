//! What a route asks of its callers: which methods must prove them, and what must be proven.

use std::sync::Arc;

use http::HeaderValue;
use serde_json::Value;

use super::claim_path::ClaimPath;
use super::identity::Identity;
use super::method::CredentialKind;
use crate::config::Pointer;
use crate::error::GatewayError;

#[cfg(test)]
mod tests;

/// `auth` of a route, or `auth.default`.
#[derive(Clone, Debug)]
pub struct AuthPolicy {
    /// Where it stands.
    pub pointer: Pointer,
    /// Who may say who calls.
    pub methods: Methods,
    /// `optional: true`: no credential is as good as a right one; a wrong one is refused all the same.
    pub optional: bool,
    /// Scopes that the caller must have been granted.
    pub scopes: Option<ScopeRule>,
    /// What the claims must be.
    pub claims: Vec<ClaimRule>,
    /// What callers without a credential are told.
    pub ask: Arc<Ask>,
    /// Whether `Authorization` may have proved the caller, so that it goes no further than here.
    pub keeps_authorization: bool,
}

/// Which methods decide. Never empty; numbers of [`AuthRules::methods`](crate::auth::AuthRules).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Methods {
    /// The first, in order, whose credential is there.
    AnyOf(Vec<MethodId>),
    /// Every one.
    AllOf(Vec<MethodId>),
}

/// The place of a method in [`AuthRules::methods`](crate::auth::AuthRules).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MethodId(pub usize);

/// What a caller without a credential is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// A sentence for a person.
    pub message: String,
    /// `WWW-Authenticate` (RFC 9110 section 11.6.1).
    pub challenge: HeaderValue,
}

/// `scopes`: the caller must have been granted all of them, or any (`{ any: [...] }`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeRule {
    /// Where it stands.
    pub pointer: Pointer,
    /// Never empty.
    pub scopes: Vec<String>,
    /// Whether one of them will do.
    pub any: bool,
}

/// One entry of `claims`.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimRule {
    /// Where it stands.
    pub pointer: Pointer,
    /// Which claim.
    pub path: ClaimPath,
    /// What it must be.
    pub test: ClaimTest,
}

/// What a claim must be.
#[derive(Clone, Debug, PartialEq)]
pub enum ClaimTest {
    /// One of these; a claim that is a list must have one of these in it.
    OneOf(Vec<Value>),
    /// There and not null, or not so.
    Present(bool),
}

impl AuthPolicy {
    /// Whether a proven caller may. The error is `InsufficientScope` or `Forbidden`.
    pub fn authorize(&self, identity: &Identity) -> Result<(), GatewayError> {
        if let Some(rule) = &self.scopes
            && !rule.holds(identity)
        {
            return Err(GatewayError::InsufficientScope {
                needed: rule.scopes.join(" "),
                by_token: identity
                    .proofs()
                    .any(|proof| proof.method.kind.credential() == CredentialKind::BearerToken),
                at: rule.pointer.clone(),
            });
        }
        match self.claims.iter().find(|rule| !rule.holds(identity)) {
            None => Ok(()),
            Some(rule) => Err(GatewayError::Forbidden {
                why: format!("the claim {} is not what the route asks for", rule.path.as_str()),
                at: rule.pointer.clone(),
            }),
        }
    }
}

impl ScopeRule {
    fn holds(&self, identity: &Identity) -> bool {
        let scopes = identity.scopes();
        let granted = |scope: &String| scopes.contains(&scope.as_str());
        match self.any {
            true => self.scopes.iter().any(granted),
            false => self.scopes.iter().all(granted),
        }
    }
}

impl ClaimRule {
    fn holds(&self, identity: &Identity) -> bool {
        let claim = identity.claim(&self.path).filter(|claim| !claim.is_null());
        match (&self.test, claim) {
            (ClaimTest::Present(wanted), claim) => claim.is_some() == *wanted,
            (ClaimTest::OneOf(values), Some(Value::Array(list))) => list.iter().any(|item| values.contains(item)),
            (ClaimTest::OneOf(values), Some(claim)) => values.contains(claim),
            (ClaimTest::OneOf(_), None) => false,
        }
    }
}
