//! API Gateway REST APIs
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>).

#[cfg(test)]
pub(super) mod tests;

use std::net::IpAddr;

use super::client;
use super::json::Object;
use super::platform;
use super::proxy::{Particulars, read_method};
use super::query::{self, Parameters};
use crate::path::CanonicalPath;

/// What the API Gateway console's test puts where a client's address belongs.
const CONSOLE: &str = "test-invoke-source-ip";

pub(super) fn read(envelope: &Object<'_>, context: &Object<'_>) -> Result<Particulars, String> {
    let raw = envelope.required("path")?;
    let asked = context.text("path")?.unwrap_or_default();
    let identity = context.object("identity", "requestContext.identity.")?;
    Ok(Particulars {
        method: read_method(envelope, "httpMethod")?,
        path: CanonicalPath::from_encoded(&raw)?,
        mount: mount(&asked, &raw),
        query: query::of_maps(envelope, Parameters::Decoded)?,
        source: read_source(&identity)?,
        platform: platform::of_rest(context, &identity),
    })
}

fn read_source(identity: &Object<'_>) -> Result<IpAddr, String> {
    match identity.says("sourceIp", CONSOLE) {
        true => Ok(client::NOBODY),
        false => client::source(identity, "sourceIp"),
    }
}

/// What the path that the client asked for, `requestContext.path`, has in front of `path`: behind the API's own domain
/// the stage, behind a custom domain nothing (there `path` has the base path in it, too). Nothing as well where the one
/// does not end with the other: the console's test puts the resource's pattern there.
fn mount(asked: &str, path: &str) -> String {
    // At the root the slash may be missing.
    let root = (path == "/").then_some(asked);
    let front = asked.strip_suffix(path).or(root).unwrap_or_default();
    // Public locations begin with it: it must be a path like any other.
    match CanonicalPath::from_encoded(front) {
        Ok(path) if !front.is_empty() => path.encoded().trim_end_matches('/').to_owned(),
        _ => String::new(),
    }
}
