//! The request as every stage sees it: one canonical form, whatever event it came in.

use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::path::CanonicalPath;

mod platform;

pub use platform::{BalancerHeaders, PlatformFacts, PresentedCertificate};

/// Whether requests of this method can go through. `CONNECT` has no path to route by and would open a tunnel to the
/// upstream past every later stage; the answer to a `TRACE` shows the client what is added for the upstream alone
/// (RFC 9110 sections 9.3.6 and 9.3.8).
pub fn goes_through(method: &Method) -> bool {
    !matches!(*method, Method::CONNECT | Method::TRACE)
}

/// One client request, already canonical.
#[derive(Clone, Debug)]
pub struct Request {
    /// The request method, as the client sent it (methods are case-sensitive, RFC 9110 section 9.1).
    pub method: Method,
    /// The public host the client asked for, lower case, without a port; empty when the event names none.
    pub host: String,
    /// The host as the client wrote it, with its port if it had one: what `X-Forwarded-Host` says.
    pub authority: String,
    /// The one path that routes, authorizes and is forwarded.
    pub path: CanonicalPath,
    /// What goes upstream in place of `path`, where a rule says so; no prefix is taken off it.
    pub upstream_path: Option<CanonicalPath>,
    /// What the front door put in front of the path and the gateway took off: `/prod` behind that stage, else empty.
    /// Public locations begin with it.
    pub mount: String,
    /// The query string as the client sent it, without `?`; empty when there is none.
    pub query: String,
    /// Request headers. Cookies are one `cookie` header here. After sealing nothing in it claims an identity.
    pub headers: HeaderMap,
    /// The decoded body.
    pub body: Bytes,
    /// The client's address: the event's source address, or what trusted proxies say it is.
    pub client_ip: IpAddr,
    /// Whether the client spoke TLS to the front door; `X-Forwarded-Proto` says so upstream.
    pub https: bool,
    /// What the front door itself, not the client, says of the caller.
    pub platform: PlatformFacts,
}
