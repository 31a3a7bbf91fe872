//! `remove_fields`, `keep_fields`, `rename_fields`.

use crate::config::decode::{Field, List, Text};
use crate::config::raw::transform::Fields;
use crate::config::report::Report;
use crate::config::tree::Place;
use crate::transform::{BodyRules, FieldPath, FieldRule, Rule};

/// The rules as one, and one by one. `place`: of the section that has these keys.
pub(super) fn rules(raw: &Fields, place: Place, report: &mut Report) -> Option<(BodyRules, Vec<Rule<FieldRule>>)> {
    let remove = paths(&raw.remove_fields, report);
    let keep = paths(&raw.keep_fields, report);
    let rename = renames(raw, report);
    // Rules that clash are only looked for among rules that are right themselves.
    let lists = [&raw.remove_fields, &raw.keep_fields];
    if !lists.iter().all(|list| list.is_sound(report)) || !raw.rename_fields.is_sound(report) {
        return None;
    }
    let says = |paths: &[Rule<FieldPath>]| paths.iter().map(|path| path.says.clone()).collect::<Vec<_>>();
    let (removed, kept) = (says(&remove), says(&keep));
    let renamed: Vec<_> = rename.iter().map(|rename| rename.says.clone()).collect();
    match BodyRules::compile(&removed, &kept, &renamed) {
        Ok(body) => {
            let mut origins: Vec<_> = remove.into_iter().map(|rule| rule.map(FieldRule::Remove)).collect();
            if let Some(list) = raw.keep_fields.given().filter(|_| !kept.is_empty()) {
                let (at, says) = (report.pointer(list.place), FieldRule::Keep(kept));
                origins.push(Rule { at, says });
            }
            origins.extend(
                rename
                    .into_iter()
                    .map(|rule| rule.map(|(path, name)| FieldRule::Rename(path, name))),
            );
            Some((body, origins))
        }
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

fn paths(list: &Field<List<Text>>, report: &mut Report) -> Vec<Rule<FieldPath>> {
    let mut paths = Vec::new();
    for text in list.given().map_or(&[][..], |list| &list.items) {
        let path = text.parse("a field path", report, FieldPath::parse);
        let at = report.pointer(text.place);
        paths.extend(path.map(|says| Rule { at, says }));
    }
    paths
}

fn renames(raw: &Fields, report: &mut Report) -> Vec<Rule<(FieldPath, String)>> {
    let mut renames = Vec::new();
    for entry in raw.rename_fields.given().map_or(&[][..], |map| &map.entries) {
        let Some(name) = entry.value.given() else { continue };
        match FieldPath::parse(&entry.name) {
            Ok(path) if !name.value.is_empty() => renames.push(Rule {
                at: report.pointer(entry.place),
                says: (path, name.value.clone()),
            }),
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
