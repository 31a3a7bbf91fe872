use tollgate::store::model;
use tollgate::store::{BucketCharge, BucketStep, Charge, CounterState};

use super::*;
use crate::bars::{self, Bar};
use crate::scenario::{Clocks, Mode};

fn scenario(mode: Mode, load: f64, clocks: Clocks) -> Scenario {
    Scenario {
        mode,
        per_second: 100,
        environments: 10,
        load,
        clocks,
        requests: 10_000,
        seed: 3,
    }
}

fn run_on(apply: Apply, scenario: &Scenario) -> Outcome {
    run(scenario, apply).unwrap()
}

fn bars_hold(scenario: Scenario, outcome: Outcome) -> bool {
    bars::of_all(&[(scenario, outcome)]).iter().all(Bar::holds)
}

#[test]
fn every_request_is_served_and_the_same_seed_makes_the_same_run() {
    for mode in Mode::ALL {
        let scenario = scenario(mode, 1.5, Clocks::Jumping);
        let outcome = run_on(model::apply, &scenario);
        let served = outcome.admitted + outcome.refused_by_call + outcome.refused_from_memory;
        assert_eq!((served, outcome.checks()), (10_000, 10_000), "{mode}");
        assert_eq!(run_on(model::apply, &scenario), outcome, "{mode}");
        let other = Scenario {
            seed: 4,
            ..scenario.clone()
        };
        assert_ne!(run_on(model::apply, &other), outcome, "{mode}");
        assert!(bars_hold(scenario, outcome), "{mode}");
    }
}

#[test]
fn clocks_are_as_far_apart_as_is_said() {
    let spread = |clocks| {
        let outcome = run_on(model::apply, &scenario(Mode::Quota, 0.5, clocks));
        outcome.spread.as_millis()
    };
    assert_eq!(spread(Clocks::Exact), 0);
    assert_eq!([Clocks::Ahead, Clocks::Behind].map(spread), [2_000, 2_000]);
    assert!(
        (60..400).contains(&spread(Clocks::Normal)),
        "{}",
        spread(Clocks::Normal)
    );
    assert!(
        (900..=1_000).contains(&spread(Clocks::Jumping)),
        "{}",
        spread(Clocks::Jumping)
    );
}

/// A table that lets one more in than there is room for.
fn one_too_many(state: &mut CounterState, charge: &Charge) -> bool {
    let mut charge = charge.clone();
    if let Some(BucketCharge {
        step: BucketStep::Busy { max, cost, .. },
        ..
    }) = &mut charge.bucket
    {
        *max += *cost;
    }
    charge.windows.iter_mut().for_each(|window| window.room += 1);
    model::apply(state, &charge)
}

#[test]
fn one_too_many_is_found() {
    for mode in [Mode::Bucket, Mode::Quota, Mode::Both] {
        let scenario = scenario(mode, 1.5, Clocks::Exact);
        let outcome = run_on(one_too_many, &scenario);
        assert!(outcome.used > 1.0, "{mode}: {outcome:?}");
        assert!(!bars_hold(scenario, outcome), "{mode}");
    }
}

/// A table that forgets what was counted whenever it refuses: then no refusal is sure to hold.
fn forgetful(state: &mut CounterState, charge: &Charge) -> bool {
    let applied = model::apply(state, charge);
    if !applied {
        state.windows.clear();
    }
    applied
}

#[test]
fn a_refusal_that_the_table_would_not_have_made_is_found() {
    let scenario = scenario(Mode::Quota, 1.5, Clocks::Exact);
    let outcome = run_on(forgetful, &scenario);
    assert!(outcome.refused_wrongly > 0, "{outcome:?}");
    assert!(!bars_hold(scenario, outcome));
}

/// A table in which every step fails: the limiter never comes to a decision.
#[test]
fn no_decision_and_too_many_calls_are_found() {
    let scenario = scenario(Mode::Bucket, 0.1, Clocks::Exact);
    let outcome = run_on(|_, _| false, &scenario);
    assert_eq!((outcome.admitted, outcome.most_calls), (0, 3));
    assert!(outcome.undecided > 0);
    assert!(!bars_hold(scenario, outcome));
}

#[test]
fn what_waits_is_served_when_an_environment_is_free() {
    let one = Scenario {
        environments: 1,
        ..scenario(Mode::Quota, 5.0, Clocks::Exact)
    };
    let outcome = run_on(model::apply, &one);
    assert_eq!(outcome.checks(), 10_000);
    assert!(
        outcome.waited > Duration::from_secs(1),
        "more than one environment can serve: {outcome:?}"
    );
    let many = Scenario {
        environments: 100,
        ..one
    };
    assert_eq!(run_on(model::apply, &many).waited, Duration::ZERO);
}
