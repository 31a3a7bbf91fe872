//! `set`: members of a JSON text get values, in one pass that copies all else.

use std::collections::BTreeMap;

use super::Rule;
use super::body::Settings;
use super::rewrite::{Failure, MAX_DEPTH, bounded};
use super::scan::{Scanner, decode};
use crate::config::Pointer;
use crate::template::{Unfilled, ValueTemplate, Values};

/// Compiled `set`: a tree of names with values at its ends.
///
/// A member that is there keeps its place and gets the value, one that is not becomes the last. On the way to it an array
/// passes the rule to each of its elements, and what is neither object nor array makes way for a new object; but the
/// document itself and elements of arrays stay what they are.
#[derive(Clone, Debug, Default)]
pub struct SetRules {
    rules: Vec<Rule<(Vec<String>, ValueTemplate)>>,
    root: Branch,
}

/// The names at one place, in the order of the config.
#[derive(Clone, Debug, Default)]
struct Branch {
    names: BTreeMap<String, usize>,
    twigs: Vec<Twig>,
}

#[derive(Clone, Debug)]
struct Twig {
    /// The name as a JSON string.
    json: String,
    grows: Growth,
}

#[derive(Clone, Debug)]
enum Growth {
    /// A value: the rule of this number.
    Value(usize),
    Branch(Branch),
}

impl SetRules {
    /// Adds a rule: names, outermost first, and the value. The error is ready to be shown.
    pub fn push(&mut self, rule: Rule<(Vec<String>, ValueTemplate)>) -> Result<(), String> {
        let names = &rule.says.0;
        let clash = || {
            format!(
                "`{}` is set by another rule as well, as a whole or in parts",
                names.join(".")
            )
        };
        let mut branch = &mut self.root;
        let (last, way) = names.split_last().ok_or("names nothing")?;
        for name in way {
            let at = branch.twig(name, || Growth::Branch(Branch::default()));
            branch = match &mut branch.twigs[at].grows {
                Growth::Branch(branch) => branch,
                Growth::Value(_) => return Err(clash()),
            };
        }
        if branch.names.contains_key(last) {
            return Err(clash());
        }
        branch.twig(last, || Growth::Value(self.rules.len()));
        self.rules.push(rule);
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &ValueTemplate> {
        self.rules.iter().map(|rule| &rule.says.1)
    }

    pub(super) fn fill(&self, values: &Values<'_>) -> Result<Settings, (Unfilled, &Pointer)> {
        let fill = |rule: &'_ Rule<(Vec<String>, ValueTemplate)>| rule.says.1.fill(values);
        let filled = self
            .rules
            .iter()
            .map(|rule| fill(rule).map_err(|unfilled| (unfilled, &rule.at)));
        filled.collect()
    }

    /// The rules one by one: its names and place, and the rule alone with its setting.
    pub(super) fn one_by_one<'s>(
        &'s self,
        settings: &'s Settings,
    ) -> impl Iterator<Item = (String, &'s Pointer, Self, Settings)> {
        self.rules.iter().zip(settings).map(|(rule, setting)| {
            let mut alone = Self::default();
            // What goes with others goes alone.
            let _ = alone.push(rule.clone());
            (rule.says.0.join("."), &rule.at, alone, vec![setting.clone()])
        })
    }
}

impl Branch {
    fn twig(&mut self, name: &str, grows: impl FnOnce() -> Growth) -> usize {
        if let Some(&at) = self.names.get(name) {
            return at;
        }
        let at = self.twigs.len();
        self.names.insert(name.to_owned(), at);
        self.twigs.push(Twig {
            json: serde_json::Value::from(name).to_string(),
            grows: grows(),
        });
        at
    }
}

/// Applies the rules to a valid JSON text; `settings` has a value for each of them.
pub(super) fn set(rules: &SetRules, settings: &Settings, text: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut setter = Setter {
        settings,
        source: Scanner::new(text),
        out: Vec::with_capacity(text.len() + settings.iter().flatten().map(String::len).sum::<usize>()),
    };
    setter.value(&rules.root, 0)?;
    Ok(setter.out)
}

