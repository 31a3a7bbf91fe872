//! `routes`: what each asks for, where it leads, and that no two of them can be confused.

mod aggregate;
mod conditions;
mod ids;
mod shapes;
mod split;
mod target;

use std::num::NonZeroU32;
use std::sync::Arc;

use super::auth::{self, Identity};
use super::cache;
use super::edge;
use super::limits;
use super::sections::pattern;
use super::services::Services;
use super::templates::Scope;
use super::transform;
use crate::config::decode::Field;
use crate::config::raw::auth::route::RouteAuth;
use crate::config::raw::{self, Document};
use crate::config::report::Report;
use crate::config::{PathLimits, Route};
use crate::edge::EdgeRules;
use crate::path::PathPattern;
use crate::router::Conditions;

pub(super) use conditions::method;
pub(super) use target::{fallback, header_value, settable};

/// A route of which is known so far what requests it takes.
struct Draft<'a> {
    raw: &'a raw::Route,
    pattern: Option<PathPattern>,
    conditions: Conditions,
    /// Whether `conditions` is all of them: not where a mistake keeps us from knowing.
    conditions_known: bool,
}

pub(super) fn check(
    document: &Document,
    services: &Services<'_>,
    identity: &Identity,
    shared: &PathLimits,
    edge: &EdgeRules,
    report: &mut Report,
) -> Vec<Arc<Route>> {
    let Some(list) = document.routes.given() else {
        return Vec::new();
    };
    list.refuse_empty("at least one route is needed: there is nothing to serve", report);
    let drafts: Vec<Draft<'_>> = list.items.iter().map(|raw| draft(raw, identity, report)).collect();
    shapes::refuse_indistinguishable(&drafts, report);
    let ids = ids::of(&drafts, report);
    let built = drafts
        .into_iter()
        .zip(ids)
        .filter_map(|(draft, id)| build(draft, &id, services, identity, shared, edge, report));
    built.map(Arc::new).collect()
}

fn draft<'a>(raw: &'a raw::Route, identity: &Identity, report: &mut Report) -> Draft<'a> {
    let pattern = raw.path.given().and_then(|text| pattern(text, report));
    let conditions = conditions::of(raw, &identity.client_headers, report);
    let conditions_known = [&raw.methods, &raw.hosts, &raw.accept]
        .iter()
        .all(|list| list.is_sound(report))
        && [&raw.headers, &raw.query].iter().all(|map| map.is_sound(report));
    Draft {
        raw,
        pattern,
        conditions,
        conditions_known,
    }
}

fn build(
    draft: Draft<'_>,
    id: &str,
    services: &Services<'_>,
    identity: &Identity,
    shared: &PathLimits,
    edge: &EdgeRules,
    report: &mut Report,
) -> Option<Route> {
    let Draft {
        raw,
        pattern,
        conditions,
        ..
    } = draft;
    let scope = Scope {
        pattern: pattern.as_ref(),
        identity,
        is_public: matches!(raw.auth, Field::Given(RouteAuth::None)),
        parts: &[],
    };
    let target = target::of(raw, id, &scope, services, report);
    let auth = auth::of_route(raw, identity, report);
    let own = limits::of_route(raw, id, identity, report);
    if let Some(pattern) = &pattern {
        limits::fit_route(raw, pattern, &own, shared, report);
    }
    let edge = edge::of_route(raw, &conditions.methods, edge, report);
    let cache = cache::of_route(raw, &conditions, &identity.client_headers, report);
    let transform = raw.transform.given().map(|raw| transform::rules(raw, scope, report));
    Some(Route {
        id: id.into(),
        pointer: report.pointer(raw.place),
        pattern: pattern?,
        conditions,
        target: target?,
        auth,
        limits: own,
        cost: raw.cost.given().map_or(NonZeroU32::MIN, |given| given.value),
        edge,
        cache,
        transform: transform.unwrap_or_default(),
    })
}
