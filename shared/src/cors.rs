//! Cross-origin resource sharing (Fetch standard, section 3.2): which sites' pages may read a route's answers.
//!
//! The gateway states the rules and browsers hold pages to them. A request of a page that may not read the answer is served
//! like any other, since whoever is no browser sends it as well: this is no access control.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use crate::headers::add_vary;
use crate::request::Request;

mod origin;
#[cfg(test)]
mod tests;

pub use origin::OriginPattern;

/// `cors`, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsRules {
    /// Whose pages may read.
    pub origins: AllowedOrigins,
    /// `Access-Control-Allow-Methods`; `None` only while no route is known.
    pub methods: Option<HeaderValue>,
    /// `Access-Control-Allow-Headers`; `None`: those that every page may set.
    pub headers: Option<HeaderValue>,
    /// `Access-Control-Expose-Headers`.
    pub expose: HeaderValue,
    /// `Access-Control-Max-Age`, in seconds.
    pub max_age: u32,
    /// Whether browsers may send cookies, and show pages what comes back.
    pub credentials: bool,
}

/// `origins`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// `*`. Never with credentials: any site could read what its visitors may.
    Any,
    /// These alone.
    Listed(Vec<OriginPattern>),
}

/// What one request's answers say to a browser, however the request ends.
#[derive(Clone, Debug)]
pub struct Grant {
    rules: Arc<CorsRules>,
    /// `Access-Control-Allow-Origin`; `None` where the request's own is not allowed, or there is none.
    origin: Option<HeaderValue>,
    /// Whether the answer is one to a preflight.
    preflight: bool,
}

/// The method that a preflight asks for (Fetch standard, section 4.8); `None` for any other request.
pub fn requested_method(request: &Request) -> Option<Method> {
    if request.method != Method::OPTIONS || !request.headers.contains_key(ORIGIN) {
        return None;
    }
    let asked = only(&request.headers, &ACCESS_CONTROL_REQUEST_METHOD)?;
    Method::from_bytes(asked.as_bytes()).ok()
}

/// Whether a preflight announces a header of this name. What will be in it, no preflight says.
pub fn announces(request: &Request, name: &HeaderName) -> bool {
    let lines = request.headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter();
    let mut names = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    names.any(|announced| announced.trim_ascii().eq_ignore_ascii_case(name.as_str().as_bytes()))
}

impl CorsRules {
    /// What answers to a request with these headers will say.
    pub fn grant(self: &Arc<Self>, headers: &HeaderMap) -> Grant {
        let origin = match &self.origins {
            AllowedOrigins::Any => Some(HeaderValue::from_static("*")),
            AllowedOrigins::Listed(patterns) => only(headers, &ORIGIN)
                .filter(|origin| patterns.iter().any(|pattern| pattern.matches(origin.as_bytes()))),
        };
        Grant {
            rules: Arc::clone(self),
            origin,
            preflight: false,
        }
    }
}

impl Grant {
    /// The answer to a preflight; `None` for any other request. It is the same whether or not what was asked for is allowed:
    /// to compare is the browser's part.
    pub fn preflight(&mut self, request: &Request) -> Option<Response<Bytes>> {
        requested_method(request)?;
        self.preflight = true;
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        Some(answer)
    }

    /// Sets what the rules say, in the place of all that an upstream says of it.
    pub fn stamp(&self, headers: &mut HeaderMap) {
        let theirs = headers
            .keys()
            .filter(|name| name.as_str().starts_with("access-control-"));
        for name in theirs.cloned().collect::<Vec<_>>() {
            headers.remove(name);
        }
        // Also where no origin was given or none allowed: a cache must not show this answer to another origin's page.
        if self.rules.origins != AllowedOrigins::Any {
            add_vary(headers, "Origin");
        }
        let Some(origin) = &self.origin else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if self.rules.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if !self.preflight {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, self.rules.expose.clone());
            return;
        }
        if let Some(methods) = &self.rules.methods {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods.clone());
        }
        if let Some(allowed) = &self.rules.headers {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed.clone());
        }
        headers.insert(ACCESS_CONTROL_MAX_AGE, self.rules.max_age.into());
    }
}

/// The one value of a header. Browsers send one; of several, which is meant is not ours to guess.
fn only(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none()).cloned()
}