struct Setter<'r, 't> {
    settings: &'r Settings,
    source: Scanner<'t>,
    out: Vec<u8>,
}

impl Setter<'_, '_> {
    fn value(&mut self, branch: &Branch, depth: usize) -> Result<(), Failure> {
        match self.source.peek() {
            Some(b'{' | b'[') if depth == MAX_DEPTH => Err(Failure::TooDeep),
            Some(b'{') => self.object(branch, depth),
            Some(b'[') => self.array(branch, depth),
            _ => self.copy(),
        }
    }

    fn copy(&mut self) -> Result<(), Failure> {
        let verbatim = self.source.value()?;
        self.out.extend_from_slice(verbatim);
        Ok(())
    }

    fn array(&mut self, branch: &Branch, depth: usize) -> Result<(), Failure> {
        self.source.eat(b'[')?;
        self.out.push(b'[');
        if !self.source.try_eat(b']') {
            loop {
                self.value(branch, depth + 1)?;
                if !self.source.try_eat(b',') {
                    break;
                }
                self.out.push(b',');
            }
            self.source.eat(b']')?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, branch: &Branch, depth: usize) -> Result<(), Failure> {
        let mut seen = vec![false; branch.twigs.len()];
        self.source.eat(b'{')?;
        self.out.push(b'{');
        let start = self.out.len();
        if !self.source.try_eat(b'}') {
            loop {
                self.member(branch, &mut seen, start, depth)?;
                if !self.source.try_eat(b',') {
                    break;
                }
            }
            self.source.eat(b'}')?;
        }
        for (twig, _) in branch.twigs.iter().zip(seen).filter(|(_, seen)| !seen) {
            if let Some(value) = self.grown(&twig.grows) {
                self.put(start, twig.json.as_bytes(), &value)?;
            }
        }
        self.out.push(b'}');
        Ok(())
    }

    fn member(&mut self, branch: &Branch, seen: &mut [bool], start: usize, depth: usize) -> Result<(), Failure> {
        let key = self.source.string()?;
        self.source.eat(b':')?;
        let found = decode(key).and_then(|name| branch.names.get(&*name).copied());
        let Some(number) = found else {
            self.begin_member(start, key);
            return self.copy();
        };
        let is_second = std::mem::replace(&mut seen[number], true);
        let grows = &branch.twigs[number].grows;
        if let (Growth::Branch(branch), Some(b'{' | b'[')) = (grows, self.source.peek()) {
            self.begin_member(start, key);
            return self.value(branch, depth + 1);
        }
        let before = self.source.value()?;
        match (grows, self.grown(grows)) {
            // One value for the name, so that every reader finds it.
            (Growth::Value(_), _) if is_second => {}
            (_, Some(value)) => self.put(start, key, &value)?,
            (Growth::Value(_), None) => {}
            (Growth::Branch(_), None) => {
                self.begin_member(start, key);
                self.out.extend_from_slice(before);
            }
        }
        Ok(())
    }

    /// Writes a member that the rules make.
    fn put(&mut self, start: usize, key: &[u8], value: &str) -> Result<(), Failure> {
        self.begin_member(start, key);
        self.out.extend_from_slice(value.as_bytes());
        bounded(&self.out)
    }

    /// Writes a key, with a comma in front unless it is the object's first.
    fn begin_member(&mut self, start: usize, key: &[u8]) {
        if self.out.len() > start {
            self.out.push(b',');
        }
        self.out.extend_from_slice(key);
        self.out.push(b':');
    }

    /// What stands where nothing was; `None`: still nothing.
    fn grown(&self, grows: &Growth) -> Option<String> {
        match grows {
            Growth::Value(rule) => self.settings.get(*rule).cloned().flatten(),
            Growth::Branch(branch) => {
                let members: Vec<String> = branch
                    .twigs
                    .iter()
                    .filter_map(|twig| Some(format!("{}:{}", twig.json, self.grown(&twig.grows)?)))
                    .collect();
                (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")))
            }
        }
    }
}
