//! `rate_limiting`, `plans`, and what a route states of its own: `rate_limit`, `quota`, `cost`.

mod key;
mod manner;
mod rate;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU64;
use std::sync::Arc;

use self::key::key;
use self::manner::Said;
use self::rate::{Stated, rate};
use super::auth::{Identity, needs_auth};
use super::sections::pattern;
use crate::auth::ClaimPath;
use crate::config::decode::{Field, OneOrList, Placed};
use crate::config::raw::{self, Document};
use crate::config::report::Report;
use crate::config::tree::{Place, quote};
use crate::config::{PathLimits, PathSection};
use crate::limit::{KeyPart, Period, PlanRules, Quota, Rate, RuleSet};
use crate::path::PathPattern;

/// The sort key of the default's items. Route ids share its space, so no route may be called `shared`.
const DEFAULT_SORT_KEY: &str = "L#shared";

/// The sort key of the plans' items, whatever the plan: their partition keys are their own.
const PLAN_SORT_KEY: &str = "L#plan";

/// How many items one request may be counted in.
const MOST_ITEMS: usize = 2;

/// Limits that count by the same key, and so in the same item.
struct Draft {
    place: Place,
    key: Vec<KeyPart>,
    rate: Option<Rate>,
    quotas: Vec<(NonZeroU64, Period)>,
    manner: Said,
}

pub(super) fn check(document: &Document, identity: &Identity, report: &mut Report) -> PathLimits {
    let plans = plans(document, identity, report);
    let Some(section) = document.rate_limiting.given() else {
        return PathLimits {
            plans,
            ..PathLimits::default()
        };
    };
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
    PathLimits {
        default,
        overrides,
        plans,
    }
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
    let (rate, key) = (rate(&given.rate.pace, report), key(counting, identity, report));
    if let (Stated::Nothing, Field::Absent) = (&rate, &given.quota) {
        missing(given.place, ", or a quota", report);
    }
    let mut draft = Draft {
        rate: rate.given()?,
        ..Draft::new(given.place, key?, &counting.manner, report)
    };
    draft.add_all(&given.quota, report);
    Some(Arc::new(draft.set(name, sort_key, report)))
}

/// `plans`: `None` where there is no section, and so nobody has one.
pub(super) fn plans(document: &Document, identity: &Identity, report: &mut Report) -> Option<PlanRules> {
    let limits = document.rate_limiting.given();
    let claim = limits.and_then(|section| section.plan_claim.given());
    let default = limits.and_then(|section| section.default_plan.given());
    let Some(section) = document.plans.given() else {
        let meant = matches!(document.plans, Field::Bad);
        for text in [claim, default].into_iter().flatten().filter(|_| !meant) {
            report.mistake(text.place, "there is no plans section, so that nobody has a plan");
        }
        return None;
    };
    if !identity.exists {
        needs_auth(section.place(), "plans", report);
    }
    let named = section.entries.iter().filter_map(|entry| {
        let plan = plan(&entry.name, entry.value.given()?, report)?;
        Some((entry.name.clone(), Arc::new(plan)))
    });
    let named: BTreeMap<String, Arc<RuleSet>> = named.collect();
    let known = |text: &str| match named.get(text) {
        Some(plan) => Ok(Arc::clone(plan)),
        None => Err(format!("{} is not a plan of this document", quote(text))),
    };
    let sound = document.plans.is_sound(report);
    Some(PlanRules {
        claim: claim.and_then(|text| text.parse("a path to a claim", report, ClaimPath::parse)),
        default: default
            .filter(|_| sound)
            .and_then(|text| text.parse("a plan of this document", report, known)),
        named,
    })
}

/// A plan: counted by whoever has it, so that a change of plans keeps what was counted.
pub(super) fn plan(name: &str, given: &raw::Plan, report: &mut Report) -> Option<RuleSet> {
    let rate = match given.rate_limit.given() {
        Some(pace) => match rate(pace, report) {
            Stated::Nothing => {
                missing(pace.place, "", report);
                return None;
            }
            stated => stated.given()?,
        },
        None => None,
    };
    if let (Field::Absent, Field::Absent) = (&given.rate_limit, &given.quota) {
        report.mistake(given.place, "a plan that limits nothing: rate_limit, quota, or both");
        return None;
    }
    let mut draft = Draft {
        rate,
        ..Draft::new(given.place, vec![KeyPart::PlanHolder], &given.manner, report)
    };
    draft.add_all(&given.quota, report);
    Some(draft.set(name, PLAN_SORT_KEY, report))
}

