//! Who calls: credentials in, a verified identity out, or a refusal.
//!
//! [`Authenticator::authenticate`] is the stage. Behind it: `failures` holds back who is refused too often, each
//! [`method`] has a file of its own (`jwt` ...), `policy` says what a route asks for, and `identity` tells upstreams the
//! result. Nothing that a client says about itself reaches them: [`crate::headers`] seals identity headers, and
//! [`Authenticator::withhold`] keeps credentials here.

mod api_key;
mod ask;
mod bearer;
pub(crate) mod carriers;
pub mod certificate;
mod claim_path;
pub mod crypto;
mod failures;
mod identity;
mod introspection;
pub mod issuer_client;
mod json;
mod jwt;
pub(crate) mod location;
pub mod method;
pub mod platform;
mod policy;
mod refusal;
pub(crate) mod registered;
mod rules;
mod session;
mod token_hash;
mod verifier;

use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};

pub use api_key::ApiKeyRules;
pub use claim_path::{ClaimPath, Claims};
pub use identity::{Identity, Proof};
pub(crate) use identity::{claim_text, header_text};
pub use introspection::{ClientAuth, IntrospectionRules, Secret};
pub use jwt::{JwtRules, KeySource};
pub use policy::{Ask, AuthPolicy, ClaimRule, ClaimTest, MethodId, Methods, ScopeRule};
pub use refusal::{AuthSource, Refusal};
pub use rules::{AuthRules, RouteAuth};
pub(crate) use session::parse_origin;
pub use session::{SessionProof, SessionRules};

use crate::clock::Clock;
use crate::config::Route;
use crate::error::GatewayError;
use crate::gateway::Seams;
use crate::look_up::TableLookUps;
use crate::path::PathPattern;
use crate::request::Request;
use carriers::Carriers;
use failures::Failures;
use method::{CredentialKind, Method, MethodKind};
use verifier::{Verifier, first};

/// Beside a signature in `Authorization`: whoever has both can sign as the caller for a while.
const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Verifies callers. One per function environment; what its methods remember outlives requests.
#[derive(Debug)]
pub struct Authenticator {
    /// One for each of the config's methods, in their order.
    verifiers: Vec<Verifier>,
    carriers: Carriers,
    exclude_paths: Vec<PathPattern>,
    failures: Failures,
    clock: Arc<dyn Clock>,
}

impl Authenticator {
    /// From the checked rules. Asks nobody anything yet.
    pub fn new(rules: AuthRules, seams: &Seams) -> Self {
        Self::sharing(rules, seams, &TableLookUps::default())
    }

    /// The same beside others that look things up in the same tables.
    pub(crate) fn sharing(rules: AuthRules, seams: &Seams, look_ups: &TableLookUps) -> Self {
        Self {
            verifiers: rules
                .methods
                .iter()
                .map(|method| Verifier::new(method, seams, look_ups))
                .collect(),
            carriers: carriers_of(&rules.methods),
            exclude_paths: rules.exclude_paths,
            failures: Failures::new(rules.failures_per_minute),
            clock: Arc::clone(&seams.clock),
        }
    }

    /// The verified caller, allowed to use the route; `None` on public paths and for absent optional credentials.
    /// `budget` bounds what methods ask of others. Errors: `MissingCredential`, `InvalidCredential`, `AuthUnavailable`,
    /// `RateLimited` (too many refused credentials from this address); `InsufficientScope`, `Forbidden`.
    pub async fn authenticate(
        &self,
        route: &Route,
        request: &Request,
        budget: Duration,
    ) -> Result<Option<Identity>, GatewayError> {
        let RouteAuth::Policy(policy) = &route.auth else {
            return Ok(None);
        };
        if self.exclude_paths.iter().any(|pattern| pattern.matches(&request.path)) {
            return Ok(None);
        }
        let identity = self.identify(policy, request, budget).await?;
        if let Some(identity) = &identity {
            policy.authorize(identity)?;
        }
        Ok(identity)
    }

