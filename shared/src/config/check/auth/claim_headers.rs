//! `claims_to_headers`: what upstreams get to know of a caller.

use std::collections::HashMap;

use http::HeaderName;

use crate::auth::ClaimPath;
use crate::auth::method::ClaimHeader;
use crate::config::check::header_name;
use crate::config::decode::{Field, Map, Named, Text};
use crate::config::report::Report;
use crate::config::tree::Place;
use crate::headers::{folded, is_forwarding, is_hop_by_hop};

/// The headers that a method sets, and whether that is all of them: not where a mistake keeps us from knowing.
pub(super) fn of(field: &Field<Map<Text>>, report: &mut Report) -> (Vec<ClaimHeader>, bool) {
    match field {
        Field::Absent => (default_headers(), true),
        Field::Bad => (Vec::new(), false),
        Field::Given(map) => {
            let headers = claim_headers(map, report);
            let known = headers.len() == map.entries.len();
            (headers, known)
        }
    }
}

fn default_headers() -> Vec<ClaimHeader> {
    let header = |claim: &str, name| ClaimHeader {
        claim: ClaimPath::of_name(claim),
        header: HeaderName::from_static(name),
    };
    vec![header("sub", "x-user-id"), header("role", "x-user-role")]
}

fn claim_headers(map: &Map<Text>, report: &mut Report) -> Vec<ClaimHeader> {
    let mut headers = Vec::new();
    let mut taken: HashMap<String, Place> = HashMap::new();
    for entry in &map.entries {
        let Some(header) = claim_header(entry, report) else {
            continue;
        };
        // Upstreams that fold `_` to `-` would take the two for one.
        let folded = folded(header.header.as_str()).into_owned();
        match taken.get(&folded) {
            Some(first) => {
                let reason = format!("this header is already set by {}", report.pointer(*first).as_str());
                report.mistake(entry.place, reason);
            }
            None => {
                taken.insert(folded, entry.place);
                headers.push(header);
            }
        }
    }
    headers
}

fn claim_header(entry: &Named<Text>, report: &mut Report) -> Option<ClaimHeader> {
    let text = entry.value.given()?;
    let header = text.parse("a header name", report, header_name)?;
    let claim = match ClaimPath::parse(&entry.name) {
        Ok(claim) => claim,
        Err(why) => {
            report.mistake(entry.place, why);
            return None;
        }
    };
    if let Some(why) = reserved(&header) {
        report.mistake(text.place, format!("{} cannot carry a claim: {why}", text.quoted()));
        return None;
    }
    Some(ClaimHeader { claim, header })
}

/// Why a header cannot carry a claim or a key, if so. In any spelling: servers behind CGI-like interfaces read `x_request_id` as
/// `x-request-id`.
pub(super) fn reserved(header: &HeaderName) -> Option<&'static str> {
    if is_hop_by_hop(header) {
        return Some("it belongs to one connection (RFC 9110 section 7.6.1)");
    }
    if is_forwarding(header) {
        return Some("the gateway sets it itself");
    }
    match &*folded(header.as_str()) {
        "host" | "content-length" => Some("it belongs to the message itself"),
        "authorization" | "cookie" => Some("it carries credentials"),
        "x-request-id" | "x-auth-method" | "traceparent" | "tracestate" => Some("the gateway sets it itself"),
        _ => None,
    }
}
