//! The document as a tree whose every value knows where it stands: what both syntaxes are read into.

/// Where a value stands: an index into the [`Report`](super::report::Report)'s places, which know line and
/// pointer. Numbered in document order, so that sorting by it sorts by place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place(pub(super) u32);

/// One value of the document.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
    /// The text with its placeholders, when some were filled: all that messages may show of the value.
    pub(super) written: Option<Box<str>>,
}

impl Node {
    pub(super) fn new(place: Place, value: Value) -> Self {
        Self {
            place,
            value,
            written: None,
        }
    }
}

/// What a value is. A number keeps its text: what it means is for the key to say.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// A member's name is the last step of its place. No name is there twice.
    Map(Vec<Node>),
    /// Something that was reported already; nothing more is to be said about it.
    Broken,
}

/// A text for a message: in quotes, control characters escaped, cut when long.
pub(super) fn quote(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}
