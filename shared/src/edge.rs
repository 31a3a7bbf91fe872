//! What holds where the outside meets the gateway: whom it lets in, and what its answers say to those who made them.

use std::sync::Arc;

use crate::cors::CorsRules;
use crate::error::GatewayError;
use crate::ip_rules::IpRules;
use crate::request::Request;
use crate::size_limits::{BodyLimit, HeaderLimits};

/// Of every request, before its route is looked for.
#[derive(Clone, Debug, Default)]
pub struct EntryRules {
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
}

impl EntryRules {
    /// Whether a request as it came, not yet sealed, may go on.
    ///
    /// # Errors
    /// `AddressRefused`, `HeadersTooLarge`.
    pub fn check(&self, request: &Request) -> Result<(), GatewayError> {
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
    /// Whether a request may use the route, whoever sends it.
    ///
    /// # Errors
    /// `AddressRefused`, `PayloadTooLarge`.
    pub fn check(&self, request: &Request) -> Result<(), GatewayError> {
        if let Some(ip) = &self.ip {
            ip.check(request.client_ip)?;
        }
        match &self.max_body {
            Some(limit) => limit.check(request.body.len()),
            None => Ok(()),
        }
    }
}
