//! `tollgate check`: every mistake of a config; for a right one, what it weighs and what its limits let through.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use tollgate::config::{self, Config, Mistakes};
use tollgate::limit::{ChargeOn, Manner, Mode, Rate, RuleSet};

use crate::args::CheckOptions;
use crate::document::{Variables, read_text};
use crate::exit::{Failure, print};

/// "Maximum size of a parameter value" of CloudFormation, in bytes.
const PARAMETER: usize = 4_096;
/// "Environment variables: 4 KB, for all together" of Lambda, in bytes.
const VARIABLES: usize = 4_096;
/// The variable that would carry it.
const VARIABLE: &str = "GATEWAY_CONFIG";

pub(crate) async fn run(options: &CheckOptions) -> Result<(), Failure> {
    let variables = Variables::with_default_issuer();
    let mut wrong = Vec::new();
    for file in &options.files {
        match check(file, &variables).await {
            Ok(report) => print(&report)?,
            Err(failure) => wrong.push(failure.to_string()),
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Failure::usage(wrong.join("\n")))
    }
}

/// A config file as it was read.
pub(crate) struct Document {
    /// What messages call it.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Reads and checks a file; says its warnings on standard error.
pub(crate) async fn checked(file: &Path, variables: &Variables) -> Result<(Document, Config), Failure> {
    let name = file.display().to_string();
    let text = read_text(file).await?;
    let checked = variables.parse(&name, &text).map_err(wrong)?;
    for warning in &checked.warnings {
        let _ = writeln!(anstream::stderr(), "{warning}");
    }
    Ok((Document { name, text }, checked.config))
}

fn wrong(mistakes: Mistakes) -> Failure {
    Failure::usage(mistakes.to_string())
}

async fn check(file: &Path, variables: &Variables) -> Result<String, Failure> {
    let (Document { name, text }, config) = checked(file, variables).await?;
    let compact = config::compact(&name, &text).map_err(wrong)?.len();
    let packed = config::pack(&name, &text).map_err(wrong)?.len();
    if let Some(warning) = too_large(&name, packed) {
        let _ = writeln!(anstream::stderr(), "{warning}");
    }
    Ok(report(&name, &config, compact, packed))
}

fn report(name: &str, config: &Config, compact: usize, packed: usize) -> String {
    let mut report = format!("{name}: right, {}\n", counted(config.routes.len(), "route"));
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(report, "  as compact JSON: {compact} bytes; {}", fit(compact));
    let _ = writeln!(report, "  packed: {packed} bytes; {}", fit(packed));
    for set in limits(config) {
        let rate = set.rate.iter().map(bound);
        let quotas = set
            .quotas
            .iter()
            .map(|quota| format!("{} each {}", quota.requests, quota.per.as_str()));
        let bounds: Vec<String> = rate.chain(quotas).chain(manner(set.manner)).collect();
        let _ = writeln!(
            report,
            "  limit {} ({}): {}",
            set.name,
            set.pointer.as_str(),
            bounds.join("; ")
        );
    }
    report
}

fn fit(bytes: usize) -> String {
    let verdict = |fits: bool| if fits { "fits into" } else { "is too large for" };
    format!(
        "{} a CloudFormation parameter ({PARAMETER}), {} a function's environment ({VARIABLES} for all its variables)",
        verdict(bytes <= PARAMETER),
        // A variable's name counts as well.
        verdict(bytes + VARIABLE.len() <= VARIABLES),
    )
}

/// What to say of a config that no variable holds, even packed.
pub(crate) fn too_large(name: &str, packed: usize) -> Option<String> {
    (packed + VARIABLE.len() > VARIABLES).then(|| {
        format!(
            "{name}: even packed it takes {packed} bytes, and a function's variables hold {VARIABLES} in all: \
             put the file beside the function and set {VARIABLE}=file:PATH"
        )
    })
}

fn limits(config: &Config) -> impl Iterator<Item = &RuleSet> {
    let overrides = config.limits.overrides.iter().map(|section| &section.rule);
    let own = config.routes.iter().flat_map(|route| &route.limits);
    config
        .limits
        .default
        .iter()
        .chain(overrides)
        .chain(own)
        .chain(config.limits.plans.iter().flat_map(|plans| plans.named.values()))
        .map(AsRef::as_ref)
}

/// What changes the promise of a rate and of quotas, in words.
fn manner(manner: Manner) -> Vec<String> {
    let mut words = Vec::new();
    if let Mode::Lease(most) = manner.mode {
        words.push(format!(
            "counted up to {most} ahead: a rate may see a second's more, and a function environment that ends, or is quiet, loses {most} at most"
        ));
    }
    if manner.charge_on == ChargeOn::Success {
        words.push("failed answers are given back".to_owned());
    }
    if manner.shadow {
        words.push("refuses nobody (shadow)".to_owned());
    }
    words
}

/// What a rate promises, in words.
fn bound(rate: &Rate) -> String {
    let unit = match rate.per.as_secs() {
        1 => "s".to_owned(),
        60 => "min".to_owned(),
        3_600 => "h".to_owned(),
        86_400 => "day".to_owned(),
        seconds => format!("{seconds} s"),
    };
    format!(
        "any interval t lets at most {} + {}/{unit} x t through",
        rate.burst, rate.requests
    )
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;

    fn rate(requests: u32, per: u64, burst: u32) -> Rate {
        let number = |number| NonZeroU32::new(number).unwrap();
        Rate {
            requests: number(requests),
            per: Duration::from_secs(per),
            burst: number(burst),
        }
    }

    #[test]
    fn bounds_in_words() {
        for (rate, words) in [
            (rate(100, 1, 20), "any interval t lets at most 20 + 100/s x t through"),
            (rate(10, 60, 10), "any interval t lets at most 10 + 10/min x t through"),
            (rate(5, 3_600, 1), "any interval t lets at most 1 + 5/h x t through"),
            (rate(1, 86_400, 1), "any interval t lets at most 1 + 1/day x t through"),
        ] {
            assert_eq!(bound(&rate), words);
        }
    }

    #[test]
    fn the_manner_in_words() {
        let leased = Manner {
            mode: Mode::Lease(NonZeroU32::new(50).unwrap()),
            ..Manner::default()
        };
        insta::assert_snapshot!(manner(leased).join("; "), @"counted up to 50 ahead: a rate may see a second's more, and a function environment that ends, or is quiet, loses 50 at most");
        let other = Manner {
            charge_on: ChargeOn::Success,
            shadow: true,
            ..Manner::default()
        };
        insta::assert_snapshot!(manner(other).join("; "), @"failed answers are given back; refuses nobody (shadow)");
        assert!(manner(Manner::default()).is_empty());
    }

    #[test]
    fn a_document_is_measured_against_both_places() {
        insta::assert_snapshot!(fit(4_082), @"fits into a CloudFormation parameter (4096), fits into a function's environment (4096 for all its variables)");
        insta::assert_snapshot!(fit(4_083), @"fits into a CloudFormation parameter (4096), is too large for a function's environment (4096 for all its variables)");
        insta::assert_snapshot!(fit(4_097), @"is too large for a CloudFormation parameter (4096), is too large for a function's environment (4096 for all its variables)");
    }

    #[test]
    fn what_no_variable_holds_is_warned_of() {
        assert_eq!(too_large("a.yaml", 4_082), None);
        insta::assert_snapshot!(too_large("a.yaml", 4_083).unwrap(), @"a.yaml: even packed it takes 4083 bytes, and a function's variables hold 4096 in all: put the file beside the function and set GATEWAY_CONFIG=file:PATH");
    }

    #[test]
    fn numbers_and_nouns_agree() {
        assert_eq!(counted(1, "route"), "1 route");
        assert_eq!(counted(0, "route"), "0 routes");
    }
}
