//! Rules for the query of a request.
//!
//! Parameters are compared by their decoded names, and what no rule touches keeps its bytes. But for one: a `;` becomes
//! `%3B`, because some servers read it as `&`, and would find parameters there that no rule has seen.

use std::borrow::Cow;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Rule;
use crate::config::Pointer;
use crate::edits::{Edits, Operation, Stage};
use crate::error::GatewayError;
use crate::template::{QueryTemplate, Source, Values};

const STAGE: Stage = Stage::TransformRequest;

/// `query` of a block: what is let through, removals, settings, in this order.
#[derive(Clone, Debug, Default)]
pub struct QueryChanges {
    /// The names beside which nothing stays; `None`: all stay.
    pub allow: Option<Rule<Vec<String>>>,
    /// Names that are taken out.
    pub remove: Vec<Rule<String>>,
    /// Names and the one value they have then, in the place of the first of the name, else at the end. Where that cannot
    /// be filled the parameter is gone.
    pub set: Vec<Rule<(String, QueryTemplate)>>,
}

/// A rule of `set` with its value in this request.
struct Setting<'r> {
    at: &'r Pointer,
    name: &'r str,
    value: Option<String>,
    is_written: bool,
}

impl QueryChanges {
    pub(super) fn is_empty(&self) -> bool {
        self.allow.is_none() && self.remove.is_empty() && self.set.is_empty()
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.set.iter().flat_map(|rule| rule.says.1.sources())
    }

    /// The query that goes upstream.
    pub(super) fn apply(&self, query: &str, values: &Values<'_>, edits: &mut Edits) -> Result<String, GatewayError> {
        let mut settings = self.fill(values)?;
        let mut pairs: Vec<Cow<'_, str>> = Vec::new();
        for pair in query.split('&').filter(|_| !query.is_empty()) {
            let name = name_of(pair);
            if let Some(setting) = settings.iter_mut().find(|setting| name == setting.name) {
                pairs.extend(setting.write(edits).map(Cow::Owned));
            } else if let Some(at) = self.refuses(&name) {
                edits.tell(STAGE, Some(at), || Operation::RemoveQuery(name.into_owned()));
            } else if pair.contains(';') {
                pairs.push(Cow::Owned(pair.replace(';', "%3B")));
            } else {
                pairs.push(Cow::Borrowed(pair));
            }
        }
        for setting in settings.iter_mut().filter(|setting| !setting.is_written) {
            if setting.value.is_some() {
                pairs.extend(setting.write(edits).map(Cow::Owned));
            }
        }
        Ok(pairs.join("&"))
    }

    fn fill(&self, values: &Values<'_>) -> Result<Vec<Setting<'_>>, GatewayError> {
        let fill = |rule: &'_ Rule<(String, QueryTemplate)>| match rule.says.1.fill(values) {
            Ok(value) => Ok(value),
            Err(unfilled) => Err(unfilled.into_error(&rule.at)),
        };
        let settings = self.set.iter().map(|rule| {
            Ok(Setting {
                at: &rule.at,
                name: &rule.says.0,
                value: fill(rule)?,
                is_written: false,
            })
        });
        settings.collect()
    }

    /// The rule that does not let this parameter through.
    fn refuses(&self, name: &str) -> Option<&Pointer> {
        let removed = self.remove.iter().find(|rule| rule.says == name).map(|rule| &rule.at);
        let not_allowed = || {
            let allow = self.allow.as_ref()?;
            (!allow.says.iter().any(|allowed| allowed == name)).then_some(&allow.at)
        };
        removed.or_else(not_allowed)
    }
}

impl Setting<'_> {
    /// The parameter, the first time; after that nothing.
    fn write(&mut self, edits: &mut Edits) -> Option<String> {
        if std::mem::replace(&mut self.is_written, true) {
            return None;
        }
        let name = self.name.to_owned();
        let value = self.value.as_ref();
        edits.tell(STAGE, Some(self.at), || match value {
            Some(value) => Operation::SetQuery(name, value.clone()),
            None => Operation::RemoveQuery(name),
        });
        Some(format!(
            "{}={}",
            utf8_percent_encode(self.name, NON_ALPHANUMERIC),
            value?
        ))
    }
}

/// The name of a parameter as forms write it: `+` is a blank. What is no UTF-8 equals no name of the config.
fn name_of(pair: &str) -> Cow<'_, str> {
    let (name, _) = pair.split_once('=').unwrap_or((pair, ""));
    if !name.contains(['%', '+']) {
        return Cow::Borrowed(name);
    }
    let spaced = name.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy();
    Cow::Owned(decoded.into_owned())
}
