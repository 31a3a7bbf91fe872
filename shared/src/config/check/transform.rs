//! `transform` of routes and the sections of `transformations`: rules for requests and answers.

mod body;
mod fields;
mod headers;
mod query;

use std::sync::Arc;

use super::auth::Identity;
use super::sections::pattern;
use super::templates::Scope;
use crate::config::PathSection;
use crate::config::decode::{List, Slot as _};
use crate::config::raw::transform::{Transform, TransformRequest, TransformResponse, Transformation};
use crate::config::report::Report;
use crate::template::PathTemplate;
use crate::transform::{BodyChanges, RequestRules, ResponseRules, Rule, TransformRules};

/// The sections, without those that change nothing: they must not cost caching and compression.
pub(super) fn sections(
    list: Option<&List<Transformation>>,
    identity: &Identity,
    report: &mut Report,
) -> Vec<PathSection<TransformRules>> {
    let mut sections = Vec::new();
    for section in list.map_or(&[][..], |list| &list.items) {
        let pattern = section.path.given().and_then(|text| pattern(text, report));
        if section.rules.request.is_absent() && section.rules.response.is_absent() {
            let reason = "nothing is reshaped here: give the section a request or a response";
            report.mistake(section.place, reason);
        }
        let scope = Scope {
            pattern: pattern.as_ref(),
            identity,
            is_public: !identity.exists,
            parts: &[],
        };
        let rule = rules(&section.rules, scope, report);
        if let Some(pattern) = pattern
            && (rule.request.is_some() || rule.response.is_some())
        {
            sections.push(PathSection { pattern, rule });
        }
    }
    sections
}

pub(super) fn rules(raw: &Transform, scope: Scope<'_>, report: &mut Report) -> TransformRules {
    let request = raw.request.given().and_then(|raw| request(raw, scope, report));
    let response = raw.response.given().and_then(|raw| response(raw, scope, report));
    TransformRules {
        request: request.filter(|rules| !rules.is_empty()).map(Arc::new),
        response: response.filter(|rules| !rules.is_empty()).map(Arc::new),
    }
}

fn request(raw: &TransformRequest, scope: Scope<'_>, report: &mut Report) -> Option<RequestRules> {
    let path = raw.path.given().and_then(|text| {
        let says = scope.template(text, "a path", PathTemplate::parse, report)?;
        let at = report.pointer(text.place);
        Some(Rule { at, says })
    });
    let query = raw.query.given().map(|raw| query::changes(raw, scope, report));
    let headers = raw.headers.given();
    let body = match raw.body.given() {
        Some(raw) => body::changes(raw, scope, report)?,
        None => BodyChanges::default(),
    };
    Some(RequestRules {
        pointer: report.pointer(raw.place),
        path,
        query: query.unwrap_or_default(),
        headers: headers
            .map(|raw| headers::of_request(raw, scope, report))
            .unwrap_or_default(),
        body,
        on_unparsable: raw.on_unparsable.given().map(|given| given.value).unwrap_or_default(),
    })
}

fn response(raw: &TransformResponse, scope: Scope<'_>, report: &mut Report) -> Option<ResponseRules> {
    let headers = raw.headers.given();
    let headers = headers
        .map(|raw| headers::of_answer(raw, scope, report))
        .unwrap_or_default();
    let body = body::of_answer(raw, scope, report)?;
    Some(ResponseRules {
        pointer: report.pointer(raw.place),
        headers,
        body,
        on_unparsable: raw.on_unparsable.given().map(|given| given.value).unwrap_or_default(),
    })
}