/// What a route states of its own: a set for each key that it counts by.
pub(super) fn of_route(raw: &raw::Route, id: &str, identity: &Identity, report: &mut Report) -> Vec<Arc<RuleSet>> {
    let mut drafts: Vec<Draft> = Vec::new();
    if let Some(given) = raw.rate_limit.given() {
        let (rate, key) = (rate(&given.pace, report), key(&given.counting, identity, report));
        if let Stated::Nothing = rate {
            missing(given.place, "", report);
        }
        if let (Some(rate), Some(key)) = (rate.given(), key) {
            drafts.push(Draft {
                rate,
                ..Draft::new(given.place, key, &given.counting.manner, report)
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
        let manner = &given.counting.manner;
        match drafts.iter_mut().find(|draft| draft.key == key) {
            Some(draft) => {
                draft.manner.and(manner, report);
                draft.add(&given.amount, report);
            }
            None => {
                let mut draft = Draft::new(given.place, key, manner, report);
                draft.add(&given.amount, report);
                drafts.push(draft);
            }
        }
    }
    let sort_key = format!("L#{id}");
    drafts
        .into_iter()
        .map(|draft| Arc::new(draft.set(id, &sort_key, report)))
        .collect()
}

/// Refuses what no request of a route could pass, and what would count it in too many items.
pub(super) fn fit_route(
    raw: &raw::Route,
    pattern: &PathPattern,
    own: &[Arc<RuleSet>],
    limits: &PathLimits,
    report: &mut Report,
) {
    let states_rate = matches!(raw.rate_limit, Field::Given(_) | Field::Bad);
    let overrides = limits.overrides.iter();
    let overrides = overrides
        .filter(|section| section.pattern.overlaps(pattern))
        .map(|section| &section.rule);
    let shared: Vec<&Arc<RuleSet>> = limits
        .default
        .iter()
        .chain(overrides)
        .filter(|_| !states_rate)
        .collect();
    let plans = limits.plans.iter().flat_map(|plans| plans.named.values());
    let items = own.len() + usize::from(!shared.is_empty()) + usize::from(limits.plans.is_some());
    if items > MOST_ITEMS {
        let mut why = vec!["count by fewer keys"];
        if !shared.is_empty() {
            why.push("state a rate_limit, which stands in place of what is shared");
        }
        let plan = if limits.plans.is_some() {
            ", and one for its plan"
        } else {
            ""
        };
        let reason = format!(
            "its requests would be counted in more than {MOST_ITEMS} items, one for each key{plan}: {}",
            why.join(", or ")
        );
        report.mistake(raw.place, reason);
    }
    let Some(cost) = raw.cost.given() else { return };
    let sets = own.iter().chain(shared).chain(plans);
    for set in sets.filter(|set| !set.takes(cost.value.get())) {
        let reason = format!(
            "more than {} ever lets through at once: no request of this route would pass",
            set.pointer.as_str()
        );
        report.mistake(cost.place, reason);
    }
}

impl Draft {
    fn new(place: Place, key: Vec<KeyPart>, manner: &raw::Manner, report: &mut Report) -> Self {
        Self {
            place,
            key,
            rate: None,
            quotas: Vec::new(),
            manner: Said::of(manner, report),
        }
    }

    fn add_all(&mut self, amounts: &Field<OneOrList<raw::Amount>>, report: &mut Report) {
        for amount in amounts.given().map_or(&[][..], |list| &list.0.items) {
            self.add(amount, report);
        }
    }

    fn add(&mut self, amount: &raw::Amount, report: &mut Report) {
        let (Some(requests), Some(per)) = (amount.requests.given(), amount.per.given()) else {
            return;
        };
        if self.quotas.iter().any(|(_, period)| *period == per.value) {
            let reason = format!(
                "a second quota for each {} by the same key: one is enough",
                per.value.as_str()
            );
            report.mistake(amount.place, reason);
            return;
        }
        self.quotas.push((requests.value, per.value));
    }

    fn set(self, name: &str, sort_key: &str, report: &mut Report) -> RuleSet {
        let mut quotas = self.quotas;
        quotas.sort_by_key(|(_, per)| *per);
        let quotas = quotas.into_iter().map(|(requests, per)| Quota {
            name: format!("{name}-{}", per.as_str()).into(),
            requests,
            per,
        });
        RuleSet {
            name: name.into(),
            sort_key: sort_key.into(),
            rate: self.rate,
            quotas: quotas.collect(),
            key: self.key,
            manner: self.manner.manner(),
            pointer: report.pointer(self.place),
        }
    }
}

fn missing(place: Place, more: &str, report: &mut Report) {
    let reason = format!(
        "a rate is missing{more}: one of requests_per_second, requests_per_minute, requests_per_hour, requests_per_day"
    );
    report.mistake(place, reason);
}
