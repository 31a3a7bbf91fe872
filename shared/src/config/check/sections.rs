//! Sections that hold for paths: what they share.

use std::sync::Arc;

use crate::config::Route;
use crate::config::decode::Text;
use crate::config::raw::Document;
use crate::config::report::Report;
use crate::path::{PathPattern, Segment};

/// A path pattern of the config.
pub(super) fn pattern(text: &Text, report: &mut Report) -> Option<PathPattern> {
    let pattern = text.parse("a path pattern", report, PathPattern::parse)?;
    let spelt_otherwise = |segment: &Segment| matches!(segment, Segment::Literal(text) if text.starts_with(':'));
    if pattern.segments().iter().any(spelt_otherwise) {
        let reason = format!(
            "{} has a segment that begins with `:` and is matched as it stands: `{{name}}` takes any segment",
            text.quoted()
        );
        report.warning(text.place, reason);
    }
    Some(pattern)
}

/// Warns of sections for paths that no route takes: mostly a slip in the path.
pub(super) fn warn_unreachable(document: &Document, routes: &[Arc<Route>], report: &mut Report) {
    let excluded = document
        .auth
        .given()
        .and_then(|auth| auth.common().exclude_paths.given());
    let overrides = document
        .rate_limiting
        .given()
        .and_then(|limits| limits.overrides.given());
    let transformations = document.transformations.given();
    let paths = excluded
        .into_iter()
        .flat_map(|list| &list.items)
        .chain(
            overrides
                .into_iter()
                .flat_map(|list| &list.items)
                .filter_map(|section| section.path.given()),
        )
        .chain(
            transformations
                .into_iter()
                .flat_map(|list| &list.items)
                .filter_map(|section| section.path.given()),
        );
    for text in paths {
        // One that is no pattern was reported where it was compiled; then nobody reads warnings.
        let Ok(pattern) = PathPattern::parse(&text.value) else {
            continue;
        };
        if !routes.iter().any(|route| route.pattern.overlaps(&pattern)) {
            report.warning(
                text.place,
                format!("no route takes a path that {} matches", text.quoted()),
            );
        }
    }
}
