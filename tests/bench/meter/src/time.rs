//! Processor time, latency and memory of real runs, interleaved so that a noisy minute hits all functions alike.

use std::path::Path;
use std::time::Duration;

use crate::function::Function;
use crate::scenario::{Scenario, Setting, Tokens};
use crate::size::{self, megabytes};
use crate::stubs::SLOW;
use crate::table::{Bar, compare};
use crate::token::Algorithm;
use crate::verify::{self, Check};

/// Requests before the first measured block.
const WARM_UP: usize = 200;

/// What was seen of one scenario.
#[derive(Default)]
struct Figures {
    /// Processor time from the start of the process to its first question for an event, in ms; one a cold start.
    init: Vec<f64>,
    /// Time until the first request was answered, in µs; one a cold start.
    first: Vec<f64>,
    /// Processor time of a request, in µs; the mean of one block each.
    cpu: Vec<f64>,
    /// Time until a request was answered, in µs.
    latency: Vec<f64>,
    /// How many calls of DynamoDB a request makes.
    writes: f64,
    /// Peak memory in MB.
    memory: f64,
    /// Of the binary, in MB.
    size: f64,
    /// Of the binary compressed as a zip file does, in MB.
    zipped: f64,
}

pub(crate) fn run(
    setting: &Setting,
    functions: &Path,
    starts: usize,
    blocks: usize,
    requests: usize,
) -> Result<(), String> {
    let scenarios = setting.scenarios()?;
    let mut figures: Vec<Figures> = scenarios.iter().map(|_| Figures::default()).collect();
    let mut tokens = Tokens::default();
    for _ in 0..starts {
        for (scenario, figures) in scenarios.iter().zip(&mut figures) {
            cold_start(setting, functions, scenario, figures, &mut tokens)?;
        }
    }
    let mut running = Vec::new();
    for scenario in &scenarios {
        let function = start(functions, scenario)?;
        function.api.invoke(setting.events(scenario, WARM_UP, &mut tokens)?)?;
        running.push(function);
    }
    for _ in 0..blocks {
        for ((scenario, function), figures) in scenarios.iter().zip(&running).zip(&mut figures) {
            let events = setting.events(scenario, requests, &mut tokens)?;
            setting.dynamodb.writes();
            block(function, events, figures)?;
            figures.writes += setting.dynamodb.writes() as f64 / (blocks * requests) as f64;
        }
    }
    for ((scenario, function), figures) in scenarios.iter().zip(&running).zip(&mut figures) {
        figures.memory = megabytes(function.peak_memory()?);
        (figures.size, figures.zipped) = size::of(&functions.join(scenario.binary))?;
    }
    let signature = verification(setting)?;
    report(&scenarios, &figures, signature);
    Ok(())
}

/// Prints what one verification of each kind takes at least. The bare RS256 check, in µs.
fn verification(setting: &Setting) -> Result<f64, String> {
    println!(
        "{:<34} {:>14} {:>14} {:>14}",
        "us, least", "signature", "new token", "token seen"
    );
    let mut rs256 = f64::NAN;
    for algorithm in Algorithm::ALL {
        let least = |check| verify::least(&setting.issuer, algorithm, check);
        let (signature, new, seen) = (least(Check::Signature)?, least(Check::New)?, least(Check::Seen)?);
        println!(
            "{:<34} {signature:>14.1} {new:>14.1} {seen:>14.1}",
            format!("{algorithm:?}")
        );
        if algorithm == Algorithm::RS256 {
            rs256 = signature;
        }
    }
    println!();
    Ok(rs256)
}

fn start(functions: &Path, scenario: &Scenario) -> Result<Function, String> {
    Function::start(&[], &functions.join(scenario.binary), &scenario.environment)
        .map_err(|error| format!("{}: {error}", scenario.name))
}

fn cold_start(
    setting: &Setting,
    functions: &Path,
    scenario: &Scenario,
    figures: &mut Figures,
    tokens: &mut Tokens,
) -> Result<(), String> {
    let function = start(functions, scenario)?;
    figures.init.push(function.cpu()?.as_secs_f64() * 1e3);
    let latencies = function.api.invoke(setting.events(scenario, 1, tokens)?)?;
    figures.first.extend(latencies.iter().map(micros));
    Ok(())
}

fn block(function: &Function, events: Vec<String>, figures: &mut Figures) -> Result<(), String> {
    let count = events.len() as f64;
    let before = function.cpu()?;
    let latencies = function.api.invoke(events)?;
    let spent = function.cpu()? - before;
    figures.cpu.push(micros(&spent) / count);
    figures.latency.extend(latencies.iter().map(micros));
    Ok(())
}

