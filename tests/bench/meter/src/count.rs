//! Instructions that a function executes outside the kernel, counted by valgrind's callgrind. They do not depend on
//! what else the machine does, so they can be compared between two runs, and a test may fail on them.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::function::Function;
use crate::scenario::{Scenario, Setting, Tokens};
use crate::table::{Bar, compare};

/// Requests before those that count: what the first ones set up is no cost of a request.
const WARM_UP: usize = 50;

/// What one scenario executes.
struct Counts {
    init: f64,
    request: f64,
}

/// Prints the table; whether all bars hold.
pub(crate) fn run(
    setting: &Setting,
    functions: &Path,
    requests: usize,
    profiles: Option<&Path>,
) -> Result<bool, String> {
    let temporary = tempfile::tempdir().map_err(|error| error.to_string())?;
    let folder = profiles.unwrap_or(temporary.path());
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut counts = Vec::new();
    println!("{:<34} {:>14} {:>14}", "instructions", "init", "a request");
    for scenario in setting.scenarios()? {
        let executed = |count| execute(setting, functions, &scenario, count, folder);
        let (init, few) = (executed(0)?, executed(WARM_UP)?);
        // Last, so that its profile is the one that stays.
        let many = executed(WARM_UP + requests)?;
        let request = (many - few) as f64 / requests as f64;
        println!("{:<34} {init:>14} {request:>14.0}", scenario.name);
        counts.push(Counts {
            init: init as f64,
            request,
        });
    }
    println!();
    Ok(report(&counts))
}

/// All instructions of a function that serves so many requests.
fn execute(
    setting: &Setting,
    functions: &Path,
    scenario: &Scenario,
    requests: usize,
    folder: &Path,
) -> Result<u64, String> {
    let events = setting.events(scenario, requests, &mut Tokens::default())?;
    let file = folder.join(format!("{}.callgrind", scenario.name.replace([' ', ','], "-")));
    let out = format!("--callgrind-out-file={}", file.display());
    let valgrind = ["valgrind", "--quiet", "--tool=callgrind", &out].map(OsStr::new);
    let named = |error: String| format!("{}: {error}", scenario.name);
    let function =
        Function::start(&valgrind, &functions.join(scenario.binary), &scenario.environment).map_err(named)?;
    if !events.is_empty() {
        function.api.invoke(events).map_err(named)?;
    }
    function.end()?;
    let profile = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let total = profile.lines().find_map(|line| line.strip_prefix("totals: "));
    let total = total.and_then(|count| count.trim().parse().ok());
    total.ok_or_else(|| format!("{}: no totals", file.display()))
}

fn report(counts: &[Counts]) -> bool {
    let [forward, one, hundred, thousand, count, limited, many] = counts else {
        return false;
    };
    let times = |what, most, gateway: &Counts, bare: &Counts| {
        compare(what, &Bar::Times(most), gateway.request, bare.request)
    };
    let bars = [
        times("instructions, plain route / forward", 1.05, one, forward),
        times("instructions, every token new + exact limit / forward-count", 1.35, limited, count),
        times("instructions, 100 routes / 1 route", 1.01, hundred, one),
        times("instructions, 1,000 routes / 1 route", 1.01, thousand, one),
        times("instructions, 300 routes / 1 route, limited", 1.01, many, limited),
        compare(
            "init, 300 routes - forward-count",
            &Bar::Plus(6.0, "M instr."),
            many.init / 1e6,
            count.init / 1e6,
        ),
    ];
    bars.iter().all(|holds| *holds)
}
