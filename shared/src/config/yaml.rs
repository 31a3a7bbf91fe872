//! YAML text to tree: the JSON part of YAML 1.2 with its core scalars. Anchors, aliases, tags and merge keys
//! are refused: they make one line mean another, and a small text a huge document.

use std::borrow::Cow;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::MAX_DEPTH;
use super::report::Report;
use super::tree::{Node, Place, Value, quote};

/// Reads one YAML document. `None`: what is wrong is in the report.
pub(super) fn read(text: &str, report: &mut Report) -> Option<Node> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        report,
    };
    match reader.document() {
        Ok(node) => node,
        Err(Unreadable { line, reason }) => {
            report.unreadable(line, &reason);
            None
        }
    }
}

/// Why the text cannot be read any further.
struct Unreadable {
    line: usize,
    reason: String,
}

struct Reader<'text, 'report> {
    parser: Parser<'text, StrInput<'text>>,
    report: &'report mut Report,
}

impl<'text> Reader<'text, '_> {
    fn next(&mut self) -> Result<(Event<'text>, usize), Unreadable> {
        match self.parser.next_event() {
            Some(Ok((event, Span { start, .. }))) => Ok((event, start.line())),
            Some(Err(error)) => Err(Unreadable {
                line: error.marker().line(),
                reason: format!("not YAML: {}", error.info()),
            }),
            None => Ok((Event::StreamEnd, 1)),
        }
    }

    fn document(&mut self) -> Result<Option<Node>, Unreadable> {
        let mut root = None;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(root),
                (Event::DocumentStart(_), line) if root.is_some() => {
                    return Err(Unreadable {
                        line,
                        reason: "a second document begins: a config is one document".into(),
                    });
                }
                (Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, _) => {}
                (event, _) => root = Some(self.node(event, Report::ROOT, 0)?),
            }
        }
    }

    fn node(&mut self, event: Event<'text>, place: Place, depth: usize) -> Result<Node, Unreadable> {
        if depth > MAX_DEPTH {
            let line = self.report.line(place);
            return Err(Unreadable {
                line,
                reason: format!("nested deeper than {MAX_DEPTH} levels"),
            });
        }
        let value = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_extras(place, anchor, tag.is_some());
                scalar(text, style)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_extras(place, anchor, tag.is_some());
                Value::List(self.items(place, depth)?)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_extras(place, anchor, tag.is_some());
                Value::Map(self.members(place, depth)?)
            }
            Event::Alias(_) => {
                self.report
                    .mistake(place, "aliases (*name) are not taken: write the value out");
                Value::Broken
            }
            // The parser closes only what it opened, and `items` and `members` take those events.
            _ => Value::Broken,
        };
        Ok(Node::new(place, value))
    }

    fn refuse_extras(&mut self, place: Place, anchor: usize, tagged: bool) {
        if anchor != 0 {
            self.report.mistake(
                place,
                "anchors (&name) are not taken: write the value out where it is needed",
            );
        }
        if tagged {
            self.report
                .mistake(place, "tags (!name) are not taken: quote a text, leave a number bare");
        }
    }

    fn items(&mut self, place: Place, depth: usize) -> Result<Vec<Node>, Unreadable> {
        let mut items = Vec::new();
        loop {
            let (event, line) = self.next()?;
            if matches!(event, Event::SequenceEnd | Event::StreamEnd) {
                return Ok(items);
            }
            let place = self.report.element(place, items.len(), line);
            items.push(self.node(event, place, depth + 1)?);
        }
    }

    fn members(&mut self, place: Place, depth: usize) -> Result<Vec<Node>, Unreadable> {
        let mut members = Vec::new();
        loop {
            let (event, line) = self.next()?;
            let key = match event {
                Event::MappingEnd | Event::StreamEnd => return Ok(members),
                Event::Scalar(key, style, 0, None) => {
                    if style == ScalarStyle::Plain && key == "<<" {
                        return Err(Unreadable {
                            line,
                            reason: "merge keys (<<) are not taken: write the members out".into(),
                        });
                    }
                    key
                }
                Event::Scalar(key, ..) => {
                    let reason = format!("the key {} has an anchor or a tag: write it plain", quote(&key));
                    return Err(Unreadable { line, reason });
                }
                _ => {
                    return Err(Unreadable {
                        line,
                        reason: "a key must be a plain text".into(),
                    });
                }
            };
            let place = self.report.member(place, &key, line);
            let (event, _) = self.next()?;
            members.push(self.node(event, place, depth + 1)?);
        }
    }
}

/// The YAML 1.2 core schema (section 10.3.2): only a plain scalar is anything but text.
fn scalar(text: Cow<'_, str>, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::Text(text.into_owned());
    }
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        number if is_number(number) => Value::Number(text.into_owned()),
        _ => Value::Text(text.into_owned()),
    }
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(octal) = text.strip_prefix("0o") {
        return !octal.is_empty() && octal.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return !hexadecimal.is_empty() && hexadecimal.bytes().all(|byte| byte.is_ascii_hexdigit());
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    // Rust's own grammar for floats is YAML's but for the words, which begin with a letter.
    unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && unsigned
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'-' | b'+'))
        && unsigned.parse::<f64>().is_ok()
}
