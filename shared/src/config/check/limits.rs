//! `rate_limiting`, and what a route states of its own: `rate_limit`, `quota`, `cost`.

mod key;
mod rate;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::num::NonZeroU64;
use std::sync::Arc;

use self::key::key;
use self::rate::{Stated, rate};
use super::auth::Identity;
use super::sections::pattern;
use crate::config::decode::{At, Field, OneOf};
use crate::config::raw;
use crate::config::report::Report;
use crate::config::tree::Place;
use crate::config::{PathLimits, PathSection};
use crate::limit::{KeyPart, OnError, Period, Quota, Rate, RuleSet};
use crate::path::PathPattern;

/// The sort key of the default's items. Route ids share its space, so no route may be called `shared`.
const DEFAULT_SORT_KEY: &str = "L#shared";

/// How many items one request may be counted in.
const MOST_ITEMS: usize = 2;

/// Limits that count by the same key, and so in the same item.
struct Draft {
    place: Place,
    key: Vec<KeyPart>,
    rate: Option<Rate>,
    quotas: Vec<(NonZeroU64, Period)>,
    on_error: Option<OnError>,
}

pub(super) fn check(section: &raw::RateLimiting, identity: &Identity, report: &mut Report) -> PathLimits {
    let default = section.default.given();
    let default = default.and_then(|given| shared(given, "default", DEFAULT_SORT_KEY, identity, report));
    let mut seen: HashMap<_, Place> = HashMap::new();
    let mut overrides = Vec::new();
    for given in section.overrides.given().map_or(&[][..], |list| &list.items) {
        let pattern = given.path.given().and_then(|text| pattern(text, report));
        let name = pattern.as_ref().map_or("", |pattern| pattern.as_str());
        let rule = shared(&given.shared, name, &format!("L#{name}"), identity, report);
        let Some(pattern) = pattern else { continue };
        match seen.entry(pattern.segments().to_vec()) {
            Entry::Occupied(first) => {
                let reason = format!("takes the same paths as {}", report.pointer(*first.get()).as_str());
                report.mistake(given.place, reason);
            }
            Entry::Vacant(free) => {
                free.insert(given.place);
                overrides.extend(rule.map(|rule| PathSection { pattern, rule }));
            }
        }
    }
    overrides.sort_by(|one, other| one.pattern.segments().cmp(other.pattern.segments()));
    PathLimits { default, overrides }
}

/// A set with its names: `name` for answers and logs, `sort_key` for its items.
fn shared(
    given: &raw::Shared,
    name: &str,
    sort_key: &str,
    identity: &Identity,
    report: &mut Report,
) -> Option<Arc<RuleSet>> {
    let counting = &given.rate.counting;
    let (rate, key) = (rate(&given.rate, report), key(counting, identity, report));
    let amounts = given.quota.given().map_or(&[][..], |quota| &quota.0.items);
    if let (Stated::Nothing, Field::Absent) = (&rate, &given.quota) {
        missing(given.place, ", or a quota", report);
    }
    let mut draft = Draft {
        place: given.place,
        key: key?,
        rate: rate.given()?,
        quotas: Vec::new(),
        on_error: counting.on_error.given().map(|given| given.value),
    };
    for amount in amounts {
        draft.add(amount.place, &amount.requests, amount.per.given(), report);
    }
    Some(draft.set(name, sort_key, report))
}

/// What a route states of its own: a set for each key that it counts by.
pub(super) fn of_route(raw: &raw::Route, id: &str, identity: &Identity, report: &mut Report) -> Vec<Arc<RuleSet>> {
    let mut drafts: Vec<Draft> = Vec::new();
    if let Some(given) = raw.rate_limit.given() {
        let (rate, key) = (rate(given, report), key(&given.counting, identity, report));
        if let Stated::Nothing = rate {
            missing(given.place, "", report);
        }
        if let (Some(rate), Some(key)) = (rate.given(), key) {
            drafts.push(Draft {
                place: given.place,
                key,
                rate,
                quotas: Vec::new(),
                on_error: given.counting.on_error.given().map(|given| given.value),
            });
        }
    }
    for given in raw.quota.given().map_or(&[][..], |quota| &quota.0.items) {
        let beside = drafts.first().filter(|_| matches!(given.counting.key, Field::Absent));
        let key = match beside {
            Some(draft) => Some(draft.key.clone()),
            None => key(&given.counting, identity, report),
        };
        let Some(key) = key else { continue };
        let on_error = given.counting.on_error.given().map(|given| given.value);
        let known = drafts.iter().position(|draft| draft.key == key);
        let place = known.unwrap_or_else(|| {
            drafts.push(Draft {
                place: given.place,
                key,
                rate: None,
                quotas: Vec::new(),
                on_error: None,
            });
            drafts.len() - 1
        });
        let Some(draft) = drafts.get_mut(place) else { continue };
        draft.settle(given.place, on_error, report);
        draft.add(given.place, &given.requests, given.per.given(), report);
    }
    let sort_key = format!("L#{id}");
    drafts
        .into_iter()
        .map(|draft| draft.set(id, &sort_key, report))
        .collect()
}

