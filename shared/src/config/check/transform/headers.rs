//! Which headers rules may touch, and what they make of them.

use std::collections::HashSet;

use http::HeaderName;

use crate::config::check::auth::Identity;
use crate::config::check::header_name;
use crate::config::check::routes::settable;
use crate::config::check::templates::Scope;
use crate::config::decode::{Field, List, Map, Text};
use crate::config::raw;
use crate::config::report::Report;
use crate::config::tree::{Place, quote};
use crate::headers::{is_forwarding, is_hop_by_hop};
use crate::template::HeaderTemplate;
use crate::transform::{HeaderChanges, Rule};

/// Why a header is not for rules to touch, to be read after its name; `may_go`: whether it is only taken out.
type Refusal<'r> = &'r dyn Fn(&HeaderName, bool) -> Option<&'static str>;

pub(super) fn of_request(raw: &raw::transform::HeaderChanges, scope: Scope<'_>, report: &mut Report) -> HeaderChanges {
    changes(raw, scope, &|name, _| not_in_requests(name, scope.identity), report)
}

pub(super) fn of_answer(raw: &raw::transform::HeaderChanges, scope: Scope<'_>, report: &mut Report) -> HeaderChanges {
    changes(raw, scope, &not_in_answers, report)
}

fn not_in_requests(name: &HeaderName, identity: &Identity) -> Option<&'static str> {
    match name.as_str() {
        "content-length" => Some("it is measured"),
        "content-encoding" => Some("the body is sent as it stands"),
        "host" => Some("it is the upstream's"),
        "x-request-id" | "traceparent" | "tracestate" => Some("the gateway sets it itself"),
        _ if is_hop_by_hop(name) => Some("it belongs to one connection (RFC 9110 section 7.6.1)"),
        _ if is_forwarding(name) => Some("the gateway says itself where a request comes from"),
        _ if identity.client_headers.removes(name) => {
            Some("it is taken out of every request, and only the gateway itself sets it (claims_to_headers)")
        }
        _ => None,
    }
}

fn not_in_answers(name: &HeaderName, may_go: bool) -> Option<&'static str> {
    match settable(name) {
        Err(why) => Some(why),
        Ok(()) if !may_go && name.as_str().starts_with("access-control-") => {
            Some("which pages may read an answer is said in cors")
        }
        Ok(()) => None,
    }
}

fn changes(
    raw: &raw::transform::HeaderChanges,
    scope: Scope<'_>,
    refusal: Refusal<'_>,
    report: &mut Report,
) -> HeaderChanges {
    HeaderChanges {
        remove: removals(&raw.remove, refusal, report),
        rename: renames(&raw.rename, refusal, report),
        set: texts(&raw.set, scope, refusal, report),
        add: texts(&raw.add, scope, refusal, report),
    }
}

/// A header that rules may touch.
fn header(written: &str, may_go: bool, refusal: Refusal<'_>) -> Result<HeaderName, String> {
    let name = header_name(written)?;
    match refusal(&name, may_go) {
        Some(why) => Err(format!("{} cannot stand here: {why}", quote(written))),
        None => Ok(name),
    }
}

fn removals(list: &Field<List<Text>>, refusal: Refusal<'_>, report: &mut Report) -> Vec<Rule<HeaderName>> {
    let mut seen = HashSet::new();
    let mut rules = Vec::new();
    for text in list.given().map_or(&[][..], |list| &list.items) {
        let read = |written: &str| header(written, true, refusal);
        if let Some(name) = text.parse("a header that can stand here", report, read) {
            refuse_second(&mut seen, &name, text.place, &text.quoted(), report);
            let at = report.pointer(text.place);
            rules.push(Rule { at, says: name });
        }
    }
    rules
}

fn renames(map: &Field<Map<Text>>, refusal: Refusal<'_>, report: &mut Report) -> Vec<Rule<(HeaderName, HeaderName)>> {
    let (mut seen, mut taken) = (HashSet::new(), HashSet::new());
    let mut rules = Vec::new();
    for entry in map.given().map_or(&[][..], |map| &map.entries) {
        let from = key(&entry.name, entry.place, true, refusal, report);
        let to = entry.value.given().and_then(|text| {
            let read = |written: &str| header(written, false, refusal);
            let name = text.parse("a header that can stand here", report, read)?;
            if !taken.insert(name.clone()) {
                let reason = format!("{} is here twice: two headers cannot become one", text.quoted());
                report.mistake(text.place, reason);
            }
            Some(name)
        });
        let Some(from) = from else { continue };
        refuse_second(&mut seen, &from, entry.place, &quote(&entry.name), report);
        if to.as_ref() == Some(&from) {
            report.mistake(entry.place, "this is its name already: case makes no difference");
        }
        let at = report.pointer(entry.place);
        rules.extend(to.map(|to| Rule { at, says: (from, to) }));
    }
    rules
}

fn texts(
    map: &Field<Map<Text>>,
    scope: Scope<'_>,
    refusal: Refusal<'_>,
    report: &mut Report,
) -> Vec<Rule<(HeaderName, HeaderTemplate)>> {
    let mut seen = HashSet::new();
    let mut rules = Vec::new();
    for entry in map.given().map_or(&[][..], |map| &map.entries) {
        let name = key(&entry.name, entry.place, false, refusal, report);
        let text = entry.value.given();
        let text = text.and_then(|text| scope.template(text, "a header value", HeaderTemplate::parse, report));
        let Some(name) = name else { continue };
        refuse_second(&mut seen, &name, entry.place, &quote(&entry.name), report);
        let at = report.pointer(entry.place);
        rules.extend(text.map(|text| Rule { at, says: (name, text) }));
    }
    rules
}

fn key(written: &str, place: Place, may_go: bool, refusal: Refusal<'_>, report: &mut Report) -> Option<HeaderName> {
    match header(written, may_go, refusal) {
        Ok(name) => Some(name),
        Err(reason) => {
            report.mistake(place, reason);
            None
        }
    }
}

fn refuse_second(seen: &mut HashSet<HeaderName>, name: &HeaderName, place: Place, shown: &str, report: &mut Report) {
    if !seen.insert(name.clone()) {
        report.mistake(place, format!("{shown} is here twice: case makes no difference"));
    }
}
