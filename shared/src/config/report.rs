//! Collects what is wrong with a document, and knows the line and pointer of every place in it.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::tree::{Node, Place, Value, quote};
use super::{MAX_DEPTH, Mistakes, Pointer};

/// How many pairs of words may be compared for suggestions. Enough for any document a person wrote; keeps a
/// document with thousands of wrong names from costing their square.
const COMPARISONS: usize = 20_000;

/// Longer words are not worth a suggestion, and comparing costs the product of the lengths.
const LONGEST_WORD: usize = 64;

/// The last step of a pointer.
#[derive(Debug)]
enum Step {
    Root,
    Key(Box<str>),
    Index(usize),
}

#[derive(Debug)]
struct Spot {
    /// Of the root: itself.
    parent: Place,
    step: Step,
    line: usize,
}

#[derive(Debug)]
struct Remark {
    line: usize,
    place: Place,
    text: String,
}

/// Mistakes and warnings so far.
#[derive(Debug)]
pub(super) struct Report {
    name: String,
    has_lines: bool,
    spots: Vec<Spot>,
    mistakes: Vec<Remark>,
    warnings: Vec<Remark>,
    /// Places with a mistake at them or beneath them.
    spoiled: HashSet<Place>,
    comparisons: usize,
}

impl Report {
    /// The place of the whole document.
    pub(super) const ROOT: Place = Place(0);

    /// `name` stands in messages as the file.
    pub(super) fn new(name: &str) -> Self {
        let root = Spot {
            parent: Self::ROOT,
            step: Step::Root,
            line: 1,
        };
        Self {
            name: name.to_owned(),
            has_lines: true,
            spots: vec![root],
            mistakes: Vec::new(),
            warnings: Vec::new(),
            spoiled: HashSet::new(),
            comparisons: COMPARISONS,
        }
    }

    /// For a document that nobody wrote in lines: messages give its name and the pointer, which is all there is.
    pub(super) fn without_lines(name: &str) -> Self {
        Self {
            has_lines: false,
            ..Self::new(name)
        }
    }

    /// Makes room for the places of a text of so many bytes, for growing by doubling copies them all again and again.
    pub(super) fn expect(&mut self, bytes: usize) {
        /// What a value and its key take in a dense document.
        const BYTES_A_PLACE: usize = 16;
        self.spots.reserve(bytes / BYTES_A_PLACE);
    }

    /// Whether messages say where in the text something is.
    pub(super) fn has_lines(&self) -> bool {
        self.has_lines
    }

    /// What stands in front of a message: file and line.
    pub(super) fn at(&self, line: usize) -> String {
        match self.has_lines {
            true => format!("{}:{line}", self.name),
            false => self.name.clone(),
        }
    }

    /// A new place: the member `key` of the object at `parent`.
    pub(super) fn member(&mut self, parent: Place, key: &str, line: usize) -> Place {
        self.add(Spot {
            parent,
            step: Step::Key(key.into()),
            line,
        })
    }

    /// A new place: element `index` of the list at `parent`.
    pub(super) fn element(&mut self, parent: Place, index: usize, line: usize) -> Place {
        self.add(Spot {
            parent,
            step: Step::Index(index),
            line,
        })
    }

    fn add(&mut self, spot: Spot) -> Place {
        // Every place takes at least one byte of a document whose size is bounded far below u32.
        let place = Place(u32::try_from(self.spots.len()).unwrap_or(u32::MAX));
        self.spots.push(spot);
        place
    }

    fn spot(&self, place: Place) -> &Spot {
        &self.spots[place.0 as usize]
    }

    /// The line a place begins on, from 1.
    pub(super) fn line(&self, place: Place) -> usize {
        self.spot(place).line
    }

    /// The name of the member at this place; empty for anything else.
    pub(super) fn key(&self, place: Place) -> &str {
        match &self.spot(place).step {
            Step::Key(key) => key,
            Step::Root | Step::Index(_) => "",
        }
    }

    /// The JSON pointer of a place (RFC 6901).
    pub(super) fn pointer(&self, place: Place) -> Pointer {
        let mut way = Vec::with_capacity(MAX_DEPTH);
        let mut at = place;
        while at != Self::ROOT {
            let spot = self.spot(at);
            way.push(&spot.step);
            at = spot.parent;
        }
        let mut text = String::with_capacity(64);
        for step in way.into_iter().rev() {
            text.push('/');
            match step {
                Step::Key(key) if key.contains(['~', '/']) => {
                    text.push_str(&key.replace('~', "~0").replace('/', "~1"));
                }
                Step::Key(key) => text.push_str(key),
                // Writing to a String cannot fail.
                Step::Index(index) => _ = write!(text, "{index}"),
                Step::Root => {}
            }
        }
        Pointer::new(text)
    }

