//! Which target a call goes to. All that is remembered here is this function environment's own: others learn of a
//! target that is down by themselves.
//!
//! Targets take turns by their weights (smooth weighted round robin, as nginx does it). One that refused a connection is
//! out for [`EJECTED`], and one whose breaker is open is not asked at all.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::Target;
use super::trace::random_below;
use crate::breaker::{Breaker, Failure, Pass, Thresholds};
use crate::lock::lock;

#[cfg(test)]
mod tests;

/// How long a target that refused a connection is passed over while there are others: long beside what a refusal costs,
/// short beside what a restart takes.
pub(super) const EJECTED: Duration = Duration::from_secs(10);

/// The targets of one service.
#[derive(Debug)]
pub(super) struct Balancer {
    /// One for each target; none where the service has no breaker.
    breakers: Vec<Breaker>,
    /// One for each target; none where there is only one.
    turns: Mutex<Vec<Turn>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turn {
    weight: i64,
    /// How much it is behind; whoever is furthest behind comes next.
    behind: i64,
    /// Until when it is passed over.
    out_until: Option<Instant>,
}

/// What an attempt came to, as far as it tells something of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It works.
    Well,
    /// No connection.
    Unreachable,
    /// It is there, and failed.
    Sick,
    /// It did not answer in time, connected or not.
    Silent,
}

/// Where an attempt goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) target: usize,
    /// How its breaker let it through.
    pass: Pass,
}

impl Balancer {
    /// Beginning anywhere in the order, so that environments that start together do not all begin with one target.
    pub(super) fn new(targets: &[Target], thresholds: Option<Thresholds>) -> Self {
        let turns = match targets {
            [_] => Vec::new(),
            targets => shuffled(targets),
        };
        let breakers = thresholds.map_or_else(Vec::new, |thresholds| {
            targets.iter().map(|_| Breaker::new(thresholds)).collect()
        });
        Self {
            breakers,
            turns: Mutex::new(turns),
        }
    }

    /// The target of the next attempt, which takes so long at most. Those that were `tried` come last; those that are out
    /// come only where no other is left, and then the one that comes back first.
    ///
    /// # Errors
    /// No breaker lets a call through; how long until one does.
    pub(super) fn choose(&self, tried: &[usize], longest: Duration) -> Result<Choice, Duration> {
        loop {
            let target = self.next(tried)?;
            let Some(breaker) = self.breakers.get(target) else {
                let pass = Pass::Ordinary;
                return Ok(Choice { target, pass });
            };
            match breaker.admit(longest) {
                Ok(pass) => return Ok(Choice { target, pass }),
                Err(wait) if self.breakers.len() == 1 => return Err(wait),
                // Somebody else has taken its probe just now: it is not waiting for nobody any more.
                Err(_) => {}
            }
        }
    }

    fn next(&self, tried: &[usize]) -> Result<usize, Duration> {
        let mut turns = lock(&self.turns);
        if turns.is_empty() {
            // The only one.
            return Ok(0);
        }
        let waits = |target: usize| self.breakers.get(target).map_or(Duration::ZERO, Breaker::wait);
        let closed: Vec<usize> = (0..turns.len()).filter(|&target| waits(target).is_zero()).collect();
        let now = Instant::now();
        let is_out = |turns: &[Turn], target: usize| turns[target].out_until.is_some_and(|until| now < until);
        let within: Vec<usize> = closed
            .iter()
            .copied()
            .filter(|&target| !is_out(&turns, target))
            .collect();
        let fresh: Vec<usize> = within
            .iter()
            .copied()
            .filter(|target| !tried.contains(target))
            .collect();
        let candidates = if fresh.is_empty() { within } else { fresh };
        if let Some(target) = take_turn(&mut turns, &candidates) {
            return Ok(target);
        }
        let back_first = closed
            .into_iter()
            .min_by_key(|&target| (tried.contains(&target), turns[target].out_until));
        back_first.ok_or_else(|| (0..turns.len()).map(waits).min().unwrap_or_default())
    }

    /// How long until a breaker lets an attempt through; nothing where one does now.
    pub(super) fn wait(&self) -> Duration {
        self.breakers.iter().map(Breaker::wait).min().unwrap_or_default()
    }

    /// Whether there is a target that was not `tried` and is not out.
    pub(super) fn has_other_than(&self, tried: &[usize]) -> bool {
        let now = Instant::now();
        let turns = lock(&self.turns);
        let mut others = turns.iter().enumerate().filter(|(target, _)| !tried.contains(target));
        others.any(|(target, turn)| {
            turn.out_until.is_none_or(|until| now >= until)
                && self.breakers.get(target).is_none_or(|breaker| breaker.wait().is_zero())
        })
    }

    /// What became of an attempt.
    pub(super) fn heard(&self, Choice { target, pass }: Choice, verdict: Verdict) {
        if let Some(turn) = lock(&self.turns).get_mut(target) {
            match verdict {
                Verdict::Well | Verdict::Sick => turn.out_until = None,
                Verdict::Unreachable => turn.out_until = Some(Instant::now() + EJECTED),
                Verdict::Silent => {}
            }
        }
        if let Some(breaker) = self.breakers.get(target) {
            match verdict {
                Verdict::Well => breaker.answered(pass),
                Verdict::Silent => breaker.failed(pass, Failure::TimeOut),
                Verdict::Unreachable | Verdict::Sick => breaker.failed(pass, Failure::Other),
            }
        }
    }
}

/// The next of these by smooth weighted round robin: everybody falls behind by its weight, and who is furthest behind
/// gets the turn and is ahead by all that the others fell behind.
fn take_turn(turns: &mut [Turn], candidates: &[usize]) -> Option<usize> {
    let mut all = 0;
    for &target in candidates {
        turns[target].behind += turns[target].weight;
        all += turns[target].weight;
    }
    // Of equals the first.
    let next = candidates
        .iter()
        .copied()
        .rev()
        .max_by_key(|&target| turns[target].behind)?;
    turns[next].behind -= all;
    Some(next)
}

/// Turns of which a random number was taken: the first call goes to each target with the odds of its weight.
fn shuffled(targets: &[Target]) -> Vec<Turn> {
    let divisor = targets
        .iter()
        .fold(0, |divisor, target| common_divisor(divisor, target.weight));
    let weights = targets.iter().map(|target| target.weight / divisor.max(1));
    let round: u32 = weights.clone().sum();
    let mut turns: Vec<Turn> = weights
        .map(|weight| Turn {
            weight: weight.into(),
            behind: 0,
            out_until: None,
        })
        .collect();
    let all: Vec<usize> = (0..turns.len()).collect();
    for _ in 0..random_below(round.into()) {
        take_turn(&mut turns, &all);
    }
    turns
}

fn common_divisor(one: u32, other: u32) -> u32 {
    match other {
        0 => one,
        other => common_divisor(other, one % other),
    }
}
