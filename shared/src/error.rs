//! Every error of the gateway, and the one map from an error to status, code and words.
//!
//! An error says whose fault it is and whether a retry may help. What it says to the client never names an
//! internal host and never says why a credential was refused; `detail` says it to the log.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};

use crate::auth::method::CredentialKind;
use crate::auth::{Ask, AuthSource};
use crate::config::Pointer;
use crate::limit::PlanTrouble;

pub mod response;

/// Who has to act to make an error go away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The caller.
    Client,
    /// This gateway, or a service it stands on (counter store, key set).
    Gateway,
    /// The service behind the route.
    Upstream,
}

/// Why a request ends without an upstream's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatewayError {
    /// The event or the path in it is malformed. `why` quotes nothing secret and is shown to the client.
    BadRequest {
        /// What is wrong, as a sentence.
        why: String,
    },
    /// A request that came past the front door.
    FrontDoorOnly {
        /// The place in the config that asks for it.
        at: Pointer,
    },
    /// An address that may not come.
    AddressRefused {
        /// Why, for the log only: it does not say the address.
        why: &'static str,
        /// The place in the config that refuses it.
        at: Pointer,
    },
    /// More headers, or larger ones, than the config takes.
    HeadersTooLarge {
        /// How much too large, as a sentence for the client.
        why: String,
        /// The place in the config that bounds them.
        at: Pointer,
    },
    /// A larger body than the route takes.
    PayloadTooLarge {
        /// How much too large, as a sentence for the client.
        why: String,
        /// The place in the config that bounds it.
        at: Pointer,
    },
    /// A body that rules have to look into, and that is no JSON, or not all of it.
    BodyUnreadable {
        /// What is wrong, as a sentence for the client.
        why: String,
        /// The place in the config of the rules.
        at: Pointer,
    },
    /// A compressed body that rules have to look into: unpacked it could be of any size.
    CodingRefused {
        /// The place in the config of the rules.
        at: Pointer,
    },
    /// gRPC, which no front door carries.
    GrpcRefused,
    /// A handshake for a WebSocket, which no function can hold open.
    WebSocketRefused,
    /// Routes take the request, but none answers with a media type that it accepts.
    NotAcceptable {
        /// What they answer with.
        types: Vec<String>,
    },
    /// No route takes the path.
    NotFound,
    /// Routes take the path, but not the method.
    MethodNotAllowed {
        /// What they take, for `Allow`.
        allow: Vec<Method>,
    },
    /// No credential, where one is needed.
    MissingCredential {
        /// What to come with.
        ask: Arc<Ask>,
        /// The place in the config that asks for it.
        at: Pointer,
    },
    /// A credential that does not hold.
    InvalidCredential {
        /// What kind.
        credential: CredentialKind,
        /// Why, for the log only.
        why: String,
        /// The place in the config that it fails.
        at: Pointer,
    },
    /// Whether a credential holds cannot be told now.
    AuthUnavailable {
        /// What does not answer.
        what: AuthSource,
        /// Why, for the log only.
        why: String,
        /// When a retry may help.
        retry_after: Duration,
        /// The place in the config that names it.
        at: Pointer,
    },
    /// A good credential without a scope that the route asks for.
    InsufficientScope {
        /// What the route asks for, with spaces between.
        needed: String,
        /// Whether a bearer token proved the caller: only of those a challenge can ask for a better one.
        by_token: bool,
        /// The place in the config that asks for it.
        at: Pointer,
    },
    /// A good credential that is not good enough here.
    Forbidden {
        /// Why, for the log only.
        why: String,
        /// The place in the config that forbids it.
        at: Pointer,
    },
    /// A good credential whose plan lets nothing through.
    PlanRefused {
        /// What is wrong with the plan.
        trouble: PlanTrouble,
        /// More of it, for the log only.
        why: String,
        /// The place in the config that has the plans.
        at: Pointer,
    },
    /// A browser was made to send this by another site's page.
    CrossSite {
        /// Why, for the log only.
        why: String,
        /// The place in the config that says who may.
        at: Pointer,
    },
    /// Over a rate.
    RateLimited {
        /// Until one request fits again; the client is told whole seconds, rounded up, at least 1.
        retry_after: Duration,
        /// The place in the config that sets the rate.
        at: Pointer,
    },
    /// The counter store gave no answer in time.
    LimitStoreUnavailable {
        /// Why, for the log only.
        why: String,
    },
    /// No connection to the upstream.
    UpstreamUnreachable {
        /// Why, for the log only.
        why: String,
    },
    /// The upstream answered too late.
    UpstreamTimeout {
        /// How long it was waited for.
        after: Duration,
    },
    /// The upstream failed so often lately that it is not called now.
    UpstreamCircuitOpen {
        /// Until it is called again; the client is told whole seconds, rounded up, at least 1.
        retry_after: Duration,
        /// The place in the config that says so.
        at: Option<Pointer>,
    },
    /// The time for the whole request was used up before its upstream could be called.
    DeadlineExceeded,
    /// The client takes an answer only out of the cache, and none is kept.
    NotCached,
    /// The upstream's answer is no answer: reset, truncated, not HTTP, or not the JSON it says it is.
    UpstreamInvalid {
        /// Why, for the log only.
        why: String,
    },
    /// The upstream of an aggregate's part answered with an error of its own, or with a redirect.
    UpstreamStatus {
        /// Which.
        status: StatusCode,
    },
    /// A part of an aggregate failed without which there is no answer, or not another part's.
    Part {
        /// Which.
        name: Arc<str>,
        /// How it failed.
        error: Box<GatewayError>,
        /// The place in the config that has it.
        at: Pointer,
    },
    /// The answer does not fit what Lambda or the front door carries.
    ResponseTooLarge {
        /// What was too large, as a sentence for the client.
        why: String,
    },
    /// A defect in the gateway.
    Internal {
        /// What happened, for the log only.
        why: String,
    },
}

