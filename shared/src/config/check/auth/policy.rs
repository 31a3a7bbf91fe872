//! What a route asks of its callers.

use std::sync::Arc;

use http::HeaderValue;

use super::rules::{claim_rules, scope_rule};
use super::{Identity, needs_auth};
use crate::auth::RouteAuth;
use crate::auth::method::MethodKind;
use crate::auth::{Ask, AuthPolicy, MethodId, Methods};
use crate::config::Pointer;
use crate::config::decode::{Field, List, Text};
use crate::config::raw;
use crate::config::raw::auth::Auth;
use crate::config::raw::auth::route::{self, AuthStance};
use crate::config::report::Report;

/// What routes ask for that say nothing themselves.
pub(super) fn default(section: &Auth, identity: &Identity, report: &mut Report) -> Option<Arc<AuthPolicy>> {
    let (methods, place) = match section {
        Auth::One(one) => {
            let only = (!identity.rules.methods.is_empty()).then(|| Methods::AnyOf(vec![MethodId(0)]));
            (only?, one.method.place())
        }
        Auth::Named(_) if identity.names.is_empty() => return None,
        Auth::Named(named) => {
            let list = named.default.given()?;
            (Methods::AnyOf(ids(list, identity, report)?), list.place)
        }
    };
    Some(Arc::new(plain_policy(methods, report.pointer(place), identity)))
}

/// Closed by default: a route is public only when it says so itself or a section excludes its path.
pub(in crate::config::check) fn of_route(raw: &raw::Route, identity: &Identity, report: &mut Report) -> RouteAuth {
    let policy = match &raw.auth {
        Field::Given(route::RouteAuth::None) => return RouteAuth::None,
        Field::Given(route::RouteAuth::Stance(stance)) if identity.exists => {
            of_stance(stance, identity, report).map(Arc::new)
        }
        Field::Given(route::RouteAuth::Stance(stance)) => {
            needs_auth(stance.place, first_key(stance), report);
            None
        }
        Field::Absent if identity.exists => identity.default.clone(),
        Field::Absent => {
            let reason = "nobody can be let in: add an auth section, or say auth: none to make the route public";
            report.mistake(raw.place, reason);
            None
        }
        Field::Bad => None,
    };
    // Without a policy there is a mistake, and the config is never used.
    policy.map_or(RouteAuth::None, RouteAuth::Policy)
}

fn first_key(stance: &AuthStance) -> &'static str {
    let given = [
        ("optional", !matches!(stance.optional, Field::Absent)),
        ("any_of", !matches!(stance.any_of, Field::Absent)),
        ("all_of", !matches!(stance.all_of, Field::Absent)),
        ("scopes", !matches!(stance.scopes, Field::Absent)),
    ];
    given.iter().find(|(_, given)| *given).map_or("claims", |(key, _)| key)
}

fn of_stance(stance: &AuthStance, identity: &Identity, report: &mut Report) -> Option<AuthPolicy> {
    let methods = methods(stance, identity, report);
    let optional = stance.optional.given().is_some_and(|given| given.value);
    let scopes = stance.scopes.given().and_then(|scopes| scope_rule(scopes, report));
    let claims = stance
        .claims
        .given()
        .map_or_else(Vec::new, |map| claim_rules(map, report));
    if optional && (!matches!(stance.scopes, Field::Absent) || !matches!(stance.claims, Field::Absent)) {
        let reason = "optional lets in who shows no credential at all: scopes and claims would keep nobody out";
        report.mistake(stance.place, reason);
    }
    let policy = match methods? {
        Some(methods) => plain_policy(methods, report.pointer(stance.place), identity),
        None => AuthPolicy::clone(identity.default.as_ref()?),
    };
    Some(AuthPolicy {
        pointer: report.pointer(stance.place),
        optional,
        scopes,
        claims,
        ..policy
    })
}

/// The methods that the route names; the inner `None`: those of `auth.default`. The outer: a mistake was found.
#[allow(clippy::option_option, reason = "wrong, absent and given are three things")]
fn methods(stance: &AuthStance, identity: &Identity, report: &mut Report) -> Option<Option<Methods>> {
    match (&stance.any_of, &stance.all_of) {
        (Field::Absent, Field::Absent) => Some(None),
        (Field::Given(list), Field::Absent) => {
            let ids = ids(list, identity, report)?;
            warn_of_the_unreachable(list, &ids, identity, report);
            Some(Some(Methods::AnyOf(ids)))
        }
        (Field::Absent, Field::Given(list)) => {
            let ids = ids(list, identity, report)?;
            refuse_one_credential_for_two(list, &ids, identity, report);
            Some(Some(Methods::AllOf(ids)))
        }
        (Field::Given(_), Field::Given(_)) => {
            report.mistake(stance.place, "any_of and all_of at once: take one of them");
            None
        }
        (Field::Bad, _) | (_, Field::Bad) => None,
    }
}

