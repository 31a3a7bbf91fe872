//! `split` of a route, and what `sticky` keeps together.

use http::header::AUTHORIZATION;

use super::target::Manner;
use crate::auth::method::MethodKind;
use crate::config::check::auth::{Identity, cookie_name, needs_auth};
use crate::config::check::header_name;
use crate::config::check::services::Services;
use crate::config::decode::{Slot as _, Text};
use crate::config::raw;
use crate::config::raw::auth::route::RouteAuth;
use crate::config::report::Report;
use crate::upstream::split::{Share, Split, Sticky};

pub(super) fn of(
    raw: &raw::Route,
    id: &str,
    manner: &Manner,
    services: &Services<'_>,
    identity: &Identity,
    report: &mut Report,
) -> Option<Split> {
    let sticky = raw.sticky.given().and_then(|text| sticky(text, raw, identity, report));
    if let (Some(given), true) = (raw.sticky.given(), raw.split.is_absent()) {
        report.mistake(given.place, "means nothing without split: there is one service for all");
    }
    let list = raw.split.given()?;
    list.refuse_empty(
        "nothing to choose from: give it an upstream and its weight at least",
        report,
    );
    let mut shares: Vec<Share> = Vec::with_capacity(list.items.len());
    for item in &list.items {
        let Some(text) = item.upstream.given() else { continue };
        let Some(service) = services.resolve(text, report) else {
            continue;
        };
        let call = manner.call(service);
        if shares
            .iter()
            .any(|share| share.call.upstream.name == call.upstream.name)
        {
            let reason = format!(
                "{} is here twice: give it more weight, or its versions names of their own in upstreams",
                text.quoted()
            );
            report.mistake(text.place, reason);
        }
        shares.extend(item.weight.given().map(|weight| Share {
            call,
            weight: weight.value,
        }));
    }
    if !shares.is_empty() && shares.iter().all(|share| share.weight == 0) {
        report.mistake(list.place, "every weight is 0: nobody would be asked");
    }
    (!shares.is_empty()).then(|| Split {
        shares,
        sticky,
        seed: id.into(),
    })
}

fn sticky(text: &Text, raw: &raw::Route, identity: &Identity, report: &mut Report) -> Option<Sticky> {
    match text.value.split_once(':') {
        None if text.value == "client_ip" => Some(Sticky::ClientIp),
        None if text.value == "user" => user(text, raw, identity, report),
        Some(("cookie", _)) => cookie(text, identity, report),
        Some(("header", _)) => header(text, identity, report),
        _ => {
            unknown(text, report);
            None
        }
    }
}

fn user(text: &Text, raw: &raw::Route, identity: &Identity, report: &mut Report) -> Option<Sticky> {
    if !identity.exists {
        needs_auth(text.place, &text.quoted(), report);
        return None;
    }
    if matches!(raw.auth.given(), Some(RouteAuth::None)) {
        let reason =
            "nobody is known here, because the route says auth: none: take client_ip, cookie:NAME or header:NAME";
        report.mistake(text.place, reason);
        return None;
    }
    Some(Sticky::User)
}

fn cookie(text: &Text, identity: &Identity, report: &mut Report) -> Option<Sticky> {
    let parse = |text: &str| cookie_name(text.strip_prefix("cookie:").unwrap_or_default());
    let name = text.parse("a cookie", report, parse)?;
    let mut methods = identity.rules.methods.iter();
    if methods.any(|method| matches!(&method.kind, MethodKind::SessionCookie(rules) if rules.cookie == name)) {
        refuse_credential(text, report);
        return None;
    }
    Some(Sticky::Cookie(name))
}

fn header(text: &Text, identity: &Identity, report: &mut Report) -> Option<Sticky> {
    let parse = |text: &str| header_name(text.strip_prefix("header:").unwrap_or_default());
    let name = text.parse("a header of a request", report, parse)?;
    if name == AUTHORIZATION || identity.key_headers.iter().any(|(header, _)| *header == name) {
        refuse_credential(text, report);
        return None;
    }
    let verified = identity.headers.iter().any(|given| given.header == name);
    if !verified && identity.headers_known && identity.client_headers.removes(&name) {
        let reason = format!(
            "{} is taken out of every request before it is split, and no verified token sets it: it would keep nothing together",
            text.quoted()
        );
        report.mistake(text.place, reason);
        return None;
    }
    Some(Sticky::Header(name))
}

fn refuse_credential(text: &Text, report: &mut Report) {
    let reason = format!("{} holds credentials, which change: take user", text.quoted());
    report.mistake(text.place, reason);
}

fn unknown(text: &Text, report: &mut Report) {
    let shown = text.quoted();
    let near = if text.is_filled() {
        None
    } else {
        report.nearest(&text.value, ["user", "client_ip"])
    };
    let reason = match near {
        Some(near) => format!("{shown} is nothing to keep together (did you mean {near:?}?)"),
        None => format!("{shown} is nothing to keep together: user, client_ip, cookie:NAME or header:NAME"),
    };
    report.mistake(text.place, reason);
}
