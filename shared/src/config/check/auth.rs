//! `auth`: who may say who calls, and which headers carry what is proven.

mod api_key;
mod certificate;
mod claim_headers;
mod introspection;
mod jwt;
mod policy;
mod rules;
mod session;
mod values;

use std::sync::Arc;

use http::HeaderName;
use http::header::AUTHORIZATION;

use super::header_rules;
use super::sections::pattern;
use crate::auth::AuthRules;
use crate::auth::method::ClaimHeader;
use crate::auth::method::{Method, MethodKind};
use crate::auth::{AuthPolicy, MethodId};
use crate::config::HeaderRules;
use crate::config::decode::{Field, Named};
use crate::config::raw::Document;
use crate::config::raw::auth as raw;
use crate::config::report::Report;
use crate::config::tree::Place;

pub(super) use self::policy::of_route;
pub(super) use self::session::cookie_name;

/// Refused credentials per minute when `auth.failures` is left out.
const DEFAULT_FAILURES: u32 = 20;

/// What the other sections may rely on about callers and what they send.
pub(super) struct Identity {
    /// Whether there is an `auth` section, right or wrong.
    pub(super) exists: bool,
    /// The headers that a verified credential sets, whichever the method.
    pub(super) headers: Vec<ClaimHeader>,
    /// Whether `headers` is all of them: not where a mistake keeps us from knowing.
    pub(super) headers_known: bool,
    /// What is left of the headers that clients send.
    pub(super) client_headers: HeaderRules,
    /// The headers that hold API keys, and where the config says so.
    pub(super) key_headers: Vec<(HeaderName, Place)>,
    /// The section, as far as it is right.
    pub(super) rules: AuthRules,
    /// Every name of a method; `None` for one that is wrong.
    names: Vec<(String, Option<MethodId>)>,
    /// What routes ask for that say nothing themselves.
    default: Option<Arc<AuthPolicy>>,
}

impl Identity {
    /// Reads the section, and what else decides about headers, which other sections are checked against.
    pub(super) fn of(document: &Document, report: &mut Report) -> Self {
        let mut identity = Self {
            exists: !matches!(document.auth, Field::Absent),
            headers: Vec::new(),
            headers_known: !matches!(document.auth, Field::Bad),
            client_headers: HeaderRules::default(),
            key_headers: Vec::new(),
            rules: AuthRules {
                failures_per_minute: DEFAULT_FAILURES,
                ..AuthRules::default()
            },
            names: Vec::new(),
            default: None,
        };
        if let Some(section) = document.auth.given() {
            identity.read_common(section.common(), report);
            identity.read_methods(section, report);
            identity.default = policy::default(section, &identity, report);
        }
        identity.client_headers = header_rules(document, &identity.headers, report);
        identity.refuse_sealed_key_headers(report);
        identity
    }

    fn read_common(&mut self, common: &raw::Common, report: &mut Report) {
        let exclude_paths = common.exclude_paths.given().map_or(&[][..], |list| &list.items);
        self.rules.exclude_paths = exclude_paths.iter().filter_map(|text| pattern(text, report)).collect();
        if let Some(failures) = common.failures.given() {
            self.rules.failures_per_minute = failures.value.get();
        }
    }

    fn read_methods(&mut self, section: &raw::Auth, report: &mut Report) {
        match section {
            raw::Auth::One(one) => {
                self.read_method(None, &one.method, report);
            }
            raw::Auth::Named(named) => {
                let entries = named.methods.given().map_or(&[][..], |map| &map.entries);
                if entries.is_empty() && named.methods.is_sound(report) {
                    report.mistake(
                        named.place,
                        "at least one method is needed in methods: nobody could be let in",
                    );
                }
                self.headers_known &= named.methods.given().is_some();
                // Sessions last: they may name another method.
                let is_session =
                    |entry: &&Named<raw::Method>| matches!(entry.value, Field::Given(raw::Method::SessionCookie(_)));
                let (sessions, others): (Vec<_>, Vec<_>) = entries.iter().partition(is_session);
                for entry in others.into_iter().chain(sessions) {
                    self.read_entry(entry, report);
                }
            }
        }
    }

    fn read_entry(&mut self, entry: &Named<raw::Method>, report: &mut Report) {
        if !is_name(&entry.name) {
            report.mistake(
                entry.place,
                "a method's name is made of letters, digits, - and _ (at most 64)",
            );
        }
        let id = match &entry.value {
            Field::Given(method) => self.read_method(Some(&entry.name), method, report),
            Field::Absent | Field::Bad => {
                self.headers_known = false;
                None
            }
        };
        self.names.push((entry.name.clone(), id));
    }

    /// What is taken out of every request cannot prove anybody.
    fn refuse_sealed_key_headers(&self, report: &mut Report) {
        for (header, place) in &self.key_headers {
            if *header != AUTHORIZATION && self.client_headers.removes(header) {
                let reason =
                    "this header is taken out of every request, and never seen: take another, such as X-Api-Key";
                report.mistake(*place, reason);
            }
        }
    }

    fn read_method(&mut self, name: Option<&str>, raw: &raw::Method, report: &mut Report) -> Option<MethodId> {
        let (claims_to_headers, known) = claim_headers::of(raw.claims_to_headers(), report);
        self.headers_known &= known;
        self.headers.extend(claims_to_headers.iter().cloned());
        let kind = self.kind(raw, report)?;
        self.rules.methods.push(Arc::new(Method {
            name: name.map(Arc::from),
            pointer: report.pointer(raw.place()),
            claims_to_headers,
            kind,
        }));
        Some(MethodId(self.rules.methods.len() - 1))
    }

    fn kind(&mut self, raw: &raw::Method, report: &mut Report) -> Option<MethodKind> {
        Some(match raw {
            raw::Method::Jwt(section) => MethodKind::Jwt(Arc::new(jwt::rules(section, report)?)),
            raw::Method::ApiKey(section) => {
                let rules = api_key::rules(section, report)?;
                let place = section.header.given().map_or(section.place, |text| text.place);
                self.key_headers.push((rules.header.clone(), place));
                MethodKind::ApiKey(Arc::new(rules))
            }
            raw::Method::Introspection(section) => {
                MethodKind::Introspection(Arc::new(introspection::rules(section, report)?))
            }
            raw::Method::ClientCertificate(section) => {
                MethodKind::ClientCertificate(Arc::new(certificate::rules(section, report)?))
            }
            raw::Method::Platform(section) => MethodKind::Platform(section.from.given()?.value),
            raw::Method::SessionCookie(section) => {
                MethodKind::SessionCookie(Arc::new(session::rules(section, self, report)?))
            }
        })
    }

    fn method(&self, MethodId(id): MethodId) -> Option<&Arc<Method>> {
        self.rules.methods.get(id)
    }
}

/// A name goes into a header, into logs and into lists.
fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Refuses what only means something when callers are known.
pub(super) fn needs_auth(place: Place, shown: &str, report: &mut Report) {
    report.mistake(
        place,
        format!("{shown} needs an auth section: without one nobody is known"),
    );
}
