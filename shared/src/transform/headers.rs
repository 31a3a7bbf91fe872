//! Rules for headers, of requests and answers alike.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Rule;
use crate::edits::{Edits, Stage};
use crate::template::{HeaderTemplate, Source, Values};

/// `headers` of a block: removals, renames, settings, additions, in this order.
#[derive(Clone, Debug, Default)]
pub struct HeaderChanges {
    /// Headers that are taken out.
    pub remove: Vec<Rule<HeaderName>>,
    /// Headers and their new names. All are taken before any is given: two can change places. What was called by the new
    /// name is gone.
    pub rename: Vec<Rule<(HeaderName, HeaderName)>>,
    /// Headers and the one value they have then. Where that cannot be filled the header is gone: what the other side
    /// said must not pass for it.
    pub set: Vec<Rule<(HeaderName, HeaderTemplate)>>,
    /// Headers and a value more, where that can be filled.
    pub add: Vec<Rule<(HeaderName, HeaderTemplate)>>,
}

impl HeaderChanges {
    pub(super) fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.rename.is_empty() && self.set.is_empty() && self.add.is_empty()
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        let texts = self.set.iter().chain(&self.add);
        texts.flat_map(|rule| rule.says.1.sources())
    }

    pub(super) fn apply(&self, headers: &mut HeaderMap, values: &Values<'_>, stage: Stage, edits: &mut Edits) {
        for rule in &self.remove {
            edits.headers(stage, Some(&rule.at), headers, |headers| headers.remove(&rule.says));
        }
        self.rename(headers, stage, edits);
        for rule in &self.set {
            let (name, text) = &rule.says;
            let value = text.fill(values);
            edits.headers(stage, Some(&rule.at), headers, |headers| match value {
                Some(value) => headers.insert(name, value),
                None => headers.remove(name),
            });
        }
        for rule in &self.add {
            let (name, text) = &rule.says;
            let value = text.fill(values);
            edits.headers(stage, Some(&rule.at), headers, |headers| {
                value.is_some_and(|value| headers.append(name, value))
            });
        }
    }

    fn rename(&self, headers: &mut HeaderMap, stage: Stage, edits: &mut Edits) {
        let mut taken: Vec<(&Rule<_>, Vec<HeaderValue>)> = Vec::with_capacity(self.rename.len());
        for rule in &self.rename {
            let (from, _) = &rule.says;
            let values: Vec<HeaderValue> = headers.get_all(from).iter().cloned().collect();
            edits.headers(stage, Some(&rule.at), headers, |headers| headers.remove(from));
            if !values.is_empty() {
                taken.push((rule, values));
            }
        }
        for (rule, values) in taken {
            let (_, to) = &rule.says;
            edits.headers(stage, Some(&rule.at), headers, |headers| {
                headers.remove(to);
                values.into_iter().for_each(|value| _ = headers.append(to, value));
            });
        }
    }
}
