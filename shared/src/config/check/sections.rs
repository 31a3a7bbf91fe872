//! Sections that hold for paths: what they share, and `transformations`.

use std::sync::Arc;

use crate::config::decode::{Field, List, Text};
use crate::config::raw::{Document, Response, Transformation};
use crate::config::report::Report;
use crate::config::{PathSection, Route};
use crate::path::{PathPattern, Segment};
use crate::transform::{BodyRules, FieldPath, ResponseRules};

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

pub(super) fn transformations(
    list: Option<&List<Transformation>>,
    report: &mut Report,
) -> Vec<PathSection<Arc<ResponseRules>>> {
    let mut sections = Vec::new();
    for section in list.map_or(&[][..], |list| &list.items) {
        let pattern = section.path.given().and_then(|text| pattern(text, report));
        let rules = section
            .response
            .given()
            .and_then(|response| response_rules(response, report));
        // A section that changes nothing must not cost caching and compression either.
        let rules = rules.filter(|rules| !rules.body.is_empty());
        if let (Some(pattern), Some(rules)) = (pattern, rules) {
            sections.push(PathSection {
                pattern,
                rule: Arc::new(rules),
            });
        }
    }
    sections
}

fn response_rules(response: &Response, report: &mut Report) -> Option<ResponseRules> {
    let remove = fields(&response.remove_fields, report);
    let keep = fields(&response.keep_fields, report);
    let rename = renames(response, report);
    // Rules that clash are only looked for among rules that are right themselves.
    let lists = [&response.remove_fields, &response.keep_fields];
    if !lists.iter().all(|list| list.is_sound(report)) || !response.rename_fields.is_sound(report) {
        return None;
    }
    match BodyRules::compile(&remove, &keep, &rename) {
        Ok(body) => Some(ResponseRules {
            pointer: report.pointer(response.place),
            body,
            on_unparsable: response
                .on_unparsable
                .given()
                .map(|given| given.value)
                .unwrap_or_default(),
        }),
        Err(reason) if any_filled(response) => {
            drop(reason);
            report.mistake(response.place, "two of these rules cannot both hold as they are filled");
            None
        }
        Err(reason) => {
            report.mistake(response.place, reason);
            None
        }
    }
}

fn fields(list: &Field<List<Text>>, report: &mut Report) -> Vec<FieldPath> {
    let items = list.given().map_or(&[][..], |list| &list.items);
    items
        .iter()
        .filter_map(|text| text.parse("a field path", report, FieldPath::parse))
        .collect()
}

fn renames(response: &Response, report: &mut Report) -> Vec<(FieldPath, String)> {
    let mut renames = Vec::new();
    for entry in response.rename_fields.given().map_or(&[][..], |map| &map.entries) {
        let Some(name) = entry.value.given() else { continue };
        match FieldPath::parse(&entry.name) {
            Ok(path) if !name.value.is_empty() => renames.push((path, name.value.clone())),
            Ok(_) => report.mistake(
                entry.place,
                format!("{} is no name for a member: it is empty", name.quoted()),
            ),
            Err(reason) => report.mistake(entry.place, reason),
        }
    }
    renames
}

/// Whether the words of `BodyRules::compile` might quote a value that must not be shown.
fn any_filled(response: &Response) -> bool {
    let lists = [&response.remove_fields, &response.keep_fields];
    let mut texts = lists
        .iter()
        .filter_map(|list| list.given())
        .flat_map(|list| &list.items);
    let mut names = response.rename_fields.given().into_iter().flat_map(|map| &map.entries);
    texts.any(Text::is_filled) || names.any(|entry| entry.value.given().is_some_and(Text::is_filled))
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
