//! Rules on a JSON text: one pass, which copies what no rule names byte for byte.
//!
//! Working on the text keeps what a parsed form would lose: the spelling of numbers, the order of members, and
//! duplicate members. The cost is linear in the text, whatever the rules say.

use std::borrow::Cow;
use std::collections::HashMap;

use super::content::MAX_DECODED;
use super::rules::{BodyRules, Place, Rename};
use super::scan::{Malformed, Scanner, decode};

/// How deep objects and arrays may nest where rules still look for members; what lies beside is not counted.
/// Rules are at most 32 names deep, so only arrays in arrays reach this, and no honest upstream sends such. It
/// bounds the stack. The same number as in most JSON readers.
pub(super) const MAX_DEPTH: usize = 128;

/// Why a text could not be rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nested deeper than [`MAX_DEPTH`] where rules look.
    TooDeep,
    /// Becomes more than [`MAX_DECODED`] bytes: a short member may get a long name or value, and there may be millions.
    TooLarge,
    /// Not valid JSON: the caller checks before.
    Malformed,
}

impl From<Malformed> for Failure {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Applies the rules to a valid JSON text. The answer is valid JSON again: `null` when the whole document is a
/// single value that `keep_fields` does not let through.
pub(super) fn rewrite(rules: &BodyRules, text: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut rewriter = Rewriter {
        rules,
        source: Scanner::new(text),
        out: Vec::with_capacity(text.len()),
    };
    if !rewriter.value(&rules.root(), 0)? {
        rewriter.out.extend_from_slice(b"null");
    }
    Ok(rewriter.out)
}

/// To be asked after each thing that was written and not read.
pub(super) fn bounded(out: &[u8]) -> Result<(), Failure> {
    match out.len() > MAX_DECODED {
        true => Err(Failure::TooLarge),
        false => Ok(()),
    }
}

struct Rewriter<'r, 't> {
    rules: &'r BodyRules,
    source: Scanner<'t>,
    out: Vec<u8>,
}

/// A member that was written.
struct Written<'r, 't> {
    /// Its original name; `None` where no Unicode text spells it.
    name: Option<Cow<'t, str>>,
    rename: Option<&'r Rename>,
    /// Where its key starts and its value ends in the output.
    start: usize,
    end: usize,
}

impl Written<'_, '_> {
    fn new_name(&self) -> Option<&str> {
        self.rename.map_or(self.name.as_deref(), |rename| Some(&rename.name))
    }
}

impl<'r, 't> Rewriter<'r, 't> {
    /// Writes a value as the rules leave it, and says whether there was anything to write.
    fn value(&mut self, place: &Place, depth: usize) -> Result<bool, Failure> {
        let nested = match self.source.peek() {
            Some(b'{' | b'[') if depth == MAX_DEPTH && !place.is_settled() => return Err(Failure::TooDeep),
            first => first,
        };
        match nested {
            Some(b'{') if !place.is_settled() => self.object(place, depth)?,
            Some(b'[') if !place.is_settled() => self.array(place, depth)?,
            _ => {
                let verbatim = self.source.value()?;
                if place.kept {
                    self.out.extend_from_slice(verbatim);
                }
                return Ok(place.kept);
            }
        }
        Ok(true)
    }

    fn array(&mut self, place: &Place, depth: usize) -> Result<(), Failure> {
        let element = self.rules.element(place);
        self.source.eat(b'[')?;
        self.out.push(b'[');
        let mut first = true;
        if !self.source.try_eat(b']') {
            loop {
                let start = self.separate(first);
                let written = match &element {
                    Some(element) => self.value(element, depth + 1)?,
                    None => self.source.value().map(|_| false)?,
                };
                first = self.settle(start, written, first);
                if !self.source.try_eat(b',') {
                    break;
                }
            }
            self.source.eat(b']')?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, place: &Place, depth: usize) -> Result<(), Failure> {
        self.source.eat(b'{')?;
        self.out.push(b'{');
        let start = self.out.len();
        let mut members = Vec::new();
        let mut first = true;
        if !self.source.try_eat(b'}') {
            loop {
                let before = self.separate(first);
                let member = self.member(place, depth)?;
                first = self.settle(before, member.is_some(), first);
                if self.rules.renames() {
                    members.extend(member);
                }
                if !self.source.try_eat(b',') {
                    break;
                }
            }
            self.source.eat(b'}')?;
        }
        self.drop_replaced(start, &members);
        self.out.push(b'}');
        Ok(())
    }

    /// Reads one member and writes what is left of it.
    fn member(&mut self, object: &Place, depth: usize) -> Result<Option<Written<'r, 't>>, Failure> {
        let key = self.source.string()?;
        self.source.eat(b':')?;
        let name = decode(key);
        let Some((place, rename)) = self.rules.member(object, name.as_deref()) else {
            self.source.value()?;
            return Ok(None);
        };
        let start = self.out.len();
        self.out
            .extend_from_slice(rename.map_or(key, |rename| rename.json.as_bytes()));
        self.out.push(b':');
        bounded(&self.out)?;
        let written = self.value(&place, depth + 1)?;
        let end = self.out.len();
        Ok(written.then_some(Written {
            name,
            rename,
            start,
            end,
        }))
    }

    /// Writes a comma unless nothing stands before it; the answer is where the output was.
    fn separate(&mut self, first: bool) -> usize {
        let before = self.out.len();
        if !first {
            self.out.push(b',');
        }
        before
    }

    /// Takes back what was written for a member or element that is not there after all. The answer is whether the
    /// next one will be the first.
    fn settle(&mut self, before: usize, written: bool, first: bool) -> bool {
        if !written {
            self.out.truncate(before);
        }
        first && !written
    }

    /// Takes out the members whose name a renamed one has taken. Every duplicate of the renamed member stays: they
    /// were duplicates before.
    fn drop_replaced(&mut self, object: usize, members: &[Written<'_, '_>]) {
        let mut taken: HashMap<&str, Option<&str>> = HashMap::new();
        for member in members {
            if let Some(rename) = member.rename {
                taken.entry(&rename.name).or_insert(member.name.as_deref());
            }
        }
        let stays = |member: &Written<'_, '_>| {
            let taker = member.new_name().and_then(|name| taken.get(name));
            taker.is_none_or(|taker| *taker == member.name.as_deref())
        };
        if taken.is_empty() || members.iter().all(stays) {
            return;
        }
        let written = self.out.split_off(object);
        for member in members.iter().filter(|member| stays(member)) {
            self.separate(self.out.len() == object);
            self.out
                .extend_from_slice(&written[member.start - object..member.end - object]);
        }
    }
}
