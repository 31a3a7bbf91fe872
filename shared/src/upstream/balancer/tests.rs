use std::collections::HashMap;

use proptest::prelude::*;
use tokio::time::advance;

use super::*;
use crate::breaker::Row;

const LONGEST: Duration = Duration::from_secs(1);

const THRESHOLDS: Thresholds = Thresholds {
    row: Row::Failures(2),
    failures: 2,
    within: Duration::from_secs(10),
    open_for: Duration::from_secs(5),
};

fn targets(weights: &[u32]) -> Vec<Target> {
    let target = |(index, weight): (usize, &u32)| Target {
        weight: *weight,
        ..Target::new(format!("http://t{index}").parse().expect("a URL"))
    };
    weights.iter().enumerate().map(target).collect()
}

fn plain(weights: &[u32]) -> Balancer {
    Balancer::new(&targets(weights), None)
}

fn chosen(balancer: &Balancer, tried: &[usize]) -> Result<usize, Duration> {
    balancer.choose(tried, LONGEST).map(|choice| choice.target)
}

/// What an attempt came to that no breaker had to let through.
fn hears(balancer: &Balancer, target: usize, verdict: Verdict) {
    let pass = Pass::Ordinary;
    balancer.heard(Choice { target, pass }, verdict);
}

/// Who gets the next calls.
fn calls(balancer: &Balancer, number: usize) -> Vec<usize> {
    let next = |_| chosen(balancer, &[]).expect("a target");
    (0..number).map(next).collect()
}

fn counts(calls: &[usize]) -> HashMap<usize, usize> {
    let mut counts = HashMap::new();
    calls.iter().for_each(|target| *counts.entry(*target).or_default() += 1);
    counts
}

#[test]
fn equals_take_turns_wherever_they_begin() {
    let mut began = [0; 3];
    for _ in 0..300 {
        let calls = calls(&plain(&[1, 1, 1]), 30);
        began[calls[0]] += 1;
        for (at, pair) in calls.windows(2).enumerate() {
            assert_eq!(pair[1], (pair[0] + 1) % 3, "turn {at} of {calls:?}");
        }
    }
    // Each with the odds of a third: fewer than 50 of 300 comes once in 10^10 runs.
    assert!(began.iter().all(|times| *times >= 50), "{began:?}");
}

#[test]
fn the_first_call_goes_by_weight_too() {
    let first = |_| chosen(&plain(&[90, 10]), &[]).expect("a target");
    let light = (0..2000).map(first).filter(|target| *target == 1).count();
    // 200 are expected, with a deviation of 13.
    assert!((100..300).contains(&light), "{light}");
}

