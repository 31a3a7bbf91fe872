//! The bars of the design, and lines that say which of them hold.

use crate::grid::{BUSY, LOADS};
use crate::run::Outcome;
use crate::scenario::{Mode, Scenario};

/// A scenario, and what came of it.
pub(crate) type Run = (Scenario, Outcome);

/// What must not be more than so much in any run.
#[derive(Debug)]
pub(crate) struct Bar {
    what: String,
    most: f64,
    /// The largest, and where it was. `None`: there was no such run.
    reached: Option<(String, f64)>,
}

impl Bar {
    /// Of those runs for which `figure` has something to say.
    pub(crate) fn new(
        what: impl Into<String>,
        most: f64,
        runs: &[Run],
        figure: impl Fn(&Scenario, &Outcome) -> Option<f64>,
    ) -> Self {
        let figures = runs.iter().filter_map(|(scenario, outcome)| {
            let figure = figure(scenario, outcome)?;
            Some((scenario.to_string(), figure))
        });
        Self::among(what, most, figures)
    }

    /// Of these figures, each with where it was reached.
    pub(crate) fn among(what: impl Into<String>, most: f64, figures: impl IntoIterator<Item = (String, f64)>) -> Self {
        Self {
            what: what.into(),
            most,
            reached: figures.into_iter().max_by(|(_, one), (_, other)| one.total_cmp(other)),
        }
    }

    /// What was not run does not hold.
    pub(crate) fn holds(&self) -> bool {
        self.reached.as_ref().is_some_and(|(_, reached)| *reached <= self.most)
    }

    pub(crate) fn print(&self) {
        let (reached, place) = match &self.reached {
            Some((place, reached)) => (format!("{reached:.3}"), place.as_str()),
            None => ("-".into(), "not run"),
        };
        let verdict = if self.holds() { "holds" } else { "MISSED" };
        println!(
            "{:<66} {reached:>7}   <= {:<5} {verdict:<6}  {place}",
            self.what, self.most
        );
    }
}

/// All that must hold of every run.
pub(crate) fn of_all(runs: &[Run]) -> Vec<Bar> {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let count = |count: u64| Some(count as f64);
    vec![
        Bar::new(
            "admitted / promised, worst interval or window",
            1.0,
            runs,
            |_, outcome| Some(outcome.used),
        ),
        Bar::new(
            "refused from memory, but the table had room",
            0.0,
            runs,
            |_, outcome| count(outcome.refused_wrongly),
        ),
        Bar::new("checks without a decision", 0.0, runs, |_, outcome| {
            count(outcome.undecided)
        }),
        Bar::new("calls of any check", 3.0, runs, |_, outcome| {
            Some(f64::from(outcome.most_calls))
        }),
    ]
}

/// What the modes cost. Means are judged as the bars are written, to two decimals: where a bucket is in use a tenth of the
/// time and nobody can know when, 1.10 calls are as few as there can be.
pub(crate) fn of_calls(runs: &[Run]) -> Vec<Bar> {
    let bucket = |what: &str, most, loads: &'static [f64]| {
        Bar::new(what, most, runs, move |scenario, outcome| {
            let counts = matches!(scenario.mode, Mode::Bucket | Mode::Both) && loads.contains(&scenario.load);
            counts.then(|| outcome.settled().map(hundredths)).flatten()
        })
    };
    let lease = |mode: Mode, most| {
        let what = format!("{mode}, 64 busy environments: writes an admitted request");
        Bar::new(what, most, runs, move |scenario, outcome| {
            let counts = scenario.mode == mode && scenario.per_second == BUSY;
            counts.then(|| outcome.writes().map(hundredths)).flatten()
        })
    };
    vec![
        Bar::new(
            "quota: calls of a check that makes any",
            1.0,
            runs,
            |scenario, outcome| (scenario.mode == Mode::Quota).then_some(f64::from(outcome.most_calls)),
        ),
        bucket("bucket, both: calls a check, any load", 1.6, &LOADS),
        bucket("bucket, both: calls a check, load 0.1 and 0.95", 1.1, &[0.1, 0.95]),
        lease(Mode::QuotaLease(10), 0.15),
        lease(Mode::QuotaLease(50), 0.05),
    ]
}

fn hundredths(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_holds_up_to_its_figure_and_not_where_nothing_was_run() {
        let bar = |figures: &[f64]| Bar::among("", 1.0, figures.iter().map(|figure| (String::new(), *figure)));
        assert!(bar(&[0.5, 1.0, 0.7]).holds());
        assert!(!bar(&[0.5, 1.000_1, 0.7]).holds());
        assert!(!bar(&[]).holds());
        assert!(!bar(&[f64::NAN]).holds());
    }

    #[test]
    fn means_are_judged_to_two_decimals() {
        assert!((hundredths(1.104) - 1.1).abs() < f64::EPSILON);
        assert!(hundredths(1.106) > 1.1);
    }
}
