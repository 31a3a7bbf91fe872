//! `rate_limiting`, and the `rate_limit` of a route.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::auth::{Identity, needs_auth};
use super::header_name;
use super::sections::pattern;
use crate::auth::ClaimPath;
use crate::config::decode::{At, Field, Text};
use crate::config::raw;
use crate::config::report::Report;
use crate::config::tree::Place;
use crate::config::{PathLimits, PathSection};
use crate::limit::{KeyPart, LimitRule, Rate};

/// The sort key of the default's items. Route ids share its space, so no route may be called `shared`.
const DEFAULT_SORT_KEY: &str = "L#shared";

/// Environments whose clocks differ by more than a burst lasts would starve one another.
const SHORTEST_BURST: Duration = Duration::from_millis(50);

/// A bucket that takes longer to fill is a slip; also keeps times in microseconds far below 64 bits.
const LONGEST_BURST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Counters hold whole microseconds: at more than one request each, there is nothing left to count.
const MOST_PER_SECOND: u128 = 1_000_000;

pub(super) fn check(section: &raw::RateLimiting, identity: &Identity, report: &mut Report) -> PathLimits {
    let default = section.default.given();
    let default = default.and_then(|given| rule(given, "default", DEFAULT_SORT_KEY, identity, report));
    let mut seen: HashMap<_, Place> = HashMap::new();
    let mut overrides = Vec::new();
    for given in section.overrides.given().map_or(&[][..], |list| &list.items) {
        let pattern = given.path.given().and_then(|text| pattern(text, report));
        let name = pattern.as_ref().map_or("", |pattern| pattern.as_str());
        let rule = rule(&given.rate, name, &format!("L#{name}"), identity, report);
        let Some(pattern) = pattern else { continue };
        match seen.entry(pattern.segments().to_vec()) {
            Entry::Occupied(first) => {
                let reason = format!("takes the same paths as {}", report.pointer(*first.get()).as_str());
                report.mistake(given.rate.place, reason);
            }
            Entry::Vacant(free) => {
                free.insert(given.rate.place);
                overrides.extend(rule.map(|rule| PathSection { pattern, rule }));
            }
        }
    }
    overrides.sort_by(|one, other| one.pattern.segments().cmp(other.pattern.segments()));
    PathLimits { default, overrides }
}

/// A rule with its names: `name` for answers and logs, `sort_key` for its items.
pub(super) fn rule(
    given: &raw::Rate,
    name: &str,
    sort_key: &str,
    identity: &Identity,
    report: &mut Report,
) -> Option<Arc<LimitRule>> {
    let rate = rate(given, report);
    let key = key(given, identity, report);
    Some(Arc::new(LimitRule {
        name: name.into(),
        sort_key: sort_key.into(),
        rate: rate?,
        key: key?,
        pointer: report.pointer(given.place),
    }))
}

fn rate(given: &raw::Rate, report: &mut Report) -> Option<Rate> {
    let day = 24 * 60 * 60;
    let rates = [
        (&given.requests_per_second, 1),
        (&given.requests_per_minute, 60),
        (&given.requests_per_hour, 60 * 60),
        (&given.requests_per_day, day),
    ];
    let mut stated = rates
        .iter()
        .filter_map(|(field, seconds)| Some((field.given()?, *seconds)));
    let (requests, seconds) = match (stated.next(), stated.next()) {
        (Some(one), None) => one,
        (Some(_), Some((second, _))) => {
            let reason = "a second requests_per_... in one rule: one rule has one rate";
            report.mistake(second.place, reason);
            return None;
        }
        // One that was meant but is wrong is not missed as well.
        (None, _) if rates.iter().any(|(field, _)| matches!(field, Field::Bad)) => return None,
        (None, _) => {
            let reason = "a rate is missing: one of requests_per_second, requests_per_minute, requests_per_hour, requests_per_day";
            report.mistake(given.place, reason);
            return None;
        }
    };
    let burst = given.burst.given();
    let rate = Rate {
        requests: requests.value,
        per: Duration::from_secs(seconds),
        burst: burst.map_or(requests.value, |burst| burst.value),
    };
    check_size(requests, burst, rate, report).then_some(rate)
}