fn micros(duration: &Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// The value below which a share of the values lies.
fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len().saturating_sub(1) as f64 * share).round();
    sorted.get(place as usize).copied().unwrap_or(f64::NAN)
}

/// The median of block against block, `less` µs taken out of each request of the gateway's: what was noisy for one was
/// for the other.
fn paired(gateway: &Figures, less: f64, bare: &Figures) -> f64 {
    let pairs = gateway.cpu.iter().zip(&bare.cpu);
    let ratios: Vec<f64> = pairs.map(|(gateway, bare)| (gateway - less) / bare).collect();
    percentile(&ratios, 0.5)
}

fn report(scenarios: &[Scenario], figures: &[Figures], signature: f64) {
    println!(
        "{:<34} {:>8} {:>8} {:>9} {:>9} {:>9} {:>8} {:>8} {:>7} {:>7} {:>6} {:>6}",
        "", "init ms", "median", "first us", "CPU us", "min", "p50 us", "p99 us", "writes", "RSS MB", "MB", "zip MB"
    );
    for (scenario, seen) in scenarios.iter().zip(figures) {
        println!(
            "{:<34} {:>8.2} {:>8.2} {:>9.0} {:>9.1} {:>9.1} {:>8.1} {:>8.1} {:>7.3} {:>7.1} {:>6.2} {:>6.2}",
            scenario.name,
            percentile(&seen.init, 0.0),
            percentile(&seen.init, 0.5),
            percentile(&seen.first, 0.0),
            percentile(&seen.cpu, 0.5),
            percentile(&seen.cpu, 0.0),
            percentile(&seen.latency, 0.5),
            percentile(&seen.latency, 0.99),
            seen.writes,
            seen.memory,
            seen.size,
            seen.zipped,
        );
    }
    println!();
    let [
        forward,
        one,
        hundred,
        thousand,
        hit,
        parts,
        count,
        seen,
        new,
        many,
        leased,
    ] = figures
    else {
        return;
    };
    let times = |what, most, gateway, bare| compare(what, &Bar::Times(most), paired(gateway, 0.0, bare), 1.0);
    let plus = |what, most, unit, gateway: f64, bare: f64| compare(what, &Bar::Plus(most, unit), gateway, bare);
    let init = |figures: &Figures| percentile(&figures.init, 0.0);
    times("CPU, plain route / forward", 1.05, one, forward);
    times("CPU, token seen + exact limit / forward-count", 1.20, seen, count);
    times("CPU, token seen + lease / forward", 1.40, leased, forward);
    compare(
        "CPU, every token new + exact limit - one RS256 check / forward-count",
        &Bar::Times(1.20),
        paired(new, signature, count),
        1.0,
    );
    times("CPU, cache hit / plain route", 0.50, hit, one);
    times("CPU, 100 routes / 1 route", 1.03, hundred, one);
    times("CPU, 1,000 routes / 1 route", 1.03, thousand, one);
    plus(
        "init CPU, 300 routes - forward-count",
        1.5,
        "ms",
        init(many),
        init(count),
    );
    plus(
        "p50, aggregate of four - its slowest part",
        2.0,
        "ms",
        percentile(&parts.latency, 0.5) / 1e3,
        SLOW.as_secs_f64() * 1e3,
    );
    size::compared((new.size, new.zipped), (count.size, count.zipped));
    // With every token new, so that as many are remembered as ever will be.
    plus("peak memory - forward-count", 6.0, "MB", new.memory, count.memory);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        for (share, expected) in [(0.0, 1.0), (0.5, 3.0), (0.99, 5.0), (1.0, 5.0)] {
            assert_eq!(percentile(&values, share), expected, "{share}");
        }
        assert!(percentile(&[], 0.5).is_nan());
    }

    #[test]
    fn a_ratio_is_the_median_of_pairs_not_the_ratio_of_medians() {
        let figures = |cpu: [f64; 3]| Figures {
            cpu: cpu.to_vec(),
            ..Figures::default()
        };
        // The second block was noisy for both.
        let (gateway, bare) = (figures([11.0, 60.0, 12.0]), figures([10.0, 50.0, 10.0]));
        for (less, expected) in [(0.0, 1.2), (1.0, 1.1)] {
            let ratio = paired(&gateway, less, &bare);
            assert!((ratio - expected).abs() < 1e-9, "{ratio}");
        }
    }
}
