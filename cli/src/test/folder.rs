//! The folder of events: which there are, what is expected of each, and the config that serves it. Everything is read
//! before anything runs, so that every mistake is told at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::case::Case;
use super::expectation::{self, Expectation};
use crate::document::Variables;
use crate::exit::Failure;

const EVENT: &str = ".json";
const EXPECTATION: &str = ".expect.json";
/// What the expectations of a folder share. No event can have this name.
const SHARED: &str = "defaults";
/// The config of a folder that nothing else names one for.
const CONFIGS: [&str; 2] = ["gateway.yaml", "gateway.json"];

/// What is to be run.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// `--config`.
    config: Option<PathBuf>,
    shared: Expectation,
}

/// Reads all that a run needs: the cases whose names hold one of the texts of `only`, or all of them.
///
/// # Errors
/// Every mistake of every file, a line each.
pub(super) fn read(path: &Path, config: Option<&PathBuf>, only: &[String]) -> Result<Vec<Case>, Failure> {
    let names = names(path)?;
    let shared = shared(path)?;
    let folder = Folder {
        path: path.to_owned(),
        config: config.cloned(),
        shared,
    };
    let wanted = |name: &&String| only.is_empty() || only.iter().any(|text| name.contains(text));
    let mut cases = Vec::new();
    let mut mistakes = Vec::new();
    for name in names.iter().filter(wanted) {
        match folder.case(name) {
            Ok(case) => cases.push(case),
            Err(wrong) => mistakes.extend(wrong),
        }
    }
    // One config serves many events: its mistakes are told once.
    let mut told = std::collections::HashSet::new();
    mistakes.retain(|mistake| told.insert(mistake.clone()));
    match (mistakes.is_empty(), cases.is_empty()) {
        (true, false) => Ok(cases),
        (true, true) => Err(Failure::usage(format!("{}: {}", path.display(), nothing(only, &names)))),
        (false, _) => Err(Failure::usage(mistakes.join("\n"))),
    }
}

fn nothing(only: &[String], names: &[String]) -> String {
    match names {
        [] => "has no events; an event is a NAME.json, and what is expected of it a NAME.expect.json".to_owned(),
        names => format!(
            "no event's name holds {}; there are {}",
            only.join(" or "),
            names.join(", ")
        ),
    }
}

/// The names of the events, in the order of the alphabet. An expectation without an event is a mistake: most likely the
/// event has another name now.
fn names(folder: &Path) -> Result<Vec<String>, Failure> {
    let unreadable = |error| Failure::usage(format!("{}: {error}", folder.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.path().is_file() {
            files.extend(entry.file_name().into_string());
        }
    }
    // As the system lists them is no order.
    files.sort();
    let expectations = files.iter().filter_map(|file| file.strip_suffix(EXPECTATION));
    let lonely = |name: &&str| *name != SHARED && !files.contains(&format!("{name}{EVENT}"));
    let lonely: Vec<String> = expectations
        .filter(lonely)
        .map(|name| {
            format!(
                "{}: there is no {name}{EVENT} beside it",
                folder.join(format!("{name}{EXPECTATION}")).display()
            )
        })
        .collect();
    if !lonely.is_empty() {
        return Err(Failure::usage(lonely.join("\n")));
    }
    let events = files
        .iter()
        .filter(|file| !file.ends_with(EXPECTATION) && !CONFIGS.contains(&file.as_str()));
    let names = events.filter_map(|file| file.strip_suffix(EVENT)).map(str::to_owned);
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}

fn shared(folder: &Path) -> Result<Expectation, Failure> {
    let path = folder.join(format!("{SHARED}{EXPECTATION}"));
    if folder.join(format!("{SHARED}{EVENT}")).exists() {
        return Err(Failure::usage(format!(
            "{}: is the name of what all expectations share; give the event another one",
            folder.join(format!("{SHARED}{EVENT}")).display()
        )));
    }
    if !path.exists() {
        return Ok(Expectation::default());
    }
    let text = text(&path).map_err(Failure::usage)?;
    expectation::read(&path, &text, true).map_err(|mistakes| Failure::usage(mistakes.join("\n")))
}

impl Folder {
    fn case(&self, name: &str) -> Result<Case, Vec<String>> {
        let one = |mistake: String| vec![mistake];
        let event_path = self.path.join(format!("{name}{EVENT}"));
        let event = text(&event_path).map_err(one)?;
        is_json(&event).map_err(|why| one(format!("{}:{why}", event_path.display())))?;
        let path = self.path.join(format!("{name}{EXPECTATION}"));
        let text = path.exists().then(|| text(&path)).transpose().map_err(one)?;
        let expectation = text.as_deref().map(|text| expectation::read(&path, text, false));
        let mut expectation = expectation.transpose()?.unwrap_or_default();
        self.fill(&mut expectation);
        let config = self.config(&expectation)?;
        Ok(Case {
            name: name.to_owned(),
            event,
            path,
            text,
            shared: self.shared.exchanges.clone(),
            config,
            expectation,
        })
    }

    /// Puts in what the folder says where the expectation itself says nothing.
    fn fill(&self, expectation: &mut Expectation) {
        let (own, shared) = (&mut expectation.setting, &self.shared.setting);
        let by_command = || self.config.clone().or_else(|| shared.config.clone());
        own.config = own.config.take().or_else(by_command);
        own.kind = own.kind.or(shared.kind);
        own.form = own.form.or(shared.form);
        own.at = own.at.or(shared.at);
        // Those of the case are written last, and so take the place of the folder's.
        let mut records = shared.records.clone();
        records.api_keys.append(&mut own.records.api_keys);
        records.plans.append(&mut own.records.plans);
        records.sessions.append(&mut own.records.sessions);
        own.records = records;
        for (name, value) in &shared.variables {
            own.variables.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }

    fn config(&self, expectation: &Expectation) -> Result<tollgate::config::Config, Vec<String>> {
        let path = match &expectation.setting.config {
            Some(path) => path.clone(),
            None => self.default_config().map_err(|why| vec![why])?,
        };
        let text = text(&path).map_err(|why| vec![why])?;
        let checked = variables(&expectation.setting.variables).parse(&path.display().to_string(), &text);
        checked.map(|checked| checked.config).map_err(|mistakes| mistakes.0)
    }

    fn default_config(&self) -> Result<PathBuf, String> {
        let paths = CONFIGS.map(|name| self.path.join(name));
        match paths.iter().filter(|path| path.exists()).collect::<Vec<_>>()[..] {
            [path] => Ok(path.clone()),
            [] => Err(format!(
                "{}: no config: give --config FILE, or put {} there, or name one in \"config\" of an expectation or of {SHARED}{EXPECTATION}",
                self.path.display(),
                CONFIGS.join(" or ")
            )),
            [..] => Err(format!(
                "{}: has both {}; which one counts?",
                self.path.display(),
                CONFIGS.join(" and ")
            )),
        }
    }
}

fn variables(own: &BTreeMap<String, String>) -> Variables {
    let mut variables = Variables::with_default_issuer();
    for (name, value) in own {
        variables.set(name, value);
    }
    variables
}

fn text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn is_json(text: &str) -> Result<(), String> {
    let read = serde_json::from_str::<&serde_json::value::RawValue>(text);
    read.map(drop)
        .map_err(|error| format!("{}: is no JSON: {error}", error.line().max(1)))
}