    async fn identify(
        &self,
        policy: &AuthPolicy,
        request: &Request,
        budget: Duration,
    ) -> Result<Option<Identity>, GatewayError> {
        let (listed, is_any) = self.listed(&policy.methods)?;
        let is_presented = |verifier: &&Verifier| verifier.is_presented(request);
        let presented: Vec<&Verifier> = listed.iter().copied().filter(is_presented).collect();
        if presented.is_empty() && policy.optional {
            return Ok(None);
        }
        if presented.is_empty() || !is_any && presented.len() < listed.len() {
            return Err(GatewayError::MissingCredential {
                ask: Arc::clone(&policy.ask),
                at: policy.pointer.clone(),
            });
        }
        let now = self.clock.now();
        self.failures.check(request.client_ip, now)?;
        let deciding = match is_any {
            true => first(&presented, request).into_iter().collect(),
            false => presented,
        };
        let mut proofs = Vec::with_capacity(deciding.len());
        for verifier in deciding {
            let proof = verifier.prove(request, now, budget).await;
            if matches!(proof, Err(GatewayError::InvalidCredential { .. })) {
                self.failures.record(request.client_ip, now);
            }
            proofs.push(proof?);
        }
        Ok(Identity::of(proofs))
    }

    /// The methods of a route, and whether one of them will do.
    fn listed(&self, methods: &Methods) -> Result<(Vec<&Verifier>, bool), GatewayError> {
        let (ids, is_any) = match methods {
            Methods::AnyOf(ids) => (ids, true),
            Methods::AllOf(ids) => (ids, false),
        };
        let listed: Option<Vec<&Verifier>> = ids.iter().map(|MethodId(id)| self.verifiers.get(*id)).collect();
        let Some(listed) = listed.filter(|listed| !listed.is_empty()) else {
            // The config check does not let this through. Were it to, the answer must not be "come in".
            let why = "a route asks for a method that there is not".to_owned();
            return Err(GatewayError::Internal { why });
        };
        Ok((listed, is_any))
    }

    /// Takes away what proved the caller, or might have: no credential goes upstream, unless `forward_token` says so.
    /// What only the gateway reads goes on every route; `Authorization`, which services read too, where it was verified,
    /// here or by the front door.
    pub fn withhold(&self, route: &Route, identity: Option<&Identity>, request: &mut Request) {
        self.carriers.empty(request);
        let RouteAuth::Policy(policy) = &route.auth else {
            return;
        };
        let Some(identity) = identity else { return };
        let forwarded = identity.proofs().any(|proof| proof.method.kind.forwards_token());
        if policy.keeps_authorization && !forwarded {
            request.headers.remove(AUTHORIZATION);
            request.headers.remove(X_AMZ_SECURITY_TOKEN);
        }
    }
}

fn carriers_of(methods: &[Arc<Method>]) -> Carriers {
    let mut carriers = Carriers::default();
    for method in methods {
        match &method.kind {
            MethodKind::Jwt(_) | MethodKind::Introspection(_) => {}
            MethodKind::ApiKey(rules) => {
                match rules.is_bearer() {
                    true => carriers.bearer_keys = true,
                    false => carriers.headers.push(rules.header.clone()),
                }
                carriers.parameters.extend(rules.query.clone());
            }
            MethodKind::SessionCookie(rules) => carriers.cookies.push(rules.cookie.clone()),
            // The front door's words are no part of the request.
            MethodKind::ClientCertificate(_) | MethodKind::Platform(_) => {}
        }
    }
    carriers
}

/// What `WWW-Authenticate` says beside a 401 (RFC 9110 section 11.6.1) and a 403 for want of a token's scope (RFC 6750
/// section 3): which scheme, and whether there was a credential that did not hold, but not why. `None` for every other error.
pub fn challenge(error: &GatewayError) -> Option<HeaderValue> {
    let text = match error {
        GatewayError::MissingCredential { ask, .. } => return Some(ask.challenge.clone()),
        GatewayError::InvalidCredential { credential, .. } => match credential {
            CredentialKind::BearerToken => "Bearer error=\"invalid_token\"".to_owned(),
            other => other.scheme().to_owned(),
        },
        GatewayError::InsufficientScope {
            needed, by_token: true, ..
        } => {
            format!("Bearer error=\"insufficient_scope\", scope=\"{needed}\"")
        }
        _ => return None,
    };
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