/// Refuses what no request of a route could pass, and what would count it in too many items.
pub(super) fn fit_route(
    raw: &raw::Route,
    pattern: &PathPattern,
    own: &[Arc<RuleSet>],
    shared: &PathLimits,
    report: &mut Report,
) {
    let states_rate = matches!(raw.rate_limit, Field::Given(_) | Field::Bad);
    let overrides = shared.overrides.iter();
    let overrides = overrides
        .filter(|section| section.pattern.overlaps(pattern))
        .map(|section| &section.rule);
    let shared: Vec<&Arc<RuleSet>> = shared
        .default
        .iter()
        .chain(overrides)
        .filter(|_| !states_rate)
        .collect();
    if own.len() + usize::from(!shared.is_empty()) > MOST_ITEMS {
        let advice = if shared.is_empty() {
            ""
        } else {
            ", or state a rate_limit, which stands in place of what is shared"
        };
        let reason = format!(
            "its requests would be counted in more than {MOST_ITEMS} items, one for each key: count by fewer keys{advice}"
        );
        report.mistake(raw.place, reason);
    }
    let Some(cost) = raw.cost.given() else { return };
    for set in own.iter().chain(shared).filter(|set| !set.takes(cost.value.get())) {
        let reason = format!(
            "more than {} ever lets through at once: no request of this route would pass",
            set.pointer.as_str()
        );
        report.mistake(cost.place, reason);
    }
}

impl Draft {
    fn add(
        &mut self,
        place: Place,
        requests: &Field<At<NonZeroU64>>,
        per: Option<&OneOf<Period>>,
        report: &mut Report,
    ) {
        let (Some(requests), Some(per)) = (requests.given(), per) else {
            return;
        };
        if self.quotas.iter().any(|(_, period)| *period == per.value) {
            let reason = format!(
                "a second quota for each {} by the same key: one is enough",
                per.value.as_str()
            );
            report.mistake(place, reason);
            return;
        }
        self.quotas.push((requests.value, per.value));
    }

    /// Takes over how is counted. Everything that counts by one key is checked at once, and ends in one way.
    fn settle(&mut self, place: Place, on_error: Option<OnError>, report: &mut Report) {
        match (self.on_error, on_error) {
            (Some(one), Some(other)) if one != other => {
                let reason = "on_error is another than that of what is counted by the same key: both are one check";
                report.mistake(place, reason);
            }
            (one, other) => self.on_error = one.or(other),
        }
    }

    fn set(self, name: &str, sort_key: &str, report: &mut Report) -> Arc<RuleSet> {
        let mut quotas = self.quotas;
        quotas.sort_by_key(|(_, per)| *per);
        let quotas = quotas.into_iter().map(|(requests, per)| Quota {
            name: format!("{name}-{}", per.as_str()).into(),
            requests,
            per,
        });
        Arc::new(RuleSet {
            name: name.into(),
            sort_key: sort_key.into(),
            rate: self.rate,
            quotas: quotas.collect(),
            key: self.key,
            on_error: self.on_error.unwrap_or_default(),
            pointer: report.pointer(self.place),
        })
    }
}

fn missing(place: Place, more: &str, report: &mut Report) {
    let reason = format!(
        "a rate is missing{more}: one of requests_per_second, requests_per_minute, requests_per_hour, requests_per_day"
    );
    report.mistake(place, reason);
}
