//! `remove_fields`, `keep_fields`, `rename_fields`, compiled to one tree of names.

use std::collections::BTreeMap;

use super::field_path::{FieldPath, FieldStep};

/// Where the rules start: the tree's root.
const ROOT: usize = 0;

/// Compiled `remove_fields`, `keep_fields`, `rename_fields`.
///
/// - Removal wins over keeping, and both go by the names the upstream gave.
/// - With `keep_fields`, only what a path names survives, and the objects and arrays that lead to it; a number,
///   string, boolean or null that stands where a path goes on is dropped.
/// - A rename keeps the member's place and takes its new name from any other member of the object: two members
///   of one name would leave it to each client which of them it sees. Where several renames name one member, the
///   first written holds; where they give members of one object the same name, the first member takes it.
#[derive(Clone, Debug, Default)]
pub struct BodyRules {
    /// Empty when there is no rule; else the root first.
    nodes: Vec<Node>,
    /// Whether members survive only when kept.
    keeps: bool,
    /// Whether any member gets a new name.
    renames: bool,
}

/// One place in the tree: what the paths say about a member, and about those inside it.
#[derive(Clone, Debug, Default)]
struct Node {
    names: BTreeMap<String, usize>,
    any: Option<usize>,
    remove: bool,
    keep: bool,
    /// A `keep` lies further down.
    leads_to_keep: bool,
    rename: Option<Rename>,
}

/// A new name.
#[derive(Clone, Debug)]
pub(super) struct Rename {
    /// Position among the renames: the lowest holds.
    order: usize,
    /// The new name.
    pub(super) name: String,
    /// The new name as a JSON string, quotes included.
    pub(super) json: String,
}

/// What the rules still have to say about a value.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The tree's nodes that lead further down; several where names and `*` overlap. No duplicates, so that
    /// arrays in arrays cannot multiply them.
    pub(super) nodes: Vec<usize>,
    /// Whether the value survives without a further `keep` inside it.
    pub(super) kept: bool,
}

impl Place {
    /// Whether nothing inside the value is of interest.
    pub(super) fn is_settled(&self) -> bool {
        self.nodes.is_empty()
    }
}

impl BodyRules {
    /// Compiles the three lists; they apply in this order, on the original names.
    /// The error (two rules that cannot both hold, such as renaming one field twice) is ready to be shown.
    pub fn compile(remove: &[FieldPath], keep: &[FieldPath], rename: &[(FieldPath, String)]) -> Result<Self, String> {
        let mut rules = Self::default();
        for path in remove {
            rules.node(path, false).remove = true;
        }
        for path in keep {
            rules.node(path, true).keep = true;
            rules.keeps = true;
        }
        for (order, (path, target)) in rename.iter().enumerate() {
            let name = rename_target(path, target)?;
            let node = rules.node(path, false);
            if let Some(earlier) = &node.rename {
                return Err(format!(
                    "`{path}` is renamed twice, to `{}` and to `{name}`",
                    earlier.name
                ));
            }
            let json = serde_json::Value::String(name.clone()).to_string();
            node.rename = Some(Rename { order, name, json });
            rules.renames = true;
        }
        Ok(rules)
    }

    /// Whether there is no rule at all.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether any member gets a new name.
    pub(super) fn renames(&self) -> bool {
        self.renames
    }

    /// The node of a path, made as needed.
    fn node(&mut self, path: &FieldPath, keep: bool) -> &mut Node {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let mut at = ROOT;
        for step in path.steps() {
            self.nodes[at].leads_to_keep |= keep;
            let next = self.nodes.len();
            let child = match step {
                FieldStep::Name(name) => *self.nodes[at].names.entry(name.clone()).or_insert(next),
                FieldStep::Any => *self.nodes[at].any.get_or_insert(next),
            };
            if child == next {
                self.nodes.push(Node::default());
            }
            at = child;
        }
        &mut self.nodes[at]
    }

    /// Where the whole document stands.
    pub(super) fn root(&self) -> Place {
        Place {
            nodes: if self.is_empty() { Vec::new() } else { vec![ROOT] },
            kept: !self.keeps,
        }
    }

    /// Where a member stands, and its new name; `None` when it goes. `name` is `None` for a name that no Unicode
    /// text spells (a lone surrogate): only `*` means it.
    pub(super) fn member(&self, object: &Place, name: Option<&str>) -> Option<(Place, Option<&Rename>)> {
        let named = |node: &Node| name.and_then(|name| node.names.get(name).copied());
        let reached = object
            .nodes
            .iter()
            .map(|&at| &self.nodes[at])
            .flat_map(|node| named(node).into_iter().chain(node.any));
        self.settle(reached, object.kept)
    }

    /// Where every element of an array stands; `None` when they all go. The paths that reached the array go on in
    /// its elements, and `*` may mean the index.
    pub(super) fn element(&self, array: &Place) -> Option<Place> {
        let indexes = array.nodes.iter().filter_map(|&at| self.nodes[at].any);
        let (place, _) = self.settle(array.nodes.iter().copied().chain(indexes), array.kept)?;
        Some(place)
    }

    fn settle(&self, reached: impl Iterator<Item = usize>, kept: bool) -> Option<(Place, Option<&Rename>)> {
        let mut place = Place {
            nodes: Vec::new(),
            kept,
        };
        let mut leads_to_keep = false;
        let mut rename: Option<&Rename> = None;
        for at in reached {
            let node = &self.nodes[at];
            if node.remove {
                return None;
            }
            place.kept |= node.keep;
            leads_to_keep |= node.leads_to_keep;
            if !(node.names.is_empty() && node.any.is_none() || place.nodes.contains(&at)) {
                place.nodes.push(at);
            }
            rename = [rename, node.rename.as_ref()]
                .into_iter()
                .flatten()
                .min_by_key(|rename| rename.order);
        }
        (place.kept || leads_to_keep).then_some((place, rename))
    }
}

/// The new name of a rename: one name in the spelling of field paths, because `a.b` reads as a move to elsewhere.
fn rename_target(path: &FieldPath, target: &str) -> Result<String, String> {
    if path.steps().last() == Some(&FieldStep::Any) {
        return Err(format!("`{path}` ends in `*`: a rename needs the name of one member"));
    }
    let refuse = |why: &str| Err(format!("`{path}` cannot become `{target}`: {why}"));
    match FieldPath::parse(target) {
        Ok(target) => match target.steps() {
            [FieldStep::Name(name)] => Ok(name.clone()),
            [FieldStep::Any] => refuse("give the new name"),
            _ => refuse("a rename changes the last name only, so give one name (`\\.` for a dot in it)"),
        },
        Err(error) => refuse(&error),
    }
}