/// The methods of a list of names; `None` where one of them is wrong.
fn ids(list: &List<Text>, identity: &Identity, report: &mut Report) -> Option<Vec<MethodId>> {
    list.refuse_empty("at least one method is needed: nobody could be let in", report);
    let mut ids: Vec<MethodId> = Vec::new();
    for text in &list.items {
        let Some((_, id)) = identity.names.iter().find(|(name, _)| *name == text.value) else {
            unknown_method(text, identity, report);
            continue;
        };
        match id {
            Some(id) if ids.contains(id) => {
                report.mistake(text.place, format!("{} is in this list twice", text.quoted()));
            }
            Some(id) => ids.push(*id),
            None => {}
        }
    }
    (ids.len() == list.items.len() && !ids.is_empty()).then_some(ids)
}

fn unknown_method(text: &Text, identity: &Identity, report: &mut Report) {
    let shown = text.quoted();
    if identity.names.is_empty() {
        let reason =
            format!("{shown} is not a method: the short form of auth has one without a name (see auth.methods)");
        report.mistake(text.place, reason);
        return;
    }
    let near = match text.is_filled() {
        true => None,
        false => report.nearest(&text.value, identity.names.iter().map(|(name, _)| name.as_str())),
    };
    let reason = match near {
        Some(near) => format!("{shown} is not a method of auth (did you mean {near:?}?)"),
        None => format!("{shown} is not a method of auth"),
    };
    report.mistake(text.place, reason);
}

/// Warns of methods that never decide, because one before them always does.
fn warn_of_the_unreachable(list: &List<Text>, ids: &[MethodId], identity: &Identity, report: &mut Report) {
    for (place, (text, id)) in list.items.iter().zip(ids).enumerate() {
        let Some(method) = identity.method(*id) else { continue };
        let earlier = ids.iter().take(place).filter_map(|id| identity.method(*id));
        let hidden_by = earlier
            .into_iter()
            .find(|earlier| takes_all_of(&earlier.kind, &method.kind));
        if let Some(name) = hidden_by.and_then(|earlier| earlier.name.as_deref()) {
            let reason = format!(
                "{} never decides: {name:?} before it takes the same credentials",
                text.quoted()
            );
            report.warning(text.place, reason);
        }
    }
}

/// Whether every credential that the second takes is decided by the first.
fn takes_all_of(first: &MethodKind, second: &MethodKind) -> bool {
    match (first, second) {
        (MethodKind::Jwt(first), MethodKind::Jwt(second)) => first.issuer == second.issuer,
        (MethodKind::Introspection(_), MethodKind::Introspection(_)) => true,
        (MethodKind::ApiKey(first), MethodKind::ApiKey(second)) => {
            first.header == second.header && (second.query.is_none() || first.query == second.query)
        }
        (MethodKind::SessionCookie(first), MethodKind::SessionCookie(second)) => first.cookie == second.cookie,
        (MethodKind::ClientCertificate(first), MethodKind::ClientCertificate(second)) => first.from == second.from,
        (MethodKind::Platform(first), MethodKind::Platform(second)) => first == second,
        _ => false,
    }
}

/// One credential cannot hold for two.
fn refuse_one_credential_for_two(list: &List<Text>, ids: &[MethodId], identity: &Identity, report: &mut Report) {
    let reads = |id: &MethodId| {
        identity
            .method(*id)
            .is_some_and(|method| method.kind.reads_authorization())
    };
    if ids.iter().filter(|id| reads(id)).count() > 1 {
        report.mistake(
            list.place,
            "two of these read the one Authorization header, which no caller can fill for both",
        );
    }
}

fn plain_policy(methods: Methods, pointer: Pointer, identity: &Identity) -> AuthPolicy {
    let (Methods::AnyOf(ids) | Methods::AllOf(ids)) = &methods;
    let kinds: Vec<&MethodKind> = ids
        .iter()
        .filter_map(|id| identity.method(*id))
        .map(|method| &method.kind)
        .collect();
    let joint = match methods {
        Methods::AnyOf(_) => " or ",
        Methods::AllOf(_) => " and ",
    };
    AuthPolicy {
        pointer,
        optional: false,
        scopes: None,
        claims: Vec::new(),
        ask: Arc::new(ask(&kinds, joint)),
        keeps_authorization: kinds.iter().any(|kind| kind.keeps_authorization()),
        methods,
    }
}

fn ask(kinds: &[&MethodKind], joint: &str) -> Ask {
    let mut wanted: Vec<String> = kinds.iter().map(|kind| kind.wanted()).collect();
    wanted.dedup();
    let mut schemes: Vec<&str> = kinds.iter().map(|kind| kind.credential().scheme()).collect();
    schemes.dedup();
    Ask {
        message: format!("This path needs {}.", wanted.join(joint)),
        // Names of schemes and commas.
        challenge: HeaderValue::try_from(schemes.join(", ")).unwrap_or_else(|_| HeaderValue::from_static("Bearer")),
    }
}
