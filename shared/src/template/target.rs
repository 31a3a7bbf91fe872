//! A path with its query, as a call to a service has them.

use super::query::QueryTemplate;
use super::syntax::{Written, split, wrong};
use super::{PathTemplate, Resolve, Source, Unfilled, Values};

/// A path and a query, such as `/orders?user={user.id}&limit=3`. The path is decoded text; the query is written as it is
/// sent, and placeholders stand in its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetTemplate {
    path: PathTemplate,
    query: Vec<Pair>,
}

/// A parameter: its name with the `=`, as it is sent, and its value. One without `=` is all name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pair {
    name: Box<str>,
    value: QueryTemplate,
}

impl TargetTemplate {
    /// Reads a path with or without a query.
    ///
    /// # Errors
    /// What is wrong with it, ready to be shown.
    pub fn parse(text: &str, resolve: Resolve<'_>) -> Result<Self, String> {
        let (path, query) = cut(split(text)?, '?');
        let path = PathTemplate::of(text, path, resolve)?;
        let mut pairs = Vec::new();
        let mut rest = query;
        while let Some(pieces) = rest {
            let (pair, following) = cut(pieces, '&');
            pairs.push(self::pair(pair, resolve).map_err(|why| wrong(text, &why))?);
            rest = following;
        }
        Ok(Self { path, query: pairs })
    }

    /// The path and the query of one request, percent-encoded, ready for a request line.
    ///
    /// # Errors
    /// As [`PathTemplate::fill`] and [`QueryTemplate::fill`].
    pub fn fill(&self, values: &Values<'_>) -> Result<String, Unfilled> {
        let mut target = self.path.fill(values)?;
        let mut joint = '?';
        for pair in &self.query {
            if let Some(value) = pair.value.fill(values)? {
                target.push(joint);
                target.push_str(&pair.name);
                target.push_str(&value);
                joint = '&';
            }
        }
        Ok(target)
    }

    /// Whether there will be a target, whatever other parts answer.
    ///
    /// # Errors
    /// As [`TargetTemplate::fill`], for all but other parts' values.
    pub fn check(&self, values: &Values<'_>) -> Result<(), Unfilled> {
        self.path.check(values)?;
        self.query.iter().try_for_each(|pair| pair.value.check(values))
    }

    /// What its placeholders name, in their order.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        let query = self.query.iter().flat_map(|pair| pair.value.sources());
        self.path.sources().chain(query)
    }
}

fn pair(pieces: Vec<Written<'_>>, resolve: Resolve<'_>) -> Result<Pair, String> {
    for piece in &pieces {
        if let Written::Text(text) = piece {
            check_query(text)?;
        }
    }
    let (name, value) = cut(pieces, '=');
    let name = match name.as_slice() {
        [] => String::new(),
        [Written::Text(text)] => text.clone(),
        _ => return Err("a placeholder fills the value of a query parameter, not its name".into()),
    };
    if name.is_empty() {
        return Err("a query parameter without a name".into());
    }
    let has_value = value.is_some();
    Ok(Pair {
        name: if has_value { format!("{name}=") } else { name }.into(),
        value: QueryTemplate::of(value.unwrap_or_default(), str::to_owned, resolve)?,
    })
}

/// Refuses what cannot stand in a query as it is sent (RFC 3986 section 3.4).
fn check_query(text: &str) -> Result<(), String> {
    let stands = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte);
    if let Some(other) = text
        .chars()
        .find(|&character| !character.is_ascii() || !stands(character as u8))
    {
        return Err(format!("{other:?} cannot stand in a query as it is: percent-encode it"));
    }
    let is_escape = |after: &str| after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    match text.split('%').skip(1).all(is_escape) {
        true => Ok(()),
        false => {
            Err("a `%` in a query begins an escape of two hexadecimal digits: write `%25` for the sign itself".into())
        }
    }
}

/// Cuts at the first such character of the text itself, which is dropped; no second half where there is none.
fn cut(pieces: Vec<Written<'_>>, at: char) -> (Vec<Written<'_>>, Option<Vec<Written<'_>>>) {
    let mut before = Vec::new();
    let mut pieces = pieces.into_iter();
    while let Some(piece) = pieces.next() {
        let halves = match &piece {
            Written::Text(text) => text.split_once(at),
            Written::Placeholder(_) => None,
        };
        let Some((left, right)) = halves else {
            before.push(piece);
            continue;
        };
        let text = |half: &str| (!half.is_empty()).then(|| Written::Text(half.to_owned()));
        before.extend(text(left));
        return (before, Some(text(right).into_iter().chain(pieces).collect()));
    }
    (before, None)
}