proptest! {
    #[test]
    fn weights_are_kept_to_the_call_over_every_round(weights in prop::collection::vec(1..20_u32, 2..6)) {
        let round: u32 = weights.iter().sum();
        let balancer = plain(&weights);
        for _ in 0..3 {
            let counts = counts(&calls(&balancer, round as usize));
            for (target, weight) in weights.iter().enumerate() {
                prop_assert_eq!(counts.get(&target).copied().unwrap_or_default(), *weight as usize);
            }
        }
    }

    /// Smoothly: nobody waits much longer than its share says.
    #[test]
    fn a_share_is_spread_over_the_round(weights in prop::collection::vec(1..20_u32, 2..6)) {
        let round: u32 = weights.iter().sum();
        let calls = calls(&plain(&weights), 3 * round as usize);
        for (target, weight) in weights.iter().enumerate() {
            let gap = calls.split(|chosen| *chosen == target).map(<[usize]>::len).max().unwrap_or_default();
            prop_assert!(gap <= (2 * round / weight) as usize, "{gap} calls without {target} in {calls:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_refused_a_connection_is_passed_over_for_a_while() {
    let balancer = plain(&[1, 1, 1]);
    hears(&balancer, 1, Verdict::Unreachable);
    let others = counts(&calls(&balancer, 10));
    // The others take turns, one of them perhaps with a turn that it was behind.
    assert!(
        (4..=6).contains(&others[&0]) && others[&0] + others[&2] == 10,
        "{others:?}"
    );
    advance(EJECTED - Duration::from_millis(1)).await;
    assert!(!calls(&balancer, 10).contains(&1));
    advance(Duration::from_millis(1)).await;
    assert!(calls(&balancer, 3).contains(&1), "it is tried again");
}

#[tokio::test(start_paused = true)]
async fn an_answer_brings_a_target_back_at_once() {
    let balancer = plain(&[1, 1]);
    hears(&balancer, 1, Verdict::Unreachable);
    hears(&balancer, 1, Verdict::Well);
    assert!(calls(&balancer, 2).contains(&1));
}

/// A 503 comes from somebody who is there.
#[tokio::test(start_paused = true)]
async fn a_failure_of_a_target_that_is_there_brings_it_back_too() {
    let balancer = plain(&[1, 1]);
    hears(&balancer, 1, Verdict::Unreachable);
    hears(&balancer, 1, Verdict::Silent);
    assert!(!calls(&balancer, 2).contains(&1), "a time-out says nothing");
    hears(&balancer, 1, Verdict::Sick);
    assert!(calls(&balancer, 2).contains(&1));
}

#[tokio::test(start_paused = true)]
async fn of_those_that_are_out_what_was_not_tried_comes_first() {
    let balancer = plain(&[1, 1]);
    hears(&balancer, 0, Verdict::Unreachable);
    advance(Duration::from_secs(1)).await;
    hears(&balancer, 1, Verdict::Unreachable);
    assert_eq!(chosen(&balancer, &[]), Ok(0));
    assert_eq!(chosen(&balancer, &[0]), Ok(1));
    assert!(!balancer.has_other_than(&[0]) && !balancer.has_other_than(&[0, 1]));
    advance(EJECTED).await;
    assert!(balancer.has_other_than(&[0]) && !balancer.has_other_than(&[0, 1]));
}

#[tokio::test(start_paused = true)]
async fn failures_eject_nobody_without_a_breaker() {
    let balancer = plain(&[1, 1]);
    (0..100).for_each(|_| hears(&balancer, 1, Verdict::Sick));
    assert!(calls(&balancer, 2).contains(&1));
}

#[tokio::test(start_paused = true)]
async fn when_all_are_out_the_first_to_come_back_is_asked() {
    let balancer = plain(&[1, 1, 1]);
    for target in [2, 0, 1] {
        hears(&balancer, target, Verdict::Unreachable);
        advance(Duration::from_secs(1)).await;
    }
    assert_eq!(calls(&balancer, 3), [2, 2, 2]);
    hears(&balancer, 2, Verdict::Unreachable);
    assert_eq!(calls(&balancer, 1), [0]);
}

#[test]
fn another_attempt_goes_to_another_target_while_there_is_one() {
    let balancer = plain(&[100, 1, 1]);
    for _ in 0..300 {
        let first = chosen(&balancer, &[]).expect("a target");
        let second = chosen(&balancer, &[first]).expect("a target");
        let third = chosen(&balancer, &[first, second]).expect("a target");
        let mut all = [first, second, third];
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2]);
        chosen(&balancer, &all).expect("one of them again");
    }
}

/// Of what is up, even what was tried: a target that is known to be down helps nobody.
#[tokio::test(start_paused = true)]
async fn what_is_out_comes_after_what_was_tried() {
    let balancer = plain(&[1, 1]);
    hears(&balancer, 1, Verdict::Unreachable);
    assert_eq!(chosen(&balancer, &[0]), Ok(0));
}

#[tokio::test(start_paused = true)]
async fn a_target_whose_breaker_is_open_gets_one_probe_at_a_time() {
    let balancer = Balancer::new(&targets(&[1, 1]), Some(THRESHOLDS));
    (0..2).for_each(|_| hears(&balancer, 0, Verdict::Sick));
    assert!(!calls(&balancer, 10).contains(&0));
    advance(THRESHOLDS.open_for).await;
    let choices: Vec<Choice> = (0..10)
        .map(|_| balancer.choose(&[], LONGEST).expect("a target"))
        .collect();
    let probes: Vec<Choice> = choices.into_iter().filter(|choice| choice.target == 0).collect();
    assert_eq!(probes.len(), 1);
    balancer.heard(probes[0], Verdict::Well);
    assert!(counts(&calls(&balancer, 10))[&0] >= 4);
}

#[tokio::test(start_paused = true)]
async fn only_breakers_refuse_and_they_say_until_when() {
    for weights in [&[1][..], &[1, 1]] {
        let balancer = Balancer::new(&targets(weights), Some(THRESHOLDS));
        for target in 0..weights.len() {
            (0..2).for_each(|_| hears(&balancer, target, Verdict::Unreachable));
            advance(Duration::from_secs(1)).await;
        }
        let since_first = Duration::from_secs(weights.len() as u64);
        assert_eq!(chosen(&balancer, &[]), Err(THRESHOLDS.open_for - since_first));
        advance(THRESHOLDS.open_for - since_first).await;
        // Its breaker lets a probe through, though it would be out for longer.
        assert_eq!(chosen(&balancer, &[]), Ok(0));
        assert!(chosen(&balancer, &[]).is_err());
    }
}
