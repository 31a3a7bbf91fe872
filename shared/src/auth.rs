//! Who calls: credentials in, a verified identity out, or a refusal.
//!
//! [`Authenticator::authenticate`] is the stage. Behind it: `failures` holds back who is refused too often, each
//! [`method`] has a file of its own (`jwt` ...), `policy` says what a route asks for, and `identity` tells upstreams the
//! result. Nothing that a client says about itself reaches them: [`crate::headers`] seals identity headers, and
//! [`Authenticator::withhold`] keeps credentials here.

mod api_key;
mod bearer;
mod carriers;
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
mod recent;
mod refusal;
mod registered;
mod session;
mod token_hash;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::AUTHORIZATION;

pub use api_key::ApiKeyRules;
pub use claim_path::{ClaimPath, Claims};
pub use identity::{Identity, Proof};
pub(crate) use identity::{claim_text, header_text};
pub use introspection::{ClientAuth, IntrospectionRules, Secret};
pub use jwt::{JwtRules, KeySource};
pub use policy::{Ask, AuthPolicy, ClaimRule, ClaimTest, MethodId, Methods, ScopeRule};
pub use refusal::{AuthSource, Refusal};
pub(crate) use session::parse_origin;
pub use session::{SessionProof, SessionRules};

use crate::clock::{Clock, Timestamp};
use crate::config::{AuthRules, Route, RouteAuth};
use crate::error::GatewayError;
use crate::gateway::Seams;
use crate::path::PathPattern;
use crate::request::Request;
use api_key::ApiKeyVerifier;
use carriers::Carriers;
use certificate::CertificateRules;
use failures::Failures;
use introspection::IntrospectionVerifier;
use jwt::JwtVerifier;
use method::{CredentialKind, Method, MethodKind};
use platform::PlatformSource;
use session::SessionVerifier;

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

/// A method at work.
#[derive(Debug)]
struct Verifier {
    method: Arc<Method>,
    kind: VerifierKind,
}

#[derive(Debug)]
enum VerifierKind {
    Jwt(JwtVerifier),
    ApiKey(ApiKeyVerifier),
    Introspection(IntrospectionVerifier),
    SessionCookie(SessionVerifier),
    ClientCertificate(Arc<CertificateRules>),
    Platform(PlatformSource),
}

