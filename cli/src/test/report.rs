//! What the user sees of a run.

use std::fmt::Write as _;
use std::path::Path;

use anstyle::{AnsiColor, Style};

use super::case::Case;
use super::compare::Difference;
use super::outcome::Outcome;
use super::update::Update;

const PASSED: Style = AnsiColor::Green.on_default();
const FAILED: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Yellow.on_default();
const DIM: Style = Style::new().dimmed();

/// More differences than a person reads are only counted.
const MOST_DIFFERENCES: usize = 20;

/// How the cases of a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) written: usize,
    pub(super) without: usize,
}

pub(super) fn passed(case: &Case) -> String {
    format!("{PASSED}ok{PASSED:#}    {}\n", case.name)
}

pub(super) fn failed(case: &Case, outcome: &Outcome, differences: &[Difference]) -> String {
    let mut text = format!(
        "{FAILED}FAIL{FAILED:#}  {}  {DIM}{}{DIM:#}\n",
        case.name,
        case.path.display()
    );
    // Writing to a string cannot fail, here and below.
    if let Some(about) = &case.expectation.about {
        let _ = writeln!(text, "      {about}");
    }
    for Difference { place, expected, got } in differences.iter().take(MOST_DIFFERENCES) {
        let _ = writeln!(text, "      {place}");
        let _ = writeln!(text, "        expected  {PASSED}{expected}{PASSED:#}");
        let _ = writeln!(text, "        got       {FAILED}{got}{FAILED:#}");
    }
    if let Some(more) = differences.len().checked_sub(MOST_DIFFERENCES).filter(|more| *more > 0) {
        let _ = writeln!(text, "      and {more} more");
    }
    if let Some(detail) = &outcome.detail {
        let _ = writeln!(text, "      {DIM}the log says: {detail}{DIM:#}");
    }
    text
}

pub(super) fn without(case: &Case, folder: &Path) -> String {
    format!(
        "{NOTE}none{NOTE:#}  {}  {DIM}nothing is expected of it; `tollgate test {} --only {} --update` writes down what comes out{DIM:#}\n",
        case.name,
        folder.display(),
        case.name
    )
}

pub(super) fn written(case: &Case, update: &Update) -> String {
    let mut text = format!(
        "{NOTE}wrote{NOTE:#} {}  {DIM}{}{DIM:#}\n",
        case.name,
        case.path.display()
    );
    for request in &update.taken_out {
        let _ = writeln!(
            text,
            "      {request} is not called any more: it was taken out, with the answer written for it"
        );
    }
    for request in &update.made_up {
        let _ = writeln!(
            text,
            "      {request} got 200 {{}}: put in the answer that the service gives, and update again"
        );
    }
    text
}

impl Tally {
    pub(super) fn summary(self) -> String {
        let counts = [
            (self.passed, "passed"),
            (self.failed, "failed"),
            (self.written, "written"),
            (self.without, "without an expectation"),
        ];
        let said = counts.iter().filter(|(count, word)| *count > 0 || *word == "passed");
        let said: Vec<String> = said.map(|(count, word)| format!("{count} {word}")).collect();
        format!("\n{}\n", said.join(", "))
    }
}
