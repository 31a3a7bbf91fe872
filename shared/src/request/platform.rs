//! What the front door says of the caller: taken out of the event as it stands, read only by a method that asks.

use std::fmt;

use http::HeaderMap;

use crate::event::EventKind;

/// The front door's own statements about the caller. What they are worth depends on how the front door is set up (a load
/// balancer's are headers, which its listener must be set to write), so only a method that names one believes it.
#[derive(Clone)]
pub struct PlatformFacts {
    /// Whose statements they are.
    pub door: EventKind,
    /// `requestContext.authorizer`, JSON; `None` where it is not there, null or empty.
    pub authorizer: Option<Box<str>>,
    /// A REST API's `requestContext.identity`, JSON, where that names an IAM caller. The other front doors have theirs
    /// among the authorizers.
    pub iam_identity: Option<Box<str>>,
    /// The certificate that the client showed in its TLS handshake.
    pub certificate: Option<Box<PresentedCertificate>>,
}

/// A client certificate as the front door hands it on.
#[derive(Clone, Debug)]
pub enum PresentedCertificate {
    /// API Gateway's `clientCert`, JSON.
    ApiGateway(Box<str>),
    /// What a load balancer writes about it.
    LoadBalancer(BalancerHeaders),
}

/// A load balancer's words about a client certificate.
#[derive(Clone, Debug)]
pub struct BalancerHeaders {
    /// Every `X-Amzn-Mtls-Clientcert...` header of the request.
    pub headers: HeaderMap,
    /// Whether the client spoke TLS. If not, the headers are the client's own.
    pub https: bool,
}

impl PlatformFacts {
    /// Of a front door that says nothing.
    pub const fn none(door: EventKind) -> Self {
        Self {
            door,
            authorizer: None,
            iam_identity: None,
            certificate: None,
        }
    }
}

/// Which statements there are, not what they say: an authorizer's context may hold secrets.
impl fmt::Debug for PlatformFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlatformFacts")
            .field("door", &self.door)
            .field("authorizer", &self.authorizer.is_some())
            .field("iam_identity", &self.iam_identity.is_some())
            .field("certificate", &self.certificate.is_some())
            .finish()
    }
}