fn check_size(requests: &At<NonZeroU32>, burst: Option<&At<NonZeroU32>>, rate: Rate, report: &mut Report) -> bool {
    let number = u128::from(rate.requests.get());
    if number > MOST_PER_SECOND * u128::from(rate.per.as_secs()) {
        report.mistake(
            requests.place,
            "more than 1000000 a second, the most that can be counted",
        );
        return false;
    }
    // A burst that was left out lasts for `per`, which is in range.
    let Some(burst) = burst else { return true };
    let lasts = u128::from(burst.value.get()) * rate.per.as_micros() / number;
    if lasts < SHORTEST_BURST.as_micros() {
        let least = (SHORTEST_BURST.as_micros() * number).div_ceil(rate.per.as_micros());
        let reason =
            format!("too small for this rate: a burst must last 50ms, here {least} (clocks differ by as much)");
        report.mistake(burst.place, reason);
        return false;
    }
    if lasts > LONGEST_BURST.as_micros() {
        report.mistake(
            burst.place,
            "too large for this rate: it would take more than a year to fill",
        );
        return false;
    }
    true
}

fn key(given: &raw::Rate, identity: &Identity, report: &mut Report) -> Option<Vec<KeyPart>> {
    let list = match &given.key {
        Field::Absent => return Some(vec![KeyPart::ClientIp]),
        Field::Bad => return None,
        Field::Given(list) => &list.0,
    };
    list.refuse_empty("nothing to count by: leave the key out to count by client_ip", report);
    let trusted = given.trust_client_key.given().is_some_and(|given| given.value);
    // When `trust_client_key` itself is wrong, what it would have allowed is not refused as well.
    let trusted = trusted || matches!(given.trust_client_key, Field::Bad);
    let parts: Vec<KeyPart> = list
        .items
        .iter()
        .filter_map(|text| part(text, trusted, identity, report))
        .collect();
    (parts.len() == list.items.len()).then_some(parts)
}

fn part(text: &Text, trusted: bool, identity: &Identity, report: &mut Report) -> Option<KeyPart> {
    match text.value.split_once(':') {
        None if text.value == "client_ip" => Some(KeyPart::ClientIp),
        None if text.value == "route" => Some(KeyPart::Route),
        Some(("header", _)) => header_part(text, trusted, identity, report),
        Some(("claim", name)) if !name.is_empty() => {
            if !identity.exists {
                needs_auth(text.place, &text.quoted(), report);
                return None;
            }
            let parse = |text: &str| ClaimPath::parse(text.strip_prefix("claim:").unwrap_or_default());
            text.parse("a path to a claim", report, parse).map(KeyPart::Claim)
        }
        _ => {
            unknown_part(text, report);
            None
        }
    }
}

fn header_part(text: &Text, trusted: bool, identity: &Identity, report: &mut Report) -> Option<KeyPart> {
    let parse = |text: &str| header_name(text.strip_prefix("header:").unwrap_or_default());
    let header = text.parse("a header of a request", report, parse)?;
    if identity.key_headers.iter().any(|(name, _)| *name == header) {
        let reason = format!(
            "{} holds the callers' keys, which are not counted by: take header:X-User-Id",
            text.quoted()
        );
        report.mistake(text.place, reason);
        return None;
    }
    let verified = identity.headers.iter().any(|given| given.header == header);
    if !verified && identity.headers_known && identity.client_headers.removes(&header) {
        let reason = format!(
            "{} is taken out of every request before it is counted, and no verified token sets it: count by another key",
            text.quoted()
        );
        report.mistake(text.place, reason);
        return None;
    }
    if !trusted && !verified && identity.headers_known {
        let reason = format!(
            "{} is what a client says about itself, no verified token sets it: count by another key, or say trust_client_key: true",
            text.quoted()
        );
        report.mistake(text.place, reason);
        return None;
    }
    Some(KeyPart::Header(header))
}

fn unknown_part(text: &Text, report: &mut Report) {
    const WORDS: [&str; 2] = ["client_ip", "route"];
    let shown = text.quoted();
    let near = if text.is_filled() {
        None
    } else {
        report.nearest(&text.value, WORDS)
    };
    let reason = match near {
        Some(near) => format!("{shown} is not something to count by (did you mean {near:?}?)"),
        None => format!("{shown} is not something to count by: client_ip, route, header:Name or claim:name"),
    };
    report.mistake(text.place, reason);
}