impl GatewayError {
    /// The HTTP status (RFC 9110 section 15; 429 and 431 from RFC 6585).
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest { .. } | Self::BodyUnreadable { .. } => StatusCode::BAD_REQUEST,
            Self::CodingRefused { .. } | Self::GrpcRefused => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::WebSocketRefused => StatusCode::NOT_IMPLEMENTED,
            Self::NotAcceptable { .. } => StatusCode::NOT_ACCEPTABLE,
            Self::HeadersTooLarge { .. } => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::PayloadTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::MissingCredential { .. } | Self::InvalidCredential { .. } => StatusCode::UNAUTHORIZED,
            Self::AuthUnavailable { .. } | Self::LimitStoreUnavailable { .. } | Self::UpstreamCircuitOpen { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::FrontDoorOnly { .. }
            | Self::AddressRefused { .. }
            | Self::InsufficientScope { .. }
            | Self::Forbidden { .. }
            | Self::PlanRefused { .. }
            | Self::CrossSite { .. } => StatusCode::FORBIDDEN,
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::UpstreamUnreachable { .. } | Self::UpstreamInvalid { .. } | Self::ResponseTooLarge { .. } => {
                StatusCode::BAD_GATEWAY
            }
            Self::UpstreamStatus { status } => handed_on(*status).unwrap_or(StatusCode::BAD_GATEWAY),
            Self::Part { error, .. } => error.status(),
            Self::UpstreamTimeout { .. } | Self::DeadlineExceeded | Self::NotCached => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The stable code that programs may compare: the `error` member of the body.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadRequest { .. } => "bad_request",
            Self::FrontDoorOnly { .. } => "front_door_only",
            Self::AddressRefused { .. } => "ip_not_allowed",
            Self::HeadersTooLarge { .. } => "headers_too_large",
            Self::PayloadTooLarge { .. } => "payload_too_large",
            Self::BodyUnreadable { .. } => "invalid_body",
            Self::CodingRefused { .. } => "unsupported_content_encoding",
            Self::GrpcRefused => "grpc_not_supported",
            Self::WebSocketRefused => "websocket_not_supported",
            Self::NotAcceptable { .. } => "not_acceptable",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::MissingCredential { .. } => "unauthorized",
            Self::InvalidCredential { credential, .. } => credential.code(),
            Self::AuthUnavailable { what, .. } => what.code(),
            Self::InsufficientScope { .. } => "insufficient_scope",
            Self::Forbidden { .. } => "forbidden",
            Self::PlanRefused { trouble, .. } => trouble.code(),
            Self::CrossSite { .. } => "cross_site_request",
            Self::RateLimited { .. } => "rate_limit_exceeded",
            Self::LimitStoreUnavailable { .. } => "limit_store_unavailable",
            Self::UpstreamUnreachable { .. } => "upstream_unreachable",
            Self::UpstreamTimeout { .. } => "upstream_timeout",
            Self::UpstreamCircuitOpen { .. } => "upstream_circuit_open",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::NotCached => "not_cached",
            Self::UpstreamInvalid { .. } => "upstream_invalid_response",
            Self::ResponseTooLarge { .. } => "response_too_large",
            Self::UpstreamStatus { .. } => "upstream_error",
            Self::Part { error, .. } => error.code(),
            Self::Internal { .. } => "internal_error",
        }
    }

    /// The `message` member: a sentence for a person, safe to show to anybody.
    pub fn message(&self) -> String {
        match self {
            Self::BadRequest { why }
            | Self::HeadersTooLarge { why, .. }
            | Self::PayloadTooLarge { why, .. }
            | Self::BodyUnreadable { why, .. }
            | Self::ResponseTooLarge { why } => why.clone(),
            Self::GrpcRefused => {
                "gRPC cannot pass this gateway, which is reached and calls services by HTTP/1.1. gRPC-Web can.".into()
            }
            Self::WebSocketRefused => {
                "A WebSocket cannot pass this gateway, which has one answer for each request.".into()
            }
            Self::NotAcceptable { types } => {
                format!(
                    "This path answers with none of the media types in Accept. There are: {}.",
                    types.join(", ")
                )
            }
            Self::CodingRefused { .. } => "This path takes bodies without Content-Encoding only.".into(),
            Self::FrontDoorOnly { .. } => "Requests are taken through the front door only.".into(),
            Self::AddressRefused { .. } => "Requests from this address are not taken here.".into(),
            Self::NotFound => "No route matches this path.".into(),
            Self::MethodNotAllowed { allow } => {
                let allow: Vec<&str> = allow.iter().map(Method::as_str).collect();
                format!("This path does not take this method. Allowed: {}.", allow.join(", "))
            }
            Self::MissingCredential { ask, .. } => ask.message.clone(),
            Self::InvalidCredential { credential, .. } => credential.message().into(),
            Self::AuthUnavailable { what, .. } => what.message().into(),
            Self::InsufficientScope { .. } => "The credential lacks a scope that this path needs.".into(),
            Self::Forbidden { .. } => "The caller may not use this path.".into(),
            Self::PlanRefused { trouble, .. } => trouble.message().into(),
            Self::CrossSite { .. } => "A request that changes something must come from this site's own pages.".into(),
            Self::RateLimited { .. } => {
                let seconds = self.retry_after().unwrap_or(1);
                let plural = if seconds == 1 { "" } else { "s" };
                format!("Too many requests. Retry after {seconds} second{plural}.")
            }
            Self::LimitStoreUnavailable { .. } => "Requests cannot be counted right now.".into(),
            Self::UpstreamUnreachable { .. } => "The service behind this path cannot be reached.".into(),
            Self::UpstreamTimeout { .. } => "The service behind this path did not answer in time.".into(),
            Self::UpstreamCircuitOpen { .. } => {
                "The service behind this path has failed too often lately and is not called for now.".into()
            }
            Self::DeadlineExceeded => "There was no time left to call the service behind this path.".into(),
            Self::NotCached => "No answer is kept for this request, and it asks for no other (only-if-cached).".into(),
            Self::UpstreamInvalid { .. } => "The service behind this path gave an invalid answer.".into(),
            Self::UpstreamStatus { status } => {
                let words = status.canonical_reason().map(|reason| format!(" {reason}"));
                let words = words.unwrap_or_default();
                format!("The service behind this path answered {}{words}.", status.as_u16())
            }
            Self::Part { name, error, .. } => {
                format!("The part `{name}` of this answer is missing. {}", error.message())
            }
            Self::Internal { .. } => "The gateway failed on this request.".into(),
        }
    }

    /// Who has to act.
    pub fn fault(&self) -> Fault {
        match self {
            Self::BadRequest { .. }
            | Self::FrontDoorOnly { .. }
            | Self::AddressRefused { .. }
            | Self::HeadersTooLarge { .. }
            | Self::PayloadTooLarge { .. }
            | Self::BodyUnreadable { .. }
            | Self::CodingRefused { .. }
            | Self::GrpcRefused
            | Self::WebSocketRefused
            | Self::NotAcceptable { .. }
            | Self::NotFound
            | Self::MethodNotAllowed { .. }
            | Self::MissingCredential { .. }
            | Self::InvalidCredential { .. }
            | Self::InsufficientScope { .. }
            | Self::Forbidden { .. }
            | Self::CrossSite { .. }
            | Self::NotCached
            | Self::RateLimited { .. } => Fault::Client,
            Self::PlanRefused {
                trouble: PlanTrouble::Expired,
                ..
            } => Fault::Client,
            Self::AuthUnavailable { .. }
            | Self::PlanRefused { .. }
            | Self::LimitStoreUnavailable { .. }
            | Self::DeadlineExceeded
            | Self::Internal { .. } => Fault::Gateway,
            Self::UpstreamStatus { status } if handed_on(*status).is_some() => Fault::Client,
            Self::Part { error, .. } => error.fault(),
            Self::UpstreamUnreachable { .. }
            | Self::UpstreamTimeout { .. }
            | Self::UpstreamInvalid { .. }
            | Self::UpstreamCircuitOpen { .. }
            | Self::UpstreamStatus { .. }
            | Self::ResponseTooLarge { .. } => Fault::Upstream,
        }
    }

    /// `Retry-After` in whole seconds, rounded up, at least 1; `None` where a retry does not help by itself
    /// (RFC 9110 section 10.2.3).
    pub fn retry_after(&self) -> Option<u64> {
        let wait = match self {
            Self::AuthUnavailable { retry_after, .. }
            | Self::RateLimited { retry_after, .. }
            | Self::UpstreamCircuitOpen { retry_after, .. } => *retry_after,
            Self::LimitStoreUnavailable { .. } => Duration::from_secs(1),
            Self::Part { error, .. } => return error.retry_after(),
            _ => return None,
        };
        let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Some(whole.max(1))
    }

    /// What the log says beyond the code: may name hosts and reasons, never a credential.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::AddressRefused { why, .. } => Some((*why).to_owned()),
            Self::BadRequest { why }
            | Self::HeadersTooLarge { why, .. }
            | Self::PayloadTooLarge { why, .. }
            | Self::BodyUnreadable { why, .. }
            | Self::InvalidCredential { why, .. }
            | Self::AuthUnavailable { why, .. }
            | Self::Forbidden { why, .. }
            | Self::PlanRefused { why, .. }
            | Self::CrossSite { why, .. }
            | Self::LimitStoreUnavailable { why }
            | Self::UpstreamUnreachable { why }
            | Self::UpstreamInvalid { why }
            | Self::ResponseTooLarge { why }
            | Self::Internal { why } => Some(why.clone()),
            Self::UpstreamTimeout { after } => Some(format!("no whole answer within {after:?}")),
            Self::UpstreamStatus { status } => Some(format!("answered {}", status.as_u16())),
            Self::Part { name, error, .. } => {
                let detail = error.detail().map(|detail| format!(": {detail}"));
                Some(format!("the part {name}{}", detail.unwrap_or_default()))
            }
            Self::NotFound
            | Self::FrontDoorOnly { .. }
            | Self::CodingRefused { .. }
            | Self::GrpcRefused
            | Self::WebSocketRefused
            | Self::NotAcceptable { .. }
            | Self::MethodNotAllowed { .. }
            | Self::MissingCredential { .. }
            | Self::InsufficientScope { .. }
            | Self::RateLimited { .. }
            | Self::UpstreamCircuitOpen { .. }
            | Self::NotCached
            | Self::DeadlineExceeded => None,
        }
    }

    /// The place in the config that caused it, where one did.
    pub fn at(&self) -> Option<&Pointer> {
        match self {
            Self::FrontDoorOnly { at }
            | Self::AddressRefused { at, .. }
            | Self::HeadersTooLarge { at, .. }
            | Self::PayloadTooLarge { at, .. }
            | Self::BodyUnreadable { at, .. }
            | Self::CodingRefused { at }
            | Self::MissingCredential { at, .. }
            | Self::InvalidCredential { at, .. }
            | Self::AuthUnavailable { at, .. }
            | Self::InsufficientScope { at, .. }
            | Self::Forbidden { at, .. }
            | Self::PlanRefused { at, .. }
            | Self::CrossSite { at, .. }
            | Self::Part { at, .. }
            | Self::RateLimited { at, .. } => Some(at),
            Self::UpstreamCircuitOpen { at, .. } => at.as_ref(),
            _ => None,
        }
    }
}

/// The statuses that a required part's service may decide for the whole answer: what was asked for is not there, or not for
/// this caller. Every other one speaks of a request that the gateway made, not the client.
fn handed_on(status: StatusCode) -> Option<StatusCode> {
    matches!(status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE).then_some(status)
}
