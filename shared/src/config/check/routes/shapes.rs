//! Finds routes that no request can tell apart. Routes are grouped by all that they ask for but the method, so
//! that a thousand routes cost a thousand look-ups, not a million comparisons.

use std::collections::HashMap;

use http::Method;

use super::Draft;
use super::conditions::USUAL;
use crate::config::report::Report;
use crate::config::tree::Place;
use crate::path::Segment;
use crate::router::Conditions;

/// The methods that routes of one shape have taken so far, and which route took each.
#[derive(Default)]
struct Taken {
    /// By a route that takes every method.
    every: Option<Place>,
    /// By a route that names it, in the order of [`USUAL`].
    usual: [Option<Place>; USUAL.len()],
    other: HashMap<Method, Place>,
}

pub(super) fn refuse_indistinguishable(drafts: &[Draft<'_>], report: &mut Report) {
    let mut shapes: HashMap<Shape<'_>, Taken> = HashMap::with_capacity(drafts.len());
    for draft in drafts {
        let Some(pattern) = draft.pattern.as_ref().filter(|_| draft.conditions_known) else {
            continue;
        };
        let taken = shapes
            .entry(Shape::of(pattern.segments(), &draft.conditions))
            .or_default();
        if let Some(first) = taken.clash(&draft.conditions.methods) {
            let reason = format!(
                "no request could tell this route from {}: give one of them another path, method, host, header, query or accept",
                report.pointer(first).as_str()
            );
            report.mistake(draft.raw.place, reason);
        }
        taken.take(draft);
    }
}

/// What a route asks for besides methods, in an order of its own: the order in the file makes no difference.
#[derive(PartialEq, Eq, Hash)]
struct Shape<'d> {
    segments: &'d [Segment],
    hosts: Vec<&'d str>,
    headers: Vec<(&'d str, &'d str)>,
    query: Vec<(&'d str, &'d str)>,
    accept: Vec<String>,
}

impl<'d> Shape<'d> {
    fn of(segments: &'d [Segment], conditions: &'d Conditions) -> Self {
        let headers = conditions.headers.iter();
        let query = conditions.query.iter();
        let mut shape = Self {
            segments,
            hosts: conditions.hosts.iter().map(String::as_str).collect(),
            headers: headers.map(|(name, value)| (name.as_str(), &**value)).collect(),
            query: query.map(|(name, value)| (&**name, &**value)).collect(),
            accept: conditions.accept.iter().map(ToString::to_string).collect(),
        };
        shape.hosts.sort();
        shape.hosts.dedup();
        shape.headers.sort();
        shape.query.sort();
        shape.accept.sort();
        shape
    }
}

impl Taken {
    fn clash(&self, methods: &[Method]) -> Option<Place> {
        if methods.is_empty() {
            return self
                .every
                .or_else(|| self.usual.iter().flatten().chain(self.other.values()).min().copied());
        }
        self.every
            .or_else(|| with_head(methods).find_map(|method| self.first(&method)))
    }

    fn first(&self, method: &Method) -> Option<Place> {
        match position(method) {
            Some(usual) => self.usual[usual],
            None => self.other.get(method).copied(),
        }
    }

    fn take(&mut self, draft: &Draft<'_>) {
        let place = draft.raw.place;
        if draft.conditions.methods.is_empty() {
            self.every.get_or_insert(place);
        }
        for method in with_head(&draft.conditions.methods) {
            match position(&method) {
                Some(usual) => _ = self.usual[usual].get_or_insert(place),
                None => _ = self.other.entry(method).or_insert(place),
            }
        }
    }
}

fn position(method: &Method) -> Option<usize> {
    USUAL.iter().position(|usual| usual == method)
}

/// `GET` includes `HEAD`.
fn with_head(methods: &[Method]) -> impl Iterator<Item = Method> {
    let head = methods.contains(&Method::GET).then_some(Method::HEAD);
    methods.iter().cloned().chain(head)
}
