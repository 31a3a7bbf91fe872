//! `type: api_key`.

use http::header::AUTHORIZATION;

use super::claim_headers::reserved;
use super::values::not_empty;
use crate::auth::ApiKeyRules;
use crate::config::check::header_name;
use crate::config::raw::auth::methods::ApiKey;
use crate::config::report::Report;

const DEFAULT_HEADER: &str = "X-Api-Key";

pub(super) fn rules(section: &ApiKey, report: &mut Report) -> Option<ApiKeyRules> {
    let query = section
        .query
        .given()
        .map(|text| not_empty(text, "a query parameter", report));
    let written = section.header.given();
    let header = match written {
        Some(text) => text.parse("a header name", report, header_name)?,
        None => header_name(DEFAULT_HEADER).ok()?,
    };
    if let (Some(text), Some(why)) = (written, reserved(&header).filter(|_| header != AUTHORIZATION)) {
        report.mistake(text.place, format!("{} cannot hold a key: {why}", text.quoted()));
        return None;
    }
    let query = match query {
        Some(name) => Some(name?),
        None => None,
    };
    Some(ApiKeyRules {
        header,
        header_as_written: written.map_or(DEFAULT_HEADER, |text| &text.value).to_owned(),
        query,
    })
}
