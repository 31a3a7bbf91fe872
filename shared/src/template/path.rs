//! A text in a path: each placeholder fills one segment, or a part of one.

use std::borrow::Cow;

use super::syntax::{Written, split, wrong};
use super::{Piece, Resolve, Source, Unfilled, Values, sources};
use crate::path::{escaped, segment_fault};

/// A path. Its own text is decoded text, like every path of the config; filled, it is percent-encoded, and
/// [`crate::path::CanonicalPath::from_encoded`] takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate {
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// Encoded, with the slash in front; of several segments in a row all.
    Fixed(Box<str>),
    Filled(Vec<Piece>),
}

impl PathTemplate {
    /// Reads a path such as `/users/{id}/orders`.
    ///
    /// # Errors
    /// What is wrong with it, ready to be shown.
    pub fn parse(text: &str, resolve: Resolve<'_>) -> Result<Self, String> {
        Self::of(text, split(text)?, resolve)
    }

    pub(super) fn of(text: &str, pieces: Vec<Written<'_>>, resolve: Resolve<'_>) -> Result<Self, String> {
        let mut written = segments(pieces).into_iter();
        if written.next().is_none_or(|before| !before.is_empty()) || written.len() == 0 {
            return Err(wrong(text, "a path begins with `/`"));
        }
        let mut path = Self { segments: Vec::new() };
        while let Some(segment) = written.next() {
            let is_last = written.len() == 0;
            path.push(segment, is_last, resolve).map_err(|why| wrong(text, &why))?;
        }
        Ok(path)
    }

    fn push(&mut self, written: Vec<Written<'_>>, is_last: bool, resolve: Resolve<'_>) -> Result<(), String> {
        let mut pieces = Vec::with_capacity(written.len());
        for piece in &written {
            pieces.push(match piece {
                Written::Text(text) => Piece::Text(text.as_str().into()),
                Written::Placeholder(name) => Piece::Value(resolve(name)?),
            });
        }
        let literal: String = pieces.iter().map(literal_text).collect();
        check_literal(&literal)?;
        if sources(&pieces).next().is_some() {
            self.segments.push(Segment::Filled(pieces));
            return Ok(());
        }
        match segment_fault(&literal) {
            Some(_) if literal.is_empty() && is_last => {}
            Some(_) if literal.is_empty() => return Err("slashes are merged: write one where `//` stands".into()),
            Some(fault) => return Err(format!("a segment {fault}: services read such paths differently")),
            None => {}
        }
        match self.segments.last_mut() {
            Some(Segment::Fixed(before)) => *before = format!("{before}/{}", escaped(&literal)).into(),
            _ => self
                .segments
                .push(Segment::Fixed(format!("/{}", escaped(&literal)).into())),
        }
        Ok(())
    }

    /// The path of one request, percent-encoded.
    ///
    /// # Errors
    /// A value is missing, or would make another path: it is empty, `.` or `..` (also before `;`), or holds a slash, a
    /// backslash, a control character or a percent-escape.
    pub fn fill(&self, values: &Values<'_>) -> Result<String, Unfilled> {
        self.filled(|source| values.text(source))
    }

    /// Whether there will be a path, whatever other parts answer.
    ///
    /// # Errors
    /// As [`PathTemplate::fill`], for all but other parts' values.
    pub fn check(&self, values: &Values<'_>) -> Result<(), Unfilled> {
        self.filled(|source| values.text_or_stand_in(source)).map(drop)
    }

    fn filled<'v>(&self, text_of: impl Fn(&Source) -> Option<Cow<'v, str>>) -> Result<String, Unfilled> {
        let mut path = String::new();
        for segment in &self.segments {
            match segment {
                Segment::Fixed(text) => path.push_str(text),
                Segment::Filled(pieces) => {
                    path.push('/');
                    path.push_str(&escaped(&fill_segment(pieces, &text_of)?));
                }
            }
        }
        Ok(path)
    }

    /// What its placeholders name, in their order.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.segments.iter().flat_map(|segment| match segment {
            Segment::Fixed(_) => sources(&[]),
            Segment::Filled(pieces) => sources(pieces),
        })
    }
}

fn fill_segment<'v>(pieces: &[Piece], text_of: impl Fn(&Source) -> Option<Cow<'v, str>>) -> Result<String, Unfilled> {
    let mut segment = String::new();
    let mut last = None;
    for piece in pieces {
        match piece {
            Piece::Text(text) => segment.push_str(text),
            Piece::Value(source) => {
                let value = text_of(source).ok_or_else(|| source.missing())?;
                if let Some(fault) = segment_fault(&value) {
                    return Err(source.unfit(fault));
                }
                segment.push_str(&value);
                last = Some(source);
            }
        }
    }
    // Two values, each harmless, may make a dot segment or an escape together.
    match (segment_fault(&segment), last) {
        (Some(fault), Some(source)) => Err(source.unfit(fault)),
        _ => Ok(segment),
    }
}

/// Cuts at every slash of the text itself; none stands in a placeholder's name for itself.
fn segments(pieces: Vec<Written<'_>>) -> Vec<Vec<Written<'_>>> {
    let mut segments = vec![Vec::new()];
    for piece in pieces {
        let Written::Text(text) = piece else {
            segments
                .last_mut()
                .into_iter()
                .for_each(|last| last.push(piece.clone()));
            continue;
        };
        for (index, text) in text.split('/').enumerate() {
            if index > 0 {
                segments.push(Vec::new());
            }
            if let Some(last) = segments.last_mut().filter(|_| !text.is_empty()) {
                last.push(Written::Text(text.to_owned()));
            }
        }
    }
    segments
}

fn literal_text(piece: &Piece) -> &str {
    match piece {
        Piece::Text(text) => text,
        Piece::Value(_) => "",
    }
}

fn check_literal(literal: &str) -> Result<(), String> {
    let why = match literal {
        "*" | "**" => "nothing fills a `*`: name the segment in the route's path, and write `{name}` here",
        _ if literal.contains('?') => "no query has its place in this path",
        _ if literal.contains('#') => "`#` begins a fragment, which is never sent",
        _ => return Ok(()),
    };
    Err(why.to_owned())
}
