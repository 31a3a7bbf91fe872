//! What holds where the outside meets the gateway: whom it lets in, and what its answers say to those who made them.

use std::sync::Arc;

use http::HeaderMap;

use crate::compress::{CompressRules, Wish};
use crate::cors::CorsRules;
use crate::error::GatewayError;
use crate::ip_rules::IpRules;
use crate::origin_secret::OriginSecret;
use crate::request::Request;
use crate::security_headers::SecurityHeaders;
use crate::size_limits::{BodyLimit, HeaderLimits};
use finish::Finish;

pub mod finish;

/// Of every request, before its route is looked for.
#[derive(Clone, Debug, Default)]
pub struct EntryRules {
    /// By what it shows that it came through the front door.
    pub origin_secret: Option<OriginSecret>,
    /// Who may come at all.
    pub ip: Option<IpRules>,
    /// How many headers it may have, and how large.
    pub headers: Option<HeaderLimits>,
}

/// Of one route, or of a request that found none.
#[derive(Clone, Debug, Default)]
pub struct EdgeRules {
    /// Which sites' pages may read the answers; `None`: the upstream says so, if anybody.
    pub cors: Option<Arc<CorsRules>>,
    /// Who may use the route, of those who may come at all.
    pub ip: Option<IpRules>,
    /// How large a request's body may be; `None`: what Lambda carries.
    pub max_body: Option<BodyLimit>,
    /// What answers tell browsers to be careful about; `None`: the upstream says so, if anybody.
    pub security_headers: Option<Arc<SecurityHeaders>>,
    /// Which answers are compressed; `None`: those that the upstream compresses.
    pub compress: Option<Arc<CompressRules>>,
}

impl EntryRules {
    /// Whether a request as it came, not yet sealed, may go on.
    ///
    /// # Errors
    /// `FrontDoorOnly`, `AddressRefused`, `HeadersTooLarge`.
    pub fn check(&self, request: &Request) -> Result<(), GatewayError> {
        if let Some(secret) = &self.origin_secret {
            secret.check(&request.headers)?;
        }
        if let Some(ip) = &self.ip {
            ip.check(request.client_ip)?;
        }
        match &self.headers {
            Some(limits) => limits.check(&request.headers),
            None => Ok(()),
        }
    }
}

impl EdgeRules {
    /// What every answer to this request gets, however it ends.
    pub fn finish(&self, request: &Request) -> Finish {
        let wish = || Wish::of(&request.method, &request.headers);
        Finish {
            compress: self.compress.as_ref().map(|rules| (Arc::clone(rules), wish())),
            ..self.finish_early(&request.headers, request.https)
        }
    }

    /// What answers get while no more is known of a request than its headers. `https`: whether the client used TLS.
    pub fn finish_early(&self, headers: &HeaderMap, https: bool) -> Finish {
        Finish {
            cors: self.cors.as_ref().map(|rules| rules.grant(headers)),
            security_headers: self.security_headers.clone(),
            compress: None,
            https,
            by_accept: false,
            by_headers: Vec::new(),
        }
    }

    /// Whether a request may use the route, whoever sends it.
    ///
    /// # Errors
    /// `AddressRefused`.
    pub fn check_address(&self, request: &Request) -> Result<(), GatewayError> {
        match &self.ip {
            Some(ip) => ip.check(request.client_ip),
            None => Ok(()),
        }
    }

    /// Whether the route takes so large a body.
    ///
    /// # Errors
    /// `PayloadTooLarge`.
    pub fn check_body(&self, request: &Request) -> Result<(), GatewayError> {
        match &self.max_body {
            Some(limit) => limit.check(request.body.len()),
            None => Ok(()),
        }
    }
}
