//! A method at work: whether a request carries what it takes for proof, and whom that proves.

use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;

use super::api_key::{self, ApiKeyVerifier};
use super::bearer;
use super::certificate::CertificateRules;
use super::claim_path::Claims;
use super::identity::Proof;
use super::introspection::IntrospectionVerifier;
use super::jwt::{self, JwtVerifier};
use super::method::{Method, MethodKind};
use super::platform::{self, PlatformSource};
use super::refusal::Refusal;
use super::session::SessionVerifier;
use crate::clock::Timestamp;
use crate::error::GatewayError;
use crate::gateway::Seams;
use crate::look_up::TableLookUps;
use crate::request::Request;

/// A method at work.
#[derive(Debug)]
pub(super) struct Verifier {
    method: Arc<Method>,
    kind: VerifierKind,
}

#[derive(Debug)]
enum VerifierKind {
    Jwt(Box<JwtVerifier>),
    ApiKey(ApiKeyVerifier),
    Introspection(IntrospectionVerifier),
    SessionCookie(SessionVerifier),
    ClientCertificate(Arc<CertificateRules>),
    Platform(PlatformSource),
}

impl Verifier {
    pub(super) fn new(method: &Arc<Method>, seams: &Seams, look_ups: &TableLookUps) -> Self {
        let kind = match &method.kind {
            MethodKind::Jwt(rules) => VerifierKind::Jwt(Box::new(JwtVerifier::new(Arc::clone(rules), seams))),
            MethodKind::ApiKey(rules) => {
                VerifierKind::ApiKey(ApiKeyVerifier::new(Arc::clone(rules), seams, &look_ups.config))
            }
            MethodKind::Introspection(rules) => {
                VerifierKind::Introspection(IntrospectionVerifier::new(Arc::clone(rules), seams))
            }
            MethodKind::SessionCookie(rules) => {
                VerifierKind::SessionCookie(SessionVerifier::new(Arc::clone(rules), seams, &look_ups.state))
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
    pub(super) fn is_presented(&self, request: &Request) -> bool {
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

    /// Whether this method can tell that a bearer token is its own, good or not.
    fn knows(&self, token: &str, issuer: Option<&str>) -> bool {
        match &self.kind {
            VerifierKind::Jwt(jwt) => jwt.is_issuer(issuer),
            VerifierKind::ApiKey(_) => api_key::looks_like_one(token),
            VerifierKind::Introspection(_)
            | VerifierKind::SessionCookie(_)
            | VerifierKind::ClientCertificate(_)
            | VerifierKind::Platform(_) => false,
        }
    }

    pub(super) async fn prove(
        &self,
        request: &Request,
        now: Timestamp,
        budget: Duration,
    ) -> Result<Proof, GatewayError> {
        let mut api_key = None;
        let claims = match &self.kind {
            VerifierKind::Jwt(jwt) => jwt.verify_bearer(&request.headers, budget).await,
            VerifierKind::ApiKey(keys) => {
                let record = keys.verify(request, budget).await;
                record.map(|record| Arc::new(api_key.insert(record).claims()))
            }
            VerifierKind::Introspection(endpoint) => endpoint.verify(&request.headers, budget).await,
            VerifierKind::SessionCookie(sessions) => sessions.verify(request, budget).await,
            VerifierKind::ClientCertificate(rules) => present(rules.verify(&request.platform, now)),
            VerifierKind::Platform(source) => present(platform::claims(*source, &request.platform)),
        };
        match claims {
            Ok(claims) => Ok(Proof {
                claims,
                method: Arc::clone(&self.method),
                api_key,
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

/// The first of these, whose credentials are there. A bearer token is one credential whoever reads it: of those that do,
/// the one that it is for decides, in whatever order they stand, and where it is for none, the first of all.
pub(super) fn first<'v>(presented: &[&'v Verifier], request: &Request) -> Option<&'v Verifier> {
    let first = *presented.first()?;
    let readers = presented.iter().filter(|verifier| verifier.reads_authorization());
    if !first.reads_authorization() || readers.clone().count() == 1 {
        return Some(first);
    }
    let Some(token) = bearer::token(&request.headers).ok().flatten() else {
        return Some(first);
    };
    let issuer = jwt::issuer_of(token);
    let knows = readers
        .clone()
        .find(|verifier| verifier.knows(token, issuer.as_deref()));
    // Whose any other token is only an endpoint can tell. It is told of no token that somebody here knows.
    let asks = || {
        readers
            .clone()
            .find(|verifier| matches!(verifier.kind, VerifierKind::Introspection(_)))
    };
    Some(knows.or_else(asks).unwrap_or(&first))
}
