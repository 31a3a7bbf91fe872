//! What single parts of the gateway execute without a request around them: this program runs them over and over, behind
//! callgrind.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use clap::ValueEnum;

use crate::admit::Limit;
use crate::callgrind;
use crate::reshape::{self, Rules};
use crate::table::{Bar, compare};
use crate::token::{Algorithm, Issuer};
use crate::verify::{Check, TokenSet};

/// How often less in one of two runs than in the other.
const TIMES: usize = 100;

/// What it takes to prove a caller once.
struct Verification {
    /// The signature check alone.
    signature: f64,
    new: f64,
    seen: f64,
}

/// What the table says beside the tokens.
pub(crate) struct Verified {
    /// Of one RS256 signature check.
    pub(crate) signature: f64,
    /// Whether the bars hold.
    pub(crate) held: bool,
}

/// Prints what proving a caller takes.
pub(crate) fn verifications(issuer: &Issuer, folder: &Path) -> Result<Verified, String> {
    println!(
        "{:<34} {:>14} {:>14} {:>14}",
        "instructions", "signature", "new token", "token seen"
    );
    let mut all = Vec::new();
    for algorithm in Algorithm::ALL {
        let each = Verification::count(issuer, algorithm, folder)?;
        println!(
            "{:<34} {:>14.0} {:>14.0} {:>14.0}",
            format!("{algorithm:?}"),
            each.signature,
            each.new,
            each.seen
        );
        all.push(each);
    }
    println!();
    Ok(Verified {
        signature: all.first().map_or(f64::NAN, |rs256| rs256.signature),
        held: hold(&all),
    })
}

/// Prints what checking a limit takes.
pub(crate) fn limits(folder: &Path) -> Result<(), String> {
    println!("{:<34} {:>14}", "instructions", "a check");
    for limit in Limit::value_variants() {
        let name = word(limit);
        let arguments = ["admit", &name].map(OsStr::new);
        let each = each(&folder.join("limit"), &name, &arguments)?;
        println!("{:<34} {each:>14.0}", limit.describe());
    }
    println!();
    Ok(())
}

/// Prints what reshaping a JSON body takes, beside `bench-json-value` of this folder. Whether its bars hold.
pub(crate) fn reshaping(functions: &Path, folder: &Path) -> Result<bool, String> {
    let file = folder.join("body.json");
    fs::write(&file, reshape::document()).map_err(|error| format!("{}: {error}", file.display()))?;
    println!("{:<34} {:>14}", "instructions, 100 KiB of JSON", "a body");
    let value = functions.join("bench-json-value");
    let value = difference(|times| {
        let text = times.to_string();
        let profile = file.with_extension(format!("value-{text}.callgrind"));
        callgrind::of_program(&value, &[file.as_os_str(), text.as_ref()], &profile)
    })?;
    println!("{:<34} {value:>14.0}", "serde_json::Value, read and written");
    let mut bars = Vec::new();
    for rules in Rules::value_variants() {
        let name = word(rules);
        let each = each(&file, &name, &["reshape".as_ref(), file.as_os_str(), name.as_ref()])?;
        println!("{:<34} {each:>14.0}", rules.describe());
        bars.push((rules.describe(), each));
    }
    println!();
    let mut held = true;
    for (what, each) in bars {
        let what = format!("instructions, {what} / serde_json::Value");
        held &= compare(&what, &Bar::Times(1.2), each, value);
    }
    Ok(held)
}

impl Verification {
    fn count(issuer: &Issuer, algorithm: Algorithm, folder: &Path) -> Result<Self, String> {
        let file = folder.join(format!("{algorithm:?}.tokens"));
        TokenSet::sign(issuer, algorithm, 2 * TIMES as u64)?.write(&file)?;
        let count = |check: Check| {
            let name = word(&check);
            each(&file, &name, &["verify".as_ref(), file.as_os_str(), name.as_ref()])
        };
        Ok(Self {
            signature: count(Check::Signature)?,
            new: count(Check::New)?,
            seen: count(Check::Seen)?,
        })
    }
}

/// The instructions of one time: the difference of two runs, for what comes before the first time is the same in both.
fn each(file: &Path, name: &str, arguments: &[&OsStr]) -> Result<f64, String> {
    difference(|times| {
        let text = times.to_string();
        let file = file.with_extension(format!("{name}-{text}.callgrind"));
        callgrind::of_this_program(&[arguments, &[text.as_ref()]].concat(), &file)
    })
}

fn difference(count: impl Fn(usize) -> Result<f64, String>) -> Result<f64, String> {
    Ok((count(2 * TIMES)? - count(TIMES)?) / TIMES as f64)
}

/// What an argument is called on the command line.
fn word(value: &impl ValueEnum) -> String {
    let value = value.to_possible_value();
    value.map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// The dearest of all algorithms against the cheapest signature check.
fn hold(verifications: &[Verification]) -> bool {
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
