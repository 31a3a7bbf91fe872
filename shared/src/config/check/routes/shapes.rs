//! Finds routes that no request can tell apart. Routes are grouped by all that they ask for but the method, so
//! that a thousand routes cost a thousand look-ups, not a million comparisons.

use std::collections::HashMap;

use http::Method;

use super::Draft;
use crate::config::report::Report;
use crate::config::tree::Place;
use crate::path::Segment;
use crate::router::Conditions;

/// The methods that routes of one shape have taken so far, and which route took each.
#[derive(Default)]
struct Taken {
    /// By a route that takes every method.
    every: Option<Place>,
    some: HashMap<Method, Place>,
}

pub(super) fn refuse_indistinguishable(drafts: &[Draft<'_>], report: &mut Report) {
    let mut shapes: HashMap<Shape, Taken> = HashMap::new();
    for draft in drafts {
        let Some(pattern) = draft.pattern.as_ref().filter(|_| draft.conditions_known) else {
            continue;
        };
        let taken = shapes
            .entry(Shape::of(pattern.segments(), &draft.conditions))
            .or_default();
        if let Some(first) = taken.clash(&draft.conditions.methods) {
            let reason = format!(
                "no request could tell this route from {}: give one of them another path, method, host, header or query",
                report.pointer(first).as_str()
            );
            report.mistake(draft.raw.place, reason);
        }
        taken.take(draft);
    }
}

/// What a route asks for besides methods, in an order of its own: the order in the file makes no difference.
#[derive(PartialEq, Eq, Hash)]
struct Shape {
    segments: Vec<Segment>,
    hosts: Vec<String>,
    headers: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

impl Shape {
    fn of(segments: &[Segment], conditions: &Conditions) -> Self {
        let headers = conditions
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.clone()));
        let mut shape = Self {
            segments: segments.to_vec(),
            hosts: conditions.hosts.clone(),
            headers: headers.collect(),
            query: conditions.query.clone(),
        };
        shape.hosts.sort();
        shape.hosts.dedup();
        shape.headers.sort();
        shape.query.sort();
        shape
    }
}

impl Taken {
    fn clash(&self, methods: &[Method]) -> Option<Place> {
        if methods.is_empty() {
            return self.every.or_else(|| self.some.values().min().copied());
        }
        self.every
            .or_else(|| with_head(methods).find_map(|method| self.some.get(&method).copied()))
    }

    fn take(&mut self, draft: &Draft<'_>) {
        let place = draft.raw.place;
        if draft.conditions.methods.is_empty() {
            self.every.get_or_insert(place);
        }
        for method in with_head(&draft.conditions.methods) {
            self.some.entry(method).or_insert(place);
        }
    }
}

/// `GET` includes `HEAD`.
fn with_head(methods: &[Method]) -> impl Iterator<Item = Method> {
    let head = methods.contains(&Method::GET).then_some(Method::HEAD);
    methods.iter().cloned().chain(head)
}
