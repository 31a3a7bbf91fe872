//! Rules for a JSON body, of requests and answers alike: unwrap, then remove, keep and rename, then set, then wrap.

use bytes::Bytes;

use super::rewrite::{Failure, rewrite};
use super::rules::BodyRules;
use super::scan::Scanner;
use super::set::SetRules;
use super::{FieldPath, Rule, scan, set};
use crate::config::Pointer;
use crate::edits::{Edits, Operation, Stage};
use crate::template::{Source, Unfilled, ValueTemplate, Values};

/// `body` of a block.
#[derive(Clone, Debug, Default)]
pub struct BodyChanges {
    /// The names that lead to the value that takes the place of the whole document, where it is there.
    pub unwrap: Option<Rule<Vec<String>>>,
    /// What is removed, kept and renamed, as one.
    pub fields: BodyRules,
    /// The same one by one, to tell which of them changed something.
    pub origins: Vec<Rule<FieldRule>>,
    /// What members are set to.
    pub set: SetRules,
    /// The names under which the document goes, outermost first.
    pub wrap: Option<Rule<Vec<String>>>,
}

/// One of `remove_fields`, all of `keep_fields`, or one of `rename_fields`.
#[derive(Clone, Debug)]
pub enum FieldRule {
    /// This is taken out.
    Remove(FieldPath),
    /// Nothing stays beside these.
    Keep(Vec<FieldPath>),
    /// This is called otherwise.
    Rename(FieldPath, String),
}

/// The values that members are set to in one request, one for each rule; `None`: the member goes.
pub(super) type Settings = Vec<Option<String>>;

impl BodyChanges {
    /// Whether there is no rule at all.
    pub fn is_empty(&self) -> bool {
        self.unwrap.is_none() && self.fields.is_empty() && self.set.is_empty() && self.wrap.is_none()
    }

    /// What its texts name.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.set.values().flat_map(ValueTemplate::sources)
    }

    /// What members are set to. The error is with the rule that it is about.
    pub(super) fn fill(&self, values: &Values<'_>) -> Result<Settings, (Unfilled, &Pointer)> {
        self.set.fill(values)
    }

    /// The same, where what is missing only leaves its member out: an answer is not refused for what it would have said of
    /// the caller.
    pub(super) fn fill_what_is_there(&self, values: &Values<'_>) -> Settings {
        self.set
            .values()
            .map(|value| value.fill(values).ok().flatten())
            .collect()
    }

    /// The text after these rules. It is valid JSON, without white space around it, and so is what comes of it.
    pub(super) fn apply(
        &self,
        text: &Bytes,
        settings: &Settings,
        stage: Stage,
        edits: &mut Edits,
    ) -> Result<Bytes, Failure> {
        let mut text = text.clone();
        if let Some(rule) = &self.unwrap
            && let Some(inner) = unwrapped(&text, &rule.says)?
        {
            text = text.slice_ref(inner);
            edits.tell(stage, Some(&rule.at), || Operation::Unwrap(rule.says.join(".")));
        }
        if edits.are_kept() {
            self.tell(&text, settings, stage, edits)?;
        }
        if !self.fields.is_empty() {
            text = rewrite(&self.fields, &text)?.into();
        }
        if !self.set.is_empty() {
            text = set::set(&self.set, settings, &text)?.into();
        }
        if let Some(rule) = &self.wrap {
            text = wrapped(&text, &rule.says).into();
            edits.tell(stage, Some(&rule.at), || Operation::Wrap(rule.says.join(".")));
        }
        Ok(text)
    }

    /// Tells which of the rules make a difference, by letting each work alone.
    fn tell(&self, text: &Bytes, settings: &Settings, stage: Stage, edits: &mut Edits) -> Result<(), Failure> {
        // Rewriting drops blanks, which is no difference.
        let text = scan::compact(text);
        for rule in &self.origins {
            if rewrite(&rule.says.alone(), &text)? != text {
                edits.tell(stage, Some(&rule.at), || rule.says.operation());
            }
        }
        let text = rewrite(&self.fields, &text)?;
        for (path, at, alone, setting) in self.set.one_by_one(settings) {
            if set::set(&alone, &setting, &text)? != text {
                edits.tell(stage, Some(at), || Operation::SetField(path));
            }
        }
        Ok(())
    }
}

impl FieldRule {
    fn alone(&self) -> BodyRules {
        let one = std::slice::from_ref;
        let rules = match self {
            Self::Remove(path) => BodyRules::compile(one(path), &[], &[]),
            Self::Keep(paths) => BodyRules::compile(&[], paths, &[]),
            Self::Rename(path, name) => BodyRules::compile(&[], &[], &[(path.clone(), name.clone())]),
        };
        // What compiles with others compiles alone.
        rules.unwrap_or_default()
    }

    fn operation(&self) -> Operation {
        match self {
            Self::Remove(path) => Operation::RemoveField(path.to_string()),
            Self::Keep(_) => Operation::KeepFields,
            Self::Rename(path, name) => Operation::RenameField(path.to_string(), name.clone()),
        }
    }
}

/// The value that these names lead to, if they do. Of two members with one name the last counts, as in most readers
/// (RFC 8259 section 4).
fn unwrapped<'t>(text: &'t [u8], names: &[String]) -> Result<Option<&'t [u8]>, Failure> {
    let mut at = text;
    for name in names {
        let mut source = Scanner::new(at);
        if source.peek() != Some(b'{') {
            return Ok(None);
        }
        let mut found = None;
        source.members(|key, value| {
            if scan::decode(key).is_some_and(|decoded| decoded == *name) {
                found = Some(value);
            }
        })?;
        match found {
            Some(value) => at = value,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

fn wrapped(text: &[u8], names: &[String]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + names.iter().map(|name| name.len() + 8).sum::<usize>());
    for name in names {
        out.push(b'{');
        out.extend_from_slice(serde_json::Value::from(name.as_str()).to_string().as_bytes());
        out.push(b':');
    }
    out.extend_from_slice(text);
    out.extend(std::iter::repeat_n(b'}', names.len()));
    out
}
