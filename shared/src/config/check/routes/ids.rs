//! Route ids: those given, and for the others one made from methods and path.

use std::collections::{HashMap, HashSet};

use super::Draft;
use crate::config::check::services::is_name;
use crate::config::report::Report;
use crate::config::tree::Place;
use crate::path::PathPattern;

const LONGEST: usize = 64;

/// One id for each route. Deterministic: the same document gives the same ids in every environment, since
/// counters are stored under them.
pub(super) fn of(drafts: &[Draft<'_>], report: &mut Report) -> Vec<String> {
    let given: Vec<Option<String>> = given(drafts, report);
    let mut used: HashSet<String> = HashSet::with_capacity(drafts.len());
    used.extend(given.iter().flatten().cloned());
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let ids = given.into_iter().zip(drafts).map(|(given, draft)| {
        given.unwrap_or_else(|| {
            let base = made_from(draft);
            if used.insert(base.clone()) {
                return base;
            }
            let number = numbers.entry(base.clone()).or_insert(1);
            loop {
                *number += 1;
                let id = numbered(&base, *number);
                if used.insert(id.clone()) {
                    return id;
                }
            }
        })
    });
    ids.collect()
}

fn given(drafts: &[Draft<'_>], report: &mut Report) -> Vec<Option<String>> {
    let mut owners: HashMap<&str, Place> = HashMap::new();
    let mut ids = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let Some(text) = draft.raw.id.given() else {
            ids.push(None);
            continue;
        };
        if !is_name(&text.value) {
            report.mistake(
                text.place,
                format!("{} is not an id: 1 to 64 of A-Z a-z 0-9 . _ -", text.quoted()),
            );
        } else if text.value == "shared" {
            report.mistake(
                text.place,
                format!("{} cannot be an id: the default limit counts under it", text.quoted()),
            );
        } else if let Some(owner) = owners.insert(&text.value, draft.raw.place) {
            let reason = format!(
                "{} is already the id of {}",
                text.quoted(),
                report.pointer(owner).as_str()
            );
            report.mistake(text.place, reason);
        }
        ids.push(Some(text.value.clone()));
    }
    ids
}

/// `GET-POST.api.orders.id.all` for GET and POST of `/api/orders/{id}/**`.
fn made_from(draft: &Draft<'_>) -> String {
    let mut id = String::with_capacity(LONGEST);
    for method in &draft.conditions.methods {
        if !id.is_empty() {
            id.push('-');
        }
        id.push_str(method.as_str());
    }
    if id.is_empty() {
        id.push_str("ANY");
    }
    let path = draft.pattern.as_ref().map_or("", PathPattern::as_str);
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        id.push('.');
        match segment {
            "*" => id.push_str("one"),
            "**" => id.push_str("all"),
            segment => id.push_str(segment.trim_start_matches('{').trim_end_matches('}')),
        }
    }
    if path == "/" {
        id.push_str(".root");
    }
    let fits = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
    if id.len() <= LONGEST && id.chars().all(fits) {
        return id;
    }
    id.chars()
        .map(|character| if fits(character) { character } else { '-' })
        .take(LONGEST)
        .collect()
}

/// The base with a number behind it, cut so that both fit. All characters of an id are ASCII.
fn numbered(base: &str, number: usize) -> String {
    let tail = format!("-{number}");
    let room = LONGEST - tail.len();
    format!("{}{tail}", &base[..base.len().min(room)])
}
