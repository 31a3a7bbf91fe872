//! What is printed, and what is plotted.

use std::time::Duration;

use plotters::chart::SeriesLabelPosition;

use crate::bars::Run;
use crate::grid::LOADS;
use crate::plot::{Line, Panel};
use crate::run::Outcome;
use crate::scenario::{Clocks, Mode, Scenario};

/// What a column shows of a run.
type Cell = fn(&Scenario, &Outcome) -> String;

const COLUMNS: [(&str, usize, Cell); 14] = [
    ("mode", 15, |scenario, _| scenario.mode.to_string()),
    ("environments", 13, |scenario, _| scenario.environments.to_string()),
    ("load", 5, |scenario, _| scenario.load.to_string()),
    ("clocks", 15, |scenario, _| scenario.clocks.to_string()),
    ("waited ms", 10, |_, outcome| outcome.waited.as_millis().to_string()),
    ("checks", 8, |_, outcome| outcome.checks().to_string()),
    ("admitted", 9, |_, outcome| outcome.admitted.to_string()),
    ("of perfect", 11, |_, outcome| figure(outcome.of_perfect())),
    ("of promised", 12, |_, outcome| format!("{:.3}", outcome.used)),
    ("writes/admitted", 16, |_, outcome| figure(outcome.writes())),
    ("calls/check", 12, |_, outcome| figure(outcome.settled())),
    ("at first", 9, |_, outcome| figure(outcome.at_first())),
    ("most", 5, |_, outcome| outcome.most_calls.to_string()),
    ("refused by call, from memory", 29, |_, outcome| {
        format!("{:>10} {:>10}", outcome.refused_by_call, outcome.refused_from_memory)
    }),
];

/// A line for each run.
pub(crate) fn print(runs: &[Run]) {
    let line = |cell: &dyn Fn(usize) -> String| {
        let cells = COLUMNS.iter().enumerate();
        let cells = cells.map(|(column, (_, width, _))| format!("{:>width$}", cell(column)));
        println!("{}", cells.collect::<String>());
    };
    line(&|column| COLUMNS[column].0.to_owned());
    for (scenario, outcome) in runs {
        line(&|column| COLUMNS[column].2(scenario, outcome));
    }
}

fn figure(figure: Option<f64>) -> String {
    figure.map_or("-".into(), |figure| format!("{figure:.3}"))
}

/// Four panels over the number of environments. A bucket with quotas beside it is like one without.
pub(crate) fn panels(runs: &[Run]) -> Vec<Panel> {
    let modes = || Mode::ALL.into_iter().filter(|mode| *mode != Mode::Both);
    let of = |mode: Mode, load: f64, clocks: Clocks| {
        move |run: &Scenario| (run.mode, run.load, run.clocks) == (mode, load, clocks)
    };
    let by_clocks = |clocks: Clocks| {
        let belongs = of(Mode::Bucket, 0.5, clocks);
        line(clocks.to_string(), runs, belongs, Outcome::of_perfect)
    };
    let by_load = |load: f64| {
        let belongs = of(Mode::Bucket, load, Clocks::Exact);
        line(format!("load {load}"), runs, belongs, Outcome::settled)
    };
    let by_mode = |load: f64, figure: fn(&Outcome) -> Option<f64>| {
        let line = move |mode: Mode| line(mode.to_string(), runs, of(mode, load, Clocks::Exact), figure);
        modes().map(line).collect()
    };
    vec![
        Panel {
            title: "Admitted, by how far clocks are off (bucket, load 0.5)",
            unit: "of what a perfect counter admits",
            top: 1.2,
            legend: SeriesLabelPosition::LowerRight,
            lines: Clocks::ALL.map(by_clocks).into(),
        },
        Panel {
            title: "Calls a check, by load (bucket)",
            unit: "calls, mean",
            top: 1.8,
            legend: SeriesLabelPosition::LowerRight,
            lines: LOADS.map(by_load).into(),
        },
        Panel {
            title: "Writes an admitted request (load 0.5)",
            unit: "writes, mean",
            top: 2.6,
            legend: SeriesLabelPosition::UpperLeft,
            lines: by_mode(0.5, Outcome::writes),
        },
        Panel {
            title: "Refusals that took a call (load 5)",
            unit: "of all refusals",
            top: 1.2,
            legend: SeriesLabelPosition::MiddleMiddle,
            lines: by_mode(5.0, Outcome::asked),
        },
    ]
}

