//! `security_headers`.

use std::sync::Arc;

use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue};

use crate::config::check::routes::header_value;
use crate::config::decode::{Map, Placed as _, Text};
use crate::config::raw::edge::SecurityStance;
use crate::config::report::Report;
use crate::config::tree::{Place, quote};
use crate::security_headers::SecurityHeaders;

/// What may stand here: a closed list, so that a slip in a name is not a header that nobody reads.
const KNOWN: [HeaderName; 10] = [
    STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
    CONTENT_SECURITY_POLICY,
    CONTENT_SECURITY_POLICY_REPORT_ONLY,
    REFERRER_POLICY,
    HeaderName::from_static("permissions-policy"),
    HeaderName::from_static("cross-origin-opener-policy"),
    HeaderName::from_static("cross-origin-embedder-policy"),
    HeaderName::from_static("cross-origin-resource-policy"),
];

pub(super) fn rules(stance: &SecurityStance, report: &mut Report) -> Option<Arc<SecurityHeaders>> {
    let own = match stance {
        SecurityStance::None => return None,
        SecurityStance::Standard => Vec::new(),
        SecurityStance::Own(map) => own(map, report),
    };
    Some(Arc::new(SecurityHeaders::standard_but(own)))
}

fn own(map: &Map<Text>, report: &mut Report) -> Vec<(HeaderName, Option<HeaderValue>)> {
    let mut own: Vec<(HeaderName, Option<HeaderValue>)> = Vec::new();
    for entry in &map.entries {
        let Some(name) = known(&entry.name, entry.place, report) else {
            continue;
        };
        if own.iter().any(|(before, _)| *before == name) {
            let reason = format!("{} is here twice: case makes no difference", quote(&entry.name));
            report.mistake(entry.place, reason);
        }
        let Some(text) = entry.value.given() else { continue };
        match text.value == "none" {
            true => own.push((name, None)),
            false => own.extend(
                text.parse("a header value", report, header_value)
                    .map(|value| (name, Some(value))),
            ),
        }
    }
    let values = own
        .iter()
        .filter_map(|(name, value)| Some(name.as_str().len() + value.as_ref()?.len()));
    super::refuse_large(values.sum(), map.place(), report);
    own
}

fn known(written: &str, place: Place, report: &mut Report) -> Option<HeaderName> {
    let found = KNOWN
        .into_iter()
        .find(|name| written.eq_ignore_ascii_case(name.as_str()));
    if found.is_none() {
        let shown = quote(written);
        let names: Vec<String> = KNOWN.iter().map(ToString::to_string).collect();
        let near = report.nearest(written, names.iter().map(String::as_str));
        let reason = match near {
            Some(near) => format!("{shown} is not a header that can stand here (did you mean {near:?}?)"),
            None => format!(
                "{shown} is not a header that can stand here (there are: {})",
                names.join(", ")
            ),
        };
        report.mistake(place, reason);
    }
    found
}
