//! When what fails is not asked: a breaker, per function environment, for tables and for upstreams.
//!
//! It opens after so many failures within a time, and after so many in a row, of tables time-outs only. While it is open one
//! call at a time goes through as a probe, and what comes of that alone closes it or keeps it open.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::lock::lock;
use crate::store::StoreError;

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Thresholds {
    /// So many in a row open it, however far apart: a call that hangs takes its time.
    pub(crate) row: Row,
    /// So many failures open it, however many calls succeed between them,
    pub(crate) failures: usize,
    /// where the first and the last are no further apart.
    pub(crate) within: Duration,
    /// How long until a probe, and from one that failed to the next.
    pub(crate) open_for: Duration,
}

/// What counts as a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// So many failures of any kind, without a success between them.
    Failures(usize),
    /// So many time-outs, with nothing between them.
    TimeOuts(usize),
}

/// How a call was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what becomes of the call is heard with it"]
pub(crate) enum Pass {
    /// The breaker was closed.
    Ordinary,
    /// It was open, and this call is to tell whether it can close.
    Probe,
}

/// Those of a table: each time-out costs a request the whole time that it has for its checks.
const TABLE: Thresholds = Thresholds {
    row: Row::TimeOuts(2),
    failures: 5,
    within: Duration::from_secs(10),
    open_for: Duration::from_secs(1),
};

/// What the last calls came to.
#[derive(Debug)]
pub(crate) struct Breaker {
    thresholds: Thresholds,
    state: Mutex<State>,
}

/// That of a table.
impl Default for Breaker {
    fn default() -> Self {
        Self::new(TABLE)
    }
}

#[derive(Debug, Default)]
struct State {
    row: usize,
    /// When the last calls failed; at most as many as open it.
    failures: VecDeque<Instant>,
    /// When the next call may be made; `None` while the breaker is closed.
    probe_at: Option<Instant>,
}

/// How a call failed that may have got through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There was no answer in time: the next one will wait as long.
    TimeOut,
    /// Whatever else tells nothing.
    Other,
}

impl Breaker {
    pub(crate) fn new(thresholds: Thresholds) -> Self {
        Self {
            thresholds,
            state: Mutex::default(),
        }
    }

    /// Whether a call may be made now that takes so long at most; while the breaker is open, a probe for whoever comes
    /// first. Until that has ended nobody else probes.
    ///
    /// # Errors
    /// Not now; how long until a probe.
    pub(crate) fn admit(&self, longest: Duration) -> Result<Pass, Duration> {
        let mut state = lock(&self.state);
        let now = Instant::now();
        match state.probe_at {
            None => Ok(Pass::Ordinary),
            Some(at) if now < at => Err(at - now),
            Some(_) => {
                // A probe that is never heard of again (its request was given up) holds up the next no longer than this.
                state.probe_at = Some(now + self.thresholds.open_for.max(longest));
                Ok(Pass::Probe)
            }
        }
    }

    /// How long until a call may be made; nothing when it may be made now.
    pub(crate) fn wait(&self) -> Duration {
        let probe_at = lock(&self.state).probe_at;
        probe_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()))
    }

    /// What became of a call of a table.
    pub(crate) fn heard<T>(&self, pass: Pass, outcome: &Result<T, StoreError>) {
        match outcome {
            Ok(_) | Err(StoreError::Throttled { .. } | StoreError::Malformed(_)) => self.answered(pass),
            Err(StoreError::TimedOut(_)) => self.failed(pass, Failure::TimeOut),
            Err(_) => self.failed(pass, Failure::Other),
        }
    }

    /// There was an answer, whatever it said. Failures before are forgotten where this was the probe; else they count for
    /// their time: what fails every other call is no better.
    pub(crate) fn answered(&self, pass: Pass) {
        let mut state = lock(&self.state);
        match (pass, state.probe_at) {
            (Pass::Probe, _) => *state = State::default(),
            (Pass::Ordinary, None) => state.row = 0,
            // It began before the breaker opened, and tells nothing of now.
            (Pass::Ordinary, Some(_)) => {}
        }
    }

    /// There was none.
    pub(crate) fn failed(&self, pass: Pass, how: Failure) {
        let mut state = lock(&self.state);
        let now = Instant::now();
        let opens = match (pass, state.probe_at) {
            (Pass::Probe, _) => true,
            (Pass::Ordinary, None) => state.fails(how, now, &self.thresholds),
            (Pass::Ordinary, Some(_)) => false,
        };
        if opens {
            state.probe_at = Some(now + self.thresholds.open_for);
        }
    }
}

