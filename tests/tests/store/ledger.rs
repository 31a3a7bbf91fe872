//! Reckons up what every answer of a limiter says against every other, and against the item.
//!
//! A limit's level only rises: a window's count by a request's cost, a bucket's `tat` by what that is worth. An admitted
//! request is told what is left after it, so it says from where to where it raised the level. In truth the admitted ones
//! follow one another without a gap or an overlap, from where the item was to where it is now; a refused one names a level
//! that there was, and from which its cost does not fit.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use tollgate::clock::Timestamp;
use tollgate::limit::{Admission, Decision, Rate, RuleSet, Window, stamp};

/// What came of a request of this cost.
pub(crate) struct Answer {
    pub(crate) cost: u32,
    pub(crate) admission: Admission,
}

/// What came of many.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    pub(crate) admitted: u32,
    pub(crate) refused: u32,
    /// Whose calls were throttled, twice.
    pub(crate) throttled: u32,
    /// Whose answer was lost.
    pub(crate) lost: u32,
    /// Of whom nobody was asked, after five such in a row in one environment.
    pub(crate) unasked: u32,
    /// What was charged for the lost ones, in units of cost, where that was most.
    pub(crate) overcharged: u64,
}

/// One of a rule set's limits at a moment.
struct Limit {
    name: String,
    /// The attribute that its level stands in.
    attribute: String,
    /// How far a request of cost 1 raises it.
    unit: u64,
    /// What it is where nothing is used, and how many units more are the most.
    empty: u64,
    most: u64,
}

impl Limit {
    fn all(set: &RuleSet, now: Timestamp) -> Vec<Self> {
        let unit = |rate: Rate| u64::try_from(rate.per.as_micros()).unwrap() / u64::from(rate.requests.get());
        let rate = set.rate.map(|rate| Self {
            name: set.name.to_string(),
            attribute: format!("t{}x{}", unit(rate), rate.burst),
            unit: unit(rate),
            empty: now.micros(),
            most: rate.burst.get().into(),
        });
        let quotas = set.quotas.iter().map(|quota| Self {
            name: quota.name.to_string(),
            attribute: Window::at(quota.per, now).to_string(),
            unit: 1,
            empty: 0,
            most: quota.requests.get(),
        });
        rate.into_iter().chain(quotas).collect()
    }

    /// The level of which so much is left.
    fn level(&self, left: u64) -> u64 {
        self.empty + (self.most - left) * self.unit
    }
}

/// All that is known of one item.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) sums: Sums,
    /// What was seen of each attribute: its last level, and every one before.
    last: HashMap<String, u64>,
    known: HashMap<String, BTreeSet<u64>>,
}

impl Ledger {
    /// Reckons up what was answered at one moment. What is not in order: a panic.
    pub(crate) fn close(
        &mut self,
        set: &RuleSet,
        now: Timestamp,
        answers: Vec<Answer>,
        item: &HashMap<String, AttributeValue>,
    ) {
        let limits = Limit::all(set, now);
        let (mut admitted, mut refused, mut lost) = (Vec::new(), Vec::new(), 0);
        for Answer { cost, admission } in answers {
            match admission {
                Admission::Decided(decision) if decision.allowed() => admitted.push((cost, left(&decision))),
                Admission::Decided(decision) => refused.push((cost, left(&decision))),
                Admission::Uncounted { why, .. } if why.starts_with("the store is throttled: ") => {
                    self.sums.throttled += 1;
                }
                Admission::Uncounted { why, .. } if why.ends_with(": the store has not answered lately") => {
                    self.sums.unasked += 1;
                }
                Admission::Uncounted { why, .. } => {
                    assert!(why.starts_with("the store gave no clear answer: "), "{why}");
                    self.sums.lost += 1;
                    lost += u64::from(cost);
                }
            }
        }
        let overcharged = limits.iter().map(|limit| self.follow(limit, &admitted, item));
        let overcharged = overcharged.max().unwrap_or(0);
        assert!(
            overcharged <= lost,
            "{overcharged} were charged for nothing, {lost} lost"
        );
        for (cost, left) in &refused {
            let holds = limits.iter().any(|limit| left[&limit.name] < u64::from(*cost));
            assert!(holds, "a request of {cost} was refused, with room for it: {left:?}");
            for limit in limits.iter().filter(|_| self.sums.lost == 0) {
                let level = limit.level(left[&limit.name]);
                let known = self.known[&limit.attribute].contains(&level);
                assert!(known || level == limit.empty, "{} was never at {level}", limit.name);
            }
        }
        self.sums.admitted += u32::try_from(admitted.len()).unwrap();
        self.sums.refused += u32::try_from(refused.len()).unwrap();
        self.sums.overcharged += overcharged;
    }

    /// Follows one limit from where it was to where the item says it is; what nobody was let through for, in units.
    fn follow(
        &mut self,
        limit: &Limit,
        admitted: &[(u32, BTreeMap<String, u64>)],
        item: &HashMap<String, AttributeValue>,
    ) -> u64 {
        let start = self.last.get(&limit.attribute).copied().unwrap_or(0).max(limit.empty);
        let known = self.known.entry(limit.attribute.clone()).or_default();
        known.insert(start);
        let step = |(cost, left): &(u32, BTreeMap<String, u64>)| (limit.level(left[&limit.name]), u64::from(*cost));
        let mut steps: Vec<(u64, u64)> = admitted.iter().map(step).collect();
        steps.sort_unstable();
        let (mut level, mut gaps) = (start, 0);
        for (after, cost) in steps {
            let before = after - cost * limit.unit;
            assert!(
                before >= level,
                "{}: two requests in the same place, at {before}",
                limit.name
            );
            gaps += before - level;
            level = after;
            known.insert(after);
        }
        assert!(level <= limit.level(0), "{}: {level} is over the limit", limit.name);
        let stands = item
            .get(&limit.attribute)
            .map(|value| value.as_n().unwrap().parse().unwrap());
        let stands: u64 = stands.unwrap_or(0).max(limit.empty);
        assert!(
            stands >= level,
            "{}: the item is at {stands}, behind {level}",
            limit.name
        );
        assert!(
            stands <= limit.level(0),
            "{}: the item is at {stands}, over the limit",
            limit.name
        );
        self.last.insert(limit.attribute.clone(), stands);
        (gaps + stands - level) / limit.unit
    }
}

/// What is left of each limit, as the client is told.
fn left(decision: &Decision) -> BTreeMap<String, u64> {
    let mut headers = http::HeaderMap::new();
    stamp(std::slice::from_ref(decision), &mut headers);
    let entry = |entry: &str| {
        let (name, rest) = entry.split_once(";r=")?;
        let (left, _) = rest.split_once(";t=")?;
        Some((name.trim_matches('"').to_owned(), left.parse().ok()?))
    };
    let text = headers["ratelimit"].to_str().unwrap();
    text.split(", ")
        .map(|text| entry(text).unwrap_or_else(|| panic!("{text}")))
        .collect()
}
