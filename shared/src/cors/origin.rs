//! One entry of `origins`: an origin, or all below a host name.

use url::{Host, Origin};

use crate::auth::parse_origin;

/// Compared byte by byte with what browsers send, which write every origin in one way only: lower case, punycode, no
/// default port (RFC 6454 section 6.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginPattern {
    /// One origin.
    Exact(Box<str>),
    /// `https://*.example.com`: one or more labels in front of it.
    Below {
        /// `https://`.
        scheme: Box<str>,
        /// `.example.com`, with a port if there is one.
        suffix: Box<str>,
    },
}

impl OriginPattern {
    /// Reads one as it is written in the config. The error is the rest of a sentence that begins with the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.eq_ignore_ascii_case("null") {
            return Err("is what sandboxed pages of every site send: to allow it is to allow everybody");
        }
        if text.contains(|character: char| character.is_control() || character.is_whitespace()) {
            return Err(NO_ORIGIN);
        }
        // Parsers of URLs read `https:app.example.com` and `https:///app.example.com` as the same, too.
        if text.split_once("://").is_none_or(|(_, rest)| rest.starts_with('/')) {
            return Err(if text.contains('*') { STRAY_STAR } else { NO_ORIGIN });
        }
        match text.split_once("://*.") {
            Some((_, rest)) if rest.contains('*') => Err(STRAY_STAR),
            Some((scheme, rest)) => below(&format!("{scheme}://{rest}")),
            None if text.contains('*') => Err(STRAY_STAR),
            None => exact(text),
        }
    }

    /// Whether this is the value of `Origin`, as sent.
    pub fn matches(&self, origin: &[u8]) -> bool {
        match self {
            Self::Exact(allowed) => origin == allowed.as_bytes(),
            Self::Below { scheme, suffix } => {
                let host = origin.strip_prefix(scheme.as_bytes());
                let labels = host
                    .filter(|host| host.len() <= LONGEST_HOST)
                    .and_then(|host| host.strip_suffix(suffix.as_bytes()));
                labels.is_some_and(|labels| labels.split(|byte| *byte == b'.').all(is_label))
            }
        }
    }
}

const STRAY_STAR: &str = "has its * in another place than the first label, as in https://*.example.com";
const NO_ORIGIN: &str = "is not an origin such as https://app.example.com: a scheme, a host and no path";

/// The longest name that DNS knows (RFC 1035 section 2.3.4), with a colon and the five digits of a port. What matches goes back
/// in a header.
const LONGEST_HOST: usize = 253 + 6;

/// As browsers write a label, of at most 63 bytes (the same section).
fn is_label(label: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    (1..=63).contains(&label.len()) && label.iter().all(fits)
}

fn exact(text: &str) -> Result<OriginPattern, &'static str> {
    let of_web = parse_origin(text).map(|origin| origin.ascii_serialization());
    let origin = of_web.or_else(|| is_of_an_app(text).then(|| text.to_owned()));
    origin
        .map(|origin| OriginPattern::Exact(origin.into()))
        .ok_or(NO_ORIGIN)
}

/// An origin of pages within an app, such as `capacitor://localhost`. Their schemes have no rules by which it could be
/// written otherwise.
fn is_of_an_app(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else {
        return false;
    };
    let in_scheme = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+.-".contains(&byte);
    let in_host = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:".contains(&byte);
    let begins = scheme.starts_with(|first: char| first.is_ascii_lowercase());
    let of_web = matches!(scheme, "http" | "https" | "file");
    begins && !of_web && scheme.bytes().all(in_scheme) && !host.is_empty() && host.bytes().all(in_host)
}

/// All below a name of at least two labels. Of a single one, such as `com`, everybody can have a name below.
fn below(apex: &str) -> Result<OriginPattern, &'static str> {
    match parse_origin(apex) {
        Some(origin @ Origin::Tuple(..)) => {
            let written = origin.ascii_serialization();
            let (Origin::Tuple(scheme, Host::Domain(domain), _), Some((_, rest))) =
                (&origin, written.split_once("://"))
            else {
                return Err("has a * in front of an address: only names have names below them");
            };
            if !domain.trim_end_matches('.').contains('.') {
                return Err("takes everybody below a top-level domain: write at least two labels behind the *");
            }
            if domain.ends_with('.') {
                return Err(NO_ORIGIN);
            }
            Ok(OriginPattern::Below {
                scheme: format!("{scheme}://").into(),
                suffix: format!(".{rest}").into(),
            })
        }
        _ => Err(NO_ORIGIN),
    }
}