    /// Records a mistake. The reason shows placeholders, never their values.
    pub(super) fn mistake(&mut self, place: Place, reason: impl Into<String>) {
        let remark = self.remark(place, &reason.into());
        self.mistakes.push(remark);
        let mut at = place;
        while self.spoiled.insert(at) && at != Self::ROOT {
            at = self.spot(at).parent;
        }
    }

    /// Records a mistake of the text itself, which has a line but no pointer.
    pub(super) fn unreadable(&mut self, line: usize, reason: &str) {
        let text = format!("{}: {reason}", self.at(line));
        self.mistakes.push(Remark {
            line,
            place: Place(u32::MAX),
            text,
        });
        self.spoiled.insert(Self::ROOT);
    }

    /// Records what is probably not meant.
    pub(super) fn warning(&mut self, place: Place, reason: impl Into<String>) {
        let remark = self.remark(place, &reason.into());
        self.warnings.push(remark);
    }

    fn remark(&self, place: Place, reason: &str) -> Remark {
        let line = self.line(place);
        let text = match self.pointer(place).as_str() {
            "" => format!("{}: {reason}", self.at(line)),
            // A key with a line break in it must not break the one-line form.
            pointer => format!("{}: {}: {reason}", self.at(line), printable(pointer)),
        };
        Remark { line, place, text }
    }

    /// Whether a mistake was recorded at this place or beneath it.
    pub(super) fn is_spoiled(&self, place: Place) -> bool {
        self.spoiled.contains(&place)
    }

    /// The candidate that was probably meant, if any is near enough.
    pub(super) fn nearest<'a>(&mut self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        if word.len() > LONGEST_WORD {
            return None;
        }
        let word = word.to_ascii_lowercase();
        let allowed = (word.chars().count() / 3).max(1);
        let mut best: Option<(usize, &str)> = None;
        for candidate in candidates {
            if self.comparisons == 0 {
                break;
            }
            self.comparisons -= 1;
            if candidate.len() > LONGEST_WORD {
                continue;
            }
            let distance = strsim::osa_distance(&word, &candidate.to_ascii_lowercase());
            // Of two as near, the first by alphabet: what is said does not hang on the order of a hash map.
            if distance <= allowed && best.is_none_or(|best| (distance, candidate) < best) {
                best = Some((distance, candidate));
            }
        }
        best.map(|(_, candidate)| candidate)
    }

    /// Refuses the second of two members with one name, in the whole tree.
    pub(super) fn refuse_duplicates(&mut self, node: &mut Node) {
        match &mut node.value {
            Value::List(items) => items.iter_mut().for_each(|item| self.refuse_duplicates(item)),
            Value::Map(members) => {
                for (again, first) in self.repeated(members) {
                    let mut reason = format!("{} is here twice", quote(self.key(again)));
                    if self.has_lines {
                        // Writing to a String cannot fail.
                        let _ = write!(reason, "; first on line {}", self.line(first));
                    }
                    self.mistake(again, reason);
                }
                members.iter_mut().for_each(|member| self.refuse_duplicates(member));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Broken => {}
        }
    }

    /// Takes out every member whose name was there before; returns its place and that of the first.
    fn repeated(&self, members: &mut Vec<Node>) -> Vec<(Place, Place)> {
        if self.are_few_and_different(members) {
            return Vec::new();
        }
        let mut seen = HashMap::with_capacity(members.len());
        let mut repeated = Vec::new();
        members.retain(|member| match seen.entry(self.key(member.place)) {
            Entry::Occupied(first) => {
                repeated.push((member.place, *first.get()));
                false
            }
            Entry::Vacant(free) => {
                free.insert(member.place);
                true
            }
        });
        repeated
    }

    /// What nearly every object is, told without a table of its names.
    fn are_few_and_different(&self, members: &[Node]) -> bool {
        const FEW: usize = 16;
        let key = |member: &Node| self.key(member.place);
        let before = |index: usize| members[..index].iter().map(key);
        let different = |(index, member): (usize, &Node)| before(index).all(|name| name != key(member));
        members.len() <= FEW && members.iter().enumerate().all(different)
    }

    /// The warnings of a document without a mistake, in file order; else every mistake, in file order.
    pub(super) fn finish(self) -> Result<Vec<String>, Mistakes> {
        if self.mistakes.is_empty() {
            Ok(in_order(self.warnings))
        } else {
            Err(Mistakes(in_order(self.mistakes)))
        }
    }
}

fn in_order(mut remarks: Vec<Remark>) -> Vec<String> {
    remarks.sort_by_key(|remark| (remark.line, remark.place));
    remarks.into_iter().map(|remark| remark.text).collect()
}

fn printable(text: &str) -> String {
    if text.chars().any(char::is_control) {
        text.escape_debug().to_string()
    } else {
        text.to_owned()
    }
}
