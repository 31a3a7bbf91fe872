//! `Accept` (RFC 9110 section 12.5.1): how much a client likes a media type.

use std::fmt;

use http::HeaderMap;
use http::header::ACCEPT;

#[cfg(test)]
mod tests;

/// Thousandths, as no weight says more (RFC 9110 section 12.4.2). 0: not acceptable.
pub type Weight = u16;

const FULL: Weight = 1000;

/// A media type that answers can have, with parameters or without (RFC 9110 section 8.3.1): lower case, but for the
/// values of parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    family: String,
    subtype: String,
    parameters: Vec<(String, String)>,
}

/// What a request accepts.
#[derive(Clone, Debug)]
pub struct Accept {
    /// Empty: anything.
    ranges: Vec<Range>,
}

/// One entry of the header. `*` for any family, or any type in it.
#[derive(Clone, Debug)]
struct Range {
    media: MediaType,
    weight: Weight,
}

impl MediaType {
    /// Reads a type such as `application/vnd.example.v2+json` or `application/json;version=2`.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let media = Self::read(text).ok_or("is not a media type such as application/vnd.example.v2+json")?;
        if media.family == "*" || media.subtype == "*" {
            return Err("is a range of media types: name each that the route answers with");
        }
        match media.parameters.iter().any(|(name, _)| name == "q") {
            true => Err("has a weight: clients weigh, routes only say what there is"),
            false => Ok(media),
        }
    }

    /// A type or a range; parameters that are malformed are none.
    fn read(text: &str) -> Option<Self> {
        let mut parts = split_outside_quotes(text, b';');
        let essence = parts.next()?.trim().to_ascii_lowercase();
        // Some old clients write `*` for everything.
        let (family, subtype) = match essence.as_str() {
            "*" => ("*", "*"),
            essence => essence.split_once('/')?,
        };
        if !is_token(family) || !is_token(subtype) || family == "*" && subtype != "*" {
            return None;
        }
        let parameter = |part: &str| {
            let (name, value) = part.split_once('=')?;
            let name = name.trim().to_ascii_lowercase();
            is_token(&name).then(|| (name, unquoted(value.trim())))
        };
        Some(Self {
            family: family.to_owned(),
            subtype: subtype.to_owned(),
            parameters: parts.filter_map(parameter).collect(),
        })
    }

    /// Whether all that this range says is true of a type.
    fn takes(&self, media: &Self) -> bool {
        let essence =
            self.family == "*" || self.family == media.family && (self.subtype == "*" || self.subtype == media.subtype);
        let has = |(name, value): &(String, String)| {
            let mut of_type = media.parameters.iter();
            of_type.any(|(of_name, of_value)| name == of_name && value.eq_ignore_ascii_case(of_value))
        };
        essence && self.parameters.iter().all(has)
    }

    /// How closely a range says which type it is about.
    fn precision(&self) -> (u8, usize) {
        let essence = match (self.family.as_str(), self.subtype.as_str()) {
            ("*", _) => 0,
            (_, "*") => 1,
            _ => 2,
        };
        (essence, self.parameters.len())
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.family, self.subtype)?;
        for (name, value) in &self.parameters {
            match is_token(value) {
                true => write!(f, ";{name}={value}")?,
                false => write!(f, ";{name}={value:?}")?,
            }
        }
        Ok(())
    }
}

impl Accept {
    /// Of a request with these headers. Without the header, or one of which nothing can be read, it accepts anything.
    pub fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(ACCEPT).iter();
        let texts = lines.filter_map(|line| std::str::from_utf8(line.as_bytes()).ok());
        let ranges = texts
            .flat_map(|text| split_outside_quotes(text, b','))
            .filter_map(Range::read);
        Self {
            ranges: ranges.collect(),
        }
    }

    /// How much this type is liked: by the weight of the range that is most precise about it, of two that are equally
    /// so the lower.
    pub fn weight(&self, media: &MediaType) -> Weight {
        if self.ranges.is_empty() {
            return FULL;
        }
        let fitting = self.ranges.iter().filter(|range| range.media.takes(media));
        let closest = fitting.max_by_key(|range| (range.media.precision(), std::cmp::Reverse(range.weight)));
        closest.map_or(0, |range| range.weight)
    }
}

impl Range {
    fn read(text: &str) -> Option<Self> {
        let mut media = MediaType::read(text)?;
        let mut weight = FULL;
        // What stands behind the weight is about the weight, not about the type.
        if let Some(at) = media.parameters.iter().position(|(name, _)| name == "q") {
            weight = thousandths(&media.parameters[at].1);
            media.parameters.truncate(at);
        }
        Some(Self { media, weight })
    }
}

/// A weight, also in the form `.2` that some clients write. One that is no number is none at all: the type is named, so
/// it is liked.
fn thousandths(text: &str) -> Weight {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match text.parse::<f64>() {
        // Between 0 and 1000, so that nothing is cut off.
        Ok(weight) if is_number => (weight.min(1.0) * f64::from(FULL)).round() as Weight,
        _ => FULL,
    }
}

/// The parts of a text between separators that stand in no quoted string (RFC 9110 section 5.6.4).
fn split_outside_quotes(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (mut quoted, mut escaped) = (false, false);
        let end = text.bytes().position(|byte| {
            let found = byte == separator && !quoted;
            quoted ^= byte == b'"' && !escaped;
            escaped = quoted && byte == b'\\' && !escaped;
            found
        });
        rest = end.map(|end| &text[end + 1..]);
        Some(end.map_or(text, |end| &text[..end]))
    })
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut escaped = false;
    inner
        .chars()
        .filter(|character| {
            escaped = *character == '\\' && !escaped;
            !escaped
        })
        .collect()
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}
