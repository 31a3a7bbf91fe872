//! Runs the limits in 1 to 10,000 environments with clocks of their own, on a table in memory and in virtual time, and
//! prints what is let through, written and refused, and which bars hold. `scripts/simulate` starts it;
//! docs/limits-cost.md says how to read it.

mod bars;
mod bound;
mod denial;
mod environment;
mod grid;
mod plot;
mod report;
mod run;
mod scenario;
mod table;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, iter, thread};

use bars::Run;
use clap::Parser;
use grid::Grid;
use scenario::Scenario;
use table::Apply;
use tollgate::store::model;

#[derive(Parser)]
struct Arguments {
    /// A few short runs with up to 100 environments, without a plot: some seconds.
    #[arg(long)]
    quick: bool,
    /// Where the plot is written, an SVG document.
    #[arg(long)]
    plot: Option<PathBuf>,
    /// Of everything that is random: the same seed, the same figures.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match simulate(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench-simulate: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints everything; whether all bars hold.
fn simulate(arguments: &Arguments) -> Result<bool, String> {
    let grid = match arguments.quick {
        true => Grid::quick(arguments.seed),
        false => Grid::whole(arguments.seed),
    };
    let runs = run_all(&grid.all(), model::apply)?;
    let busy = run_all(&grid.busy_leases(), model::apply)?;
    report::print(&runs);
    report::print(&busy);
    println!();
    if let Some(path) = &arguments.plot {
        write(path, &plot::svg(&report::panels(&runs))?)?;
    }
    let everything = [runs, busy].concat();
    let mut bars = bars::of_all(&everything);
    bars.extend(bars::of_calls(&everything));
    bars.push(denial::bar()?);
    bars.iter().for_each(bars::Bar::print);
    Ok(bars.iter().all(bars::Bar::holds))
}

/// Each with what came of it, as many at once as there are processors.
fn run_all(scenarios: &[Scenario], apply: Apply) -> Result<Vec<Run>, String> {
    let next = AtomicUsize::new(0);
    let work = || {
        let claimed = iter::from_fn(|| {
            let place = next.fetch_add(1, Ordering::Relaxed);
            Some((place, scenarios.get(place)?))
        });
        let runs = claimed.map(|(place, scenario)| Ok((place, (scenario.clone(), run::run(scenario, apply)?))));
        runs.collect::<Result<Vec<_>, String>>()
    };
    let mut runs = thread::scope(|scope| {
        let workers = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let runs = workers
            .into_iter()
            .map(|worker| worker.join().map_err(|_| "a run panicked".to_owned())?);
        runs.collect::<Result<Vec<_>, String>>()
    })?
    .concat();
    runs.sort_by_key(|(place, _)| *place);
    Ok(runs.into_iter().map(|(_, run)| run).collect())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