/// Through those runs that so many environments could serve.
fn line(
    name: String,
    runs: &[Run],
    belongs: impl Fn(&Scenario) -> bool,
    figure: impl Fn(&Outcome) -> Option<f64>,
) -> Line {
    let runs = runs.iter();
    let runs = runs.filter(|(scenario, outcome)| belongs(scenario) && outcome.waited < Duration::from_secs(1));
    let points = runs.filter_map(|(scenario, outcome)| Some((scenario.environments as f64, figure(outcome)?)));
    Line {
        name,
        points: points.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Grid;

    /// What a run admitted says which one it was.
    fn numbered_runs() -> Vec<Run> {
        let scenarios = Grid::whole(1).all().into_iter().zip(1..);
        let runs = scenarios.map(|(scenario, number)| {
            let outcome = Outcome {
                admitted: number,
                ideal: 1,
                calls: 2 * number * number,
                settled: (1_000, 3_000 * number),
                refused_by_call: number,
                refused_from_memory: 1_000 - number,
                ..Outcome::default()
            };
            (scenario, outcome)
        });
        runs.collect()
    }

    /// Every line has a point for each number of environments, and each point is of the run that it stands for.
    #[test]
    fn each_point_is_of_its_own_run() {
        let runs = numbered_runs();
        let number = |mode, environments, load, clocks| {
            let this = |(run, _): &&Run| {
                (run.mode, run.environments, run.load, run.clocks) == (mode, environments, load, clocks)
            };
            let mut found = runs.iter().filter(this);
            let (run, other) = (found.next().unwrap(), found.next());
            assert!(other.is_none(), "{other:?}");
            run.1.admitted as f64
        };
        let panels = panels(&runs);
        let points = |panel: usize, line: usize| panels[panel].lines[line].points.clone();
        for (line, clocks) in Clocks::ALL.into_iter().enumerate() {
            let expected = ENVIRONMENTS.map(|count| (count as f64, number(Mode::Bucket, count, 0.5, clocks)));
            assert_eq!(points(0, line), expected, "{clocks}");
        }
        for (line, load) in LOADS.into_iter().enumerate() {
            let expected =
                ENVIRONMENTS.map(|count| (count as f64, 3.0 * number(Mode::Bucket, count, load, Clocks::Exact)));
            assert_eq!(points(1, line), expected, "{load}");
        }
        let quota_lease = ENVIRONMENTS.map(|count| {
            (
                count as f64,
                2.0 * number(Mode::QuotaLease(10), count, 0.5, Clocks::Exact),
            )
        });
        assert_eq!(points(2, 2), quota_lease);
        let quota = ENVIRONMENTS.map(|count| (count as f64, number(Mode::Quota, count, 5.0, Clocks::Exact) / 1_000.0));
        assert_eq!(points(3, 1), quota);
    }

    const ENVIRONMENTS: [usize; 5] = [1, 10, 100, 1_000, 10_000];

    #[test]
    fn what_so_few_environments_cannot_serve_is_not_drawn() {
        let mut runs = numbered_runs();
        runs.iter_mut()
            .for_each(|(_, outcome)| outcome.waited = Duration::from_secs(1));
        let panels = panels(&runs);
        assert!(
            panels
                .iter()
                .flat_map(|panel| &panel.lines)
                .all(|line| line.points.is_empty())
        );
    }
}
