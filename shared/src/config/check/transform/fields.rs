//! `remove_fields`, `keep_fields`, `rename_fields`.

use crate::config::decode::{Field, List, Text};
use crate::config::raw::transform::Fields;
use crate::config::report::Report;
use crate::config::tree::Place;
use crate::transform::{BodyRules, FieldPath};

/// `place`: of the section that has these keys.
pub(super) fn fields(raw: &Fields, place: Place, report: &mut Report) -> Option<BodyRules> {
    let remove = paths(&raw.remove_fields, report);
    let keep = paths(&raw.keep_fields, report);
    let rename = renames(raw, report);
    // Rules that clash are only looked for among rules that are right themselves.
    let lists = [&raw.remove_fields, &raw.keep_fields];
    if !lists.iter().all(|list| list.is_sound(report)) || !raw.rename_fields.is_sound(report) {
        return None;
    }
    match BodyRules::compile(&remove, &keep, &rename) {
        Ok(body) => Some(body),
        Err(reason) if any_filled(raw) => {
            drop(reason);
            report.mistake(place, "two of these rules cannot both hold as they are filled");
            None
        }
        Err(reason) => {
            report.mistake(place, reason);
            None
        }
    }
}

fn paths(list: &Field<List<Text>>, report: &mut Report) -> Vec<FieldPath> {
    let items = list.given().map_or(&[][..], |list| &list.items);
    items
        .iter()
        .filter_map(|text| text.parse("a field path", report, FieldPath::parse))
        .collect()
}

fn renames(raw: &Fields, report: &mut Report) -> Vec<(FieldPath, String)> {
    let mut renames = Vec::new();
    for entry in raw.rename_fields.given().map_or(&[][..], |map| &map.entries) {
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
fn any_filled(raw: &Fields) -> bool {
    let lists = [&raw.remove_fields, &raw.keep_fields];
    let mut texts = lists
        .iter()
        .filter_map(|list| list.given())
        .flat_map(|list| &list.items);
    let mut names = raw.rename_fields.given().into_iter().flat_map(|map| &map.entries);
    texts.any(Text::is_filled) || names.any(|entry| entry.value.given().is_some_and(Text::is_filled))
}
