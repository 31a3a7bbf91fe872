//! `tollgate test`: events and what must come out of them, run by the gateway itself in this process. Only what stands
//! around it is the test's: the clock, the upstreams' answers, and a counter table of each event's own.

mod case;
mod compare;
mod document;
mod expectation;
mod folder;
mod outcome;
mod report;
mod seams;
#[cfg(test)]
mod tests;
mod update;

use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::ExitCode;

use crate::args::TestOptions;
use crate::exit::Failure;
use case::{Case, Unscripted};
use compare::differences;
use report::Tally;

pub(crate) async fn run(options: TestOptions) -> Result<(), Failure> {
    let cases = folder::read(&options.folder, options.config.as_ref(), &options.only)?;
    let mut tally = Tally::default();
    for case in &cases {
        let report = match options.update {
            true => update(case, &mut tally).await?,
            false => check(case, &options.folder, &mut tally).await,
        };
        say(&report)?;
    }
    say(&tally.summary())?;
    match tally.failed {
        0 => Ok(()),
        _ => Err(Failure::Code(ExitCode::FAILURE)),
    }
}

async fn check(case: &Case, folder: &Path, tally: &mut Tally) -> String {
    if case.text.is_none() {
        tally.without += 1;
        return report::without(case, folder);
    }
    let outcome = case.run(&case.expectation.exchanges, Unscripted::Refused).await;
    let found = differences(&case.expectation, &outcome);
    if found.is_empty() {
        tally.passed += 1;
        return report::passed(case);
    }
    tally.failed += 1;
    report::failed(case, &outcome, &found)
}

async fn update(case: &Case, tally: &mut Tally) -> Result<String, Failure> {
    let outcome = case.run(&case.expectation.exchanges, Unscripted::Refused).await;
    if update::is_settled(case, &outcome) {
        tally.passed += 1;
        return Ok(report::passed(case));
    }
    let update = update::update(case).await;
    let written = std::fs::write(&case.path, &update.text);
    written.map_err(|error| Failure::usage(format!("{}: {error}", case.path.display())))?;
    tally.written += 1;
    Ok(report::written(case, &update))
}

/// To standard output, without colours where that is no terminal or `NO_COLOR` is set. A reader that has read enough
/// (`| head`) is no failure.
fn say(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::internal(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}
