//! Instructions that a function executes outside the kernel, counted by valgrind's callgrind. They do not depend on
//! what else the machine does, so they can be compared between two runs, and a test may fail on them.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use clap::ValueEnum;

use crate::function::Function;
use crate::scenario::{Scenario, Setting, Tokens};
use crate::table::{Bar, compare};
use crate::token::Algorithm;
use crate::verify::{Check, TokenSet};

/// What one scenario executes.
struct Counts {
    init: f64,
    request: f64,
}

/// What it takes to prove a caller once.
struct Verification {
    /// The signature check alone.
    signature: f64,
    new: f64,
    seen: f64,
}

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
    println!("{:<34} {:>14} {:>14}", "instructions", "init", "a request");
    for scenario in setting.scenarios()? {
        let executed = execute(setting, functions, &scenario, requests, folder)?;
        println!(
            "{:<34} {:>14.0} {:>14.0}",
            scenario.name, executed.init, executed.request
        );
        counts.push(executed);
    }
    println!();
    let verifications = Algorithm::ALL.map(|algorithm| Verification::count(setting, algorithm, folder));
    let verifications: Vec<Verification> = verifications.into_iter().collect::<Result<_, _>>()?;
    println!(
        "{:<34} {:>14} {:>14} {:>14}",
        "instructions", "signature", "new token", "token seen"
    );
    for (algorithm, verification) in Algorithm::ALL.iter().zip(&verifications) {
        println!(
            "{:<34} {:>14.0} {:>14.0} {:>14.0}",
            format!("{algorithm:?}"),
            verification.signature,
            verification.new,
            verification.seen
        );
    }
    println!();
    let held = [
        verification_holds(&verifications),
        report(&counts, verifications[0].signature),
    ];
    Ok(held.iter().all(|held| *held))
}

impl Verification {
    fn count(setting: &Setting, algorithm: Algorithm, folder: &Path) -> Result<Self, String> {
        const TIMES: usize = 100;
        let file = folder.join(format!("{algorithm:?}.tokens"));
        TokenSet::sign(&setting.issuer, algorithm, 2 * TIMES as u64)?.write(&file)?;
        // The difference of two runs: what comes before the first check is the same in both.
        let count = |check: Check| {
            let [less, more] = [TIMES, 2 * TIMES].map(|times| checks(&file, check, times));
            Ok::<_, String>((more? - less?) / TIMES as f64)
        };
        Ok(Self {
            signature: count(Check::Signature)?,
            new: count(Check::New)?,
            seen: count(Check::Seen)?,
        })
    }
}

/// All instructions of this program when it checks so many times.
fn checks(tokens: &Path, check: Check, times: usize) -> Result<f64, String> {
    let failed = |error: std::io::Error| format!("valgrind: {error}");
    let name = check.to_possible_value().map(|value| value.get_name().to_owned());
    let name = name.unwrap_or_default();
    let file = tokens.with_extension(format!("{name}-{times}.callgrind"));
    let ran = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(std::env::current_exe().map_err(failed)?)
        .arg("verify")
        .arg(tokens)
        .args([name, times.to_string()])
        .status();
    match ran.map_err(failed)?.success() {
        true => total(&file),
        false => Err("valgrind: the tokens could not be checked".into()),
    }
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
    let out = format!("--callgrind-out-file={}", file.display());
    let valgrind = ["valgrind", "--quiet", "--tool=callgrind", &out].map(OsStr::new);
    let program = functions.join(scenario.binary);
    let mut environment = scenario.environment.clone();
    // Emulated, the call that opens the connection to DynamoDB comes too late, and the gateway would warn of it.
    environment.push(("RUST_LOG".into(), "error".into()));
    let function = Function::start(&valgrind, &program, &environment).map_err(named)?;
    command(&function, "dump")?;
    let mut tokens = Tokens::default();
    warm_up(setting, scenario, &function, &mut tokens).map_err(named)?;
    let events = setting.events(scenario, requests, &mut tokens)?;
    command(&function, "zero")?;
    function.api.invoke(events).map_err(named)?;
    command(&function, "dump")?;
    // The dumps are numbered, and so are their files.
    Ok(Counts {
        init: total(&file.with_extension("callgrind.1"))?,
        request: total(&file.with_extension("callgrind.2"))? / requests as f64,
    })
}

/// Serves requests until everything is open and remembered that the first ones set up. Emulated, those may take
/// longer than the function gives what it calls, and fail.
fn warm_up(setting: &Setting, scenario: &Scenario, function: &Function, tokens: &mut Tokens) -> Result<(), String> {
    let mut outcome = Ok(Vec::new());
    for _ in 0..20 {
        outcome = function.api.invoke(setting.events(scenario, 20, tokens)?);
        if outcome.is_ok() {
            break;
        }
    }
    outcome.map(drop)
}

/// Has callgrind do something (valgrind's manual, "Monitor Commands").
fn command(function: &Function, word: &str) -> Result<(), String> {
    let process = format!("--pid={}", function.id());
    let ran = Command::new("vgdb").args([&process, word]).output();
    match ran {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("vgdb {word}: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("vgdb: {error}")),
    }
}

/// All instructions in a file that callgrind has written.
fn total(file: &Path) -> Result<f64, String> {
    let path = file.display();
    let profile = fs::read_to_string(file).map_err(|error| format!("{path}: {error}"))?;
    let total = profile.lines().find_map(|line| line.strip_prefix("totals: "));
    let total = total.and_then(|count| count.trim().parse().ok());
    total.ok_or_else(|| format!("{path}: no totals"))
}

/// The dearest of all algorithms against the cheapest signature check.
fn verification_holds(verifications: &[Verification]) -> bool {
    let most = |cost: fn(&Verification) -> f64| verifications.iter().map(cost).fold(0.0, f64::max);
    let signature = verifications
        .iter()
        .map(|of| of.signature)
        .fold(f64::INFINITY, f64::min);
    let bars = [
        compare(
            "instructions, new token beyond its signature / one signature check",
            &Bar::Times(0.25),
            most(|of| of.new - of.signature),
            signature,
        ),
        compare(
            "instructions, token seen / one signature check",
            &Bar::Times(0.10),
            most(|of| of.seen),
            signature,
        ),
    ];
    bars.iter().all(|holds| *holds)
}

fn report(counts: &[Counts], signature: f64) -> bool {
    let [forward, one, hundred, thousand, count, seen, new, many] = counts else {
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
        // One check is taken out because it counts several times what it takes: the emulated processor lacks the
        // instructions that make it quick.
        compare(
            "instructions, new token + exact limit - one RS256 check / forward-count",
            &Bar::Times(1.20),
            new.request - signature,
            count.request,
        ),
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
