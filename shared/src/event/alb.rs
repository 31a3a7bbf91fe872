//! Application Load Balancers, with a target group that has multi-value headers or not
//! (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html>).
//!
//! Their health checks are requests, too, with little more in them than method and path.

#[cfg(test)]
pub(super) mod tests;

use super::client;
use super::headers::Headers;
use super::json::Object;
use super::platform;
use super::proxy::{Particulars, read_method};
use super::query::{self, Parameters};
use crate::path::CanonicalPath;

pub(super) fn read(envelope: &Object<'_>, headers: &Headers) -> Result<Particulars, String> {
    Ok(Particulars {
        method: read_method(envelope, "httpMethod")?,
        path: CanonicalPath::from_encoded(&envelope.required("path")?)?,
        mount: String::new(),
        query: query::of_maps(envelope, Parameters::AsSent)?,
        source: client::last_forwarded(&headers.map)?,
        platform: platform::of_load_balancer(headers),
    })
}
