//! Values that several methods have.

use std::time::Duration;

use url::Url;

use crate::auth::location::trusted;
use crate::config::check::services::parse_url;
use crate::config::decode::{At, Field, Text};
use crate::config::report::Report;

/// An address that is asked about credentials.
pub(super) fn location(text: &Text, report: &mut Report) -> Option<Url> {
    let url = text.parse("a URL", report, parse_url)?;
    if let Err(why) = trusted(&url) {
        report.mistake(text.place, format!("{} {why}", text.quoted()));
        return None;
    }
    Some(url)
}

/// A time that the config may give, up to `most`; `why_not` is what is wrong with a longer one.
pub(super) fn bounded(
    field: &Field<At<Duration>>,
    most: Duration,
    default: Duration,
    why_not: &str,
    report: &mut Report,
) -> Duration {
    let Some(given) = field.given() else {
        return default;
    };
    if given.value > most {
        report.mistake(given.place, why_not);
    }
    given.value
}

/// A text with something in it; `noun` is what it should be.
pub(super) fn not_empty(text: &Text, noun: &str, report: &mut Report) -> Option<String> {
    if text.value.is_empty() {
        report.mistake(text.place, format!("{} is not {noun}: it is empty", text.quoted()));
        return None;
    }
    Some(text.value.clone())
}
