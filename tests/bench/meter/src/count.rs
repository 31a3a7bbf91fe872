//! Instructions that a function executes outside the kernel, counted by valgrind's callgrind. They do not depend on
//! what else the machine does, so they can be compared between two runs, and a test may fail on them.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::alone;
use crate::callgrind;
use crate::function::Function;
use crate::scenario::{Scenario, Setting, Tokens};
use crate::size;
use crate::table::{Bar, compare};

/// What one scenario executes.
struct Counts {
    init: f64,
    request: f64,
    /// How many calls of DynamoDB a request makes.
    writes: f64,
}

/// Requests before those that count: a lease is as large as it gets after 63.
const WARM_UP: usize = 80;

/// Prints the tables; whether all bars hold.
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
    println!(
        "{:<34} {:>14} {:>14} {:>14}",
        "instructions", "init", "a request", "writes"
    );
    for scenario in setting.scenarios()? {
        let executed = execute(setting, functions, &scenario, requests, folder)?;
        println!(
            "{:<34} {:>14.0} {:>14.0} {:>14.3}",
            scenario.name, executed.init, executed.request, executed.writes
        );
        counts.push(executed);
    }
    println!();
    alone::limits(folder)?;
    let verified = alone::verifications(&setting.issuer, folder)?;
    let reshaped = alone::reshaping(functions, folder)?;
    let held = report(&counts, verified.signature);
    let small = size::compared(
        size::of(&functions.join("gateway"))?,
        size::of(&functions.join("bench-forward-count"))?,
    );
    Ok(held && verified.held && reshaped && small)
}

/// What a scenario's function executes until it asks for its first event, and for each of so many requests.
fn execute(
    setting: &Setting,
    functions: &Path,
    scenario: &Scenario,
    requests: usize,
    folder: &Path,
) -> Result<Counts, String> {
    let named = |error: String| format!("{}: {error}", scenario.name);
    let file = folder.join(format!("{}.callgrind", scenario.name.replace([' ', ','], "-")));
    let out = callgrind::option(&file);
    let valgrind = ["valgrind", "--quiet", "--tool=callgrind", &out].map(OsStr::new);
    let program = functions.join(scenario.binary);
    let mut environment = scenario.environment.clone();
    // Emulated, the call that opens the connection to DynamoDB comes too late, and the gateway would warn of it.
    environment.push(("RUST_LOG".into(), "error".into()));
    let function = Function::start(&valgrind, &program, &environment).map_err(named)?;
    callgrind::command(&function, "dump")?;
    let writes = serve(setting, scenario, &function, requests).map_err(named)?;
    callgrind::command(&function, "dump")?;
    // The dumps are numbered, and so are their files.
    Ok(Counts {
        init: callgrind::total(&file.with_extension("callgrind.1"))?,
        request: callgrind::total(&file.with_extension("callgrind.2"))? / requests as f64,
        writes: writes as f64 / requests as f64,
    })
}

/// Serves so many requests that callgrind counts, and nothing else of them; how often DynamoDB was called for them.
/// Emulated on a busy machine, a request may take longer than the function gives what it calls, and fail: then all of
/// them are served and counted anew.
fn serve(setting: &Setting, scenario: &Scenario, function: &Function, requests: usize) -> Result<u64, String> {
    let mut tokens = Tokens::default();
    let mut outcome = Ok(0);
    for _ in 0..10 {
        warm_up(setting, scenario, function, &mut tokens)?;
        let events = setting.events(scenario, requests, &mut tokens)?;
        callgrind::command(function, "zero")?;
        setting.dynamodb.writes();
        outcome = function.api.invoke(events).map(|_| setting.dynamodb.writes());
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Serves requests until everything is open and remembered that the first ones set up. These may fail as well.
fn warm_up(setting: &Setting, scenario: &Scenario, function: &Function, tokens: &mut Tokens) -> Result<(), String> {
    let mut outcome = Ok(Vec::new());
    for _ in 0..20 {
        outcome = function.api.invoke(setting.events(scenario, WARM_UP, tokens)?);
        if outcome.is_ok() {
            break;
        }
    }
    outcome.map(drop)
}

fn report(counts: &[Counts], signature: f64) -> bool {
    let [forward, one, hundred, thousand, hit, _, count, seen, new, many, leased] = counts else {
        return false;
    };
    let times =
        |what, most, gateway: &Counts, bare: &Counts| compare(what, &Bar::Times(most), gateway.request, bare.request);
    let bars = [
        times("instructions, plain route / forward", 1.05, one, forward),
        times(
            "instructions, token seen + exact limit / forward-count",
            1.20,
            seen,
            count,
        ),
        times("instructions, token seen + lease / forward", 1.40, leased, forward),
        // One check is taken out because it counts several times what it takes: the emulated processor lacks the
        // instructions that make it quick.
        compare(
            "instructions, new token + exact limit - one RS256 check / forward-count",
            &Bar::Times(1.20),
            new.request - signature,
            count.request,
        ),
        times("instructions, cache hit / plain route", 0.50, hit, one),
        times("instructions, 100 routes / 1 route", 1.01, hundred, one),
        times("instructions, 1,000 routes / 1 route", 1.01, thousand, one),
        times("instructions, 300 routes / 1 route, limited", 1.01, many, seen),
        compare(
            "init, 300 routes - forward-count",
            &Bar::Plus(6.0, "M instr."),
            many.init / 1e6,
            count.init / 1e6,
        ),
    ];
    bars.iter().all(|holds| *holds)
}