impl Authenticator {
    /// From the checked rules. Asks nobody anything yet.
    pub fn new(rules: AuthRules, seams: &Seams) -> Self {
        Self {
            verifiers: rules
                .methods
                .iter()
                .map(|method| Verifier::new(method, seams))
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
        let deciding = self.deciding(&policy.methods, request)?;
        let presented = deciding
            .iter()
            .filter(|verifier| verifier.is_presented(request))
            .count();
        if presented == 0 && policy.optional {
            return Ok(None);
        }
        if presented == 0 || presented < deciding.len() {
            return Err(GatewayError::MissingCredential {
                ask: Arc::clone(&policy.ask),
                at: policy.pointer.clone(),
            });
        }
        let now = self.clock.now();
        self.failures.check(request.client_ip, now)?;
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

    /// The methods that have to prove this request's caller: with `any_of` the first whose credential is there.
    fn deciding(&self, methods: &Methods, request: &Request) -> Result<Vec<&Verifier>, GatewayError> {
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
        match is_any {
            true => Ok(first_presented(&listed, request).into_iter().collect()),
            false => Ok(listed),
        }
    }

    /// Takes away what proved the caller, or might have: no credential goes upstream, unless `forward_token` says so.
    /// What only the gateway reads goes on every route; `Authorization`, which services read too, where it was verified.
    pub fn withhold(&self, route: &Route, identity: Option<&Identity>, request: &mut Request) {
        self.carriers.empty(request);
        let RouteAuth::Policy(policy) = &route.auth else {
            return;
        };
        let Some(identity) = identity else { return };
        let forwarded = identity.proofs().any(|proof| proof.method.kind.forwards_token());
        if policy.reads_authorization && !forwarded {
            request.headers.remove(AUTHORIZATION);
        }
    }
}

impl Verifier {
    fn new(method: &Arc<Method>, seams: &Seams) -> Self {
        let kind = match &method.kind {
            MethodKind::Jwt(rules) => VerifierKind::Jwt(JwtVerifier::new(Arc::clone(rules), seams)),
            MethodKind::ApiKey(rules) => VerifierKind::ApiKey(ApiKeyVerifier::new(Arc::clone(rules), seams)),
            MethodKind::Introspection(rules) => {
                VerifierKind::Introspection(IntrospectionVerifier::new(Arc::clone(rules), seams))
            }
            MethodKind::SessionCookie(rules) => {
                VerifierKind::SessionCookie(SessionVerifier::new(Arc::clone(rules), seams))
            }
            MethodKind::ClientCertificate(rules) => VerifierKind::ClientCertificate(Arc::clone(rules)),
            MethodKind::Platform(source) => VerifierKind::Platform(*source),
        };
        Self {
            method: Arc::clone(method),
            kind,
        }
    }

    /// Whether the request carries what this method takes for proof, right or wrong.
    fn is_presented(&self, request: &Request) -> bool {
        match &self.kind {
            VerifierKind::Jwt(_) | VerifierKind::Introspection(_) => request.headers.contains_key(AUTHORIZATION),
            VerifierKind::ApiKey(keys) => keys.is_presented(request),
            VerifierKind::SessionCookie(sessions) => sessions.is_presented(request),
            VerifierKind::ClientCertificate(rules) => rules.is_presented(&request.platform),
            VerifierKind::Platform(source) => !matches!(platform::claims(*source, &request.platform), Ok(None)),
        }
    }

    fn reads_authorization(&self) -> bool {
        self.method.kind.reads_authorization()
    }

    /// Whether a bearer token is one for this method, of those that read bearer tokens.
    fn takes(&self, token: &str, issuer: Option<&str>) -> bool {
        match &self.kind {
            VerifierKind::Jwt(jwt) => jwt.is_issuer(issuer),
            // Whose it is only the endpoint can tell.
            VerifierKind::Introspection(_) => true,
            VerifierKind::ApiKey(_) => api_key::looks_like_one(token),
            VerifierKind::SessionCookie(_) | VerifierKind::ClientCertificate(_) | VerifierKind::Platform(_) => false,
        }
    }

    async fn prove(&self, request: &Request, now: Timestamp, budget: Duration) -> Result<Proof, GatewayError> {
        let claims = match &self.kind {
            VerifierKind::Jwt(jwt) => jwt.verify_bearer(&request.headers, budget).await,
            VerifierKind::ApiKey(keys) => keys.verify(request).await,
            VerifierKind::Introspection(endpoint) => endpoint.verify(&request.headers, budget).await,
            VerifierKind::SessionCookie(sessions) => sessions.verify(request, budget).await,
            VerifierKind::ClientCertificate(rules) => present(rules.verify(&request.platform, now)),
            VerifierKind::Platform(source) => present(platform::claims(*source, &request.platform)),
        };
        match claims {
            Ok(claims) => Ok(Proof {
                claims,
                method: Arc::clone(&self.method),
            }),
            Err(refusal) => Err(refusal.into_error(&self.method)),
        }
    }
}

/// Of a front door's word, which may be missing. A verifier is asked only where it is not.
fn present(claims: Result<Option<Claims>, Refusal>) -> Result<Arc<Claims>, Refusal> {
    let claims = claims?.ok_or_else(|| Refusal::invalid("the front door says nothing of the caller"))?;
    Ok(Arc::new(claims))
}

fn carriers_of(methods: &[Arc<Method>]) -> Carriers {
    let mut carriers = Carriers::default();
    for method in methods {
        match &method.kind {
            MethodKind::Jwt(_) | MethodKind::Introspection(_) => {}
            MethodKind::ApiKey(rules) => {
                carriers
                    .headers
                    .extend((!rules.is_bearer()).then(|| rules.header.clone()));
                carriers.parameters.extend(rules.query.clone());
            }
            MethodKind::SessionCookie(rules) => carriers.cookies.push(rules.cookie.clone()),
            // The front door's words are no part of the request.
            MethodKind::ClientCertificate(_) | MethodKind::Platform(_) => {}
        }
    }
    carriers
}

/// The first of these whose credential is there. A bearer token is one credential whoever reads it: of those that do,
/// the first that it is for decides, and where it is for none, the first of all.
fn first_presented<'v>(listed: &[&'v Verifier], request: &Request) -> Option<&'v Verifier> {
    let first = *listed.iter().find(|verifier| verifier.is_presented(request))?;
    let mut readers = listed.iter().filter(|verifier| verifier.reads_authorization());
    if !first.reads_authorization() || readers.clone().count() == 1 {
        return Some(first);
    }
    let Some(token) = bearer::token(&request.headers).ok().flatten() else {
        return Some(first);
    };
    let issuer = jwt::issuer_of(token);
    Some(
        readers
            .find(|verifier| verifier.takes(token, issuer.as_deref()))
            .unwrap_or(&first),
    )
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