impl State {
    /// Counts a failure; whether that is one too many.
    fn fails(&mut self, how: Failure, now: Instant, thresholds: &Thresholds) -> bool {
        if self.failures.len() == thresholds.failures {
            self.failures.pop_front();
        }
        self.failures.push_back(now);
        let oldest = self.failures.front().copied();
        let many = self.failures.len() == thresholds.failures
            && oldest.is_some_and(|oldest| now - oldest <= thresholds.within);
        let (counts, most) = match thresholds.row {
            Row::Failures(most) => (true, most),
            Row::TimeOuts(most) => (how == Failure::TimeOut, most),
        };
        self.row = if counts { self.row + 1 } else { 0 };
        many || self.row >= most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pass(time: Duration) {
        tokio::time::advance(time).await;
    }

    fn lets_through(breaker: &Breaker) -> bool {
        breaker.admit(Duration::ZERO).is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn two_time_outs_in_a_row_open_it() {
        let breaker = Breaker::default();
        breaker.failed(Pass::Ordinary, Failure::TimeOut);
        breaker.answered(Pass::Ordinary);
        breaker.failed(Pass::Ordinary, Failure::TimeOut);
        breaker.failed(Pass::Ordinary, Failure::Other);
        breaker.failed(Pass::Ordinary, Failure::TimeOut);
        assert!(lets_through(&breaker), "no two in a row");
        breaker.failed(Pass::Ordinary, Failure::TimeOut);
        assert!(!lets_through(&breaker));
    }

    #[tokio::test(start_paused = true)]
    async fn five_failures_within_ten_seconds_open_it() {
        let breaker = Breaker::default();
        for _ in 0..20 {
            breaker.failed(Pass::Ordinary, Failure::Other);
            pass(Duration::from_millis(2_501)).await;
            assert!(lets_through(&breaker), "never more than four within ten seconds");
        }
        pass(TABLE.within).await;
        for failures in 1..=5 {
            breaker.failed(Pass::Ordinary, Failure::Other);
            assert_eq!(lets_through(&breaker), failures < 5, "{failures}");
            pass(Duration::from_millis(100)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_fails_every_other_call_is_down() {
        let breaker = Breaker::default();
        for failures in 1..=5 {
            breaker.failed(Pass::Ordinary, Failure::TimeOut);
            assert_eq!(lets_through(&breaker), failures < 5, "{failures}");
            if failures < 5 {
                breaker.answered(Pass::Ordinary);
            }
            pass(Duration::from_millis(150)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_a_second_until_one_is_answered() {
        let breaker = Breaker::default();
        breaker.failed(Pass::Ordinary, Failure::TimeOut);
        breaker.failed(Pass::Ordinary, Failure::TimeOut);
        for _ in 0..3 {
            assert!(!lets_through(&breaker));
            pass(Duration::from_millis(999)).await;
            assert!(!lets_through(&breaker));
            pass(Duration::from_millis(1)).await;
            let probes = (0..100).filter(|_| lets_through(&breaker)).count();
            assert_eq!(probes, 1);
        }
        pass(TABLE.open_for).await;
        assert!(lets_through(&breaker));
        breaker.failed(Pass::Probe, Failure::Other);
        assert!(!lets_through(&breaker), "a probe that failed");
        pass(TABLE.open_for).await;
        assert!(lets_through(&breaker));
        breaker.answered(Pass::Probe);
        assert!((0..100).all(|_| lets_through(&breaker)));
        breaker.failed(Pass::Ordinary, Failure::TimeOut);
        assert!(lets_through(&breaker), "what was before is forgotten");
    }

    const OTHERS: Thresholds = Thresholds {
        row: Row::Failures(3),
        failures: 3,
        within: Duration::from_secs(2),
        open_for: Duration::from_secs(5),
    };

    #[tokio::test(start_paused = true)]
    async fn thresholds_are_what_it_is_made_with() {
        let breaker = Breaker::new(OTHERS);
        for failures in 1..=3 {
            assert_eq!(breaker.admit(Duration::ZERO), Ok(Pass::Ordinary), "{failures}");
            breaker.failed(Pass::Ordinary, Failure::TimeOut);
        }
        pass(Duration::from_millis(4_999)).await;
        assert_eq!(breaker.admit(Duration::ZERO), Err(Duration::from_millis(1)));
        assert_eq!(breaker.wait(), Duration::from_millis(1));
        pass(Duration::from_millis(1)).await;
        assert_eq!(
            (breaker.wait(), breaker.admit(Duration::ZERO)),
            (Duration::ZERO, Ok(Pass::Probe))
        );
        assert_eq!(breaker.admit(Duration::ZERO), Err(OTHERS.open_for));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_else_probes_while_a_probe_is_under_way() {
        let breaker = Breaker::new(OTHERS);
        (0..3).for_each(|_| breaker.failed(Pass::Ordinary, Failure::Other));
        pass(OTHERS.open_for).await;
        let longest = Duration::from_secs(20);
        assert_eq!(breaker.admit(longest), Ok(Pass::Probe));
        pass(Duration::from_secs(19)).await;
        assert_eq!(breaker.admit(longest), Err(Duration::from_secs(1)));
        breaker.failed(Pass::Probe, Failure::TimeOut);
        assert_eq!(breaker.wait(), OTHERS.open_for, "counted from its end");
        pass(OTHERS.open_for).await;
        assert_eq!(breaker.admit(longest), Ok(Pass::Probe));
        breaker.answered(Pass::Probe);
        assert!((0..100).all(|_| breaker.admit(longest).is_ok()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_began_before_it_opened_neither_closes_it_nor_puts_off_the_probe() {
        let breaker = Breaker::new(OTHERS);
        (0..3).for_each(|_| breaker.failed(Pass::Ordinary, Failure::Other));
        breaker.answered(Pass::Ordinary);
        pass(Duration::from_secs(3)).await;
        breaker.failed(Pass::Ordinary, Failure::Other);
        assert_eq!(breaker.wait(), Duration::from_secs(2));
    }

    /// Calls that hang for ten seconds each end as far apart.
    #[tokio::test(start_paused = true)]
    async fn a_row_of_failures_opens_it_however_far_apart() {
        let breaker = Breaker::new(OTHERS);
        for failures in 1..=3 {
            assert!(lets_through(&breaker), "{failures}");
            pass(Duration::from_secs(10)).await;
            breaker.failed(Pass::Ordinary, Failure::TimeOut);
        }
        assert!(!lets_through(&breaker));
        let other = Breaker::new(OTHERS);
        for _ in 0..9 {
            pass(Duration::from_secs(10)).await;
            other.failed(Pass::Ordinary, Failure::TimeOut);
            other.failed(Pass::Ordinary, Failure::TimeOut);
            other.answered(Pass::Ordinary);
        }
        assert!(lets_through(&other), "never three in a row, nor within two seconds");
    }
}
