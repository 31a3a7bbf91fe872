//! When what fails is not asked: a breaker, per function environment, for tables and for upstreams.
//!
//! It opens after so many failures within a time, for tables also after so many time-outs in a row. While it is open one
//! call at a time goes through as a probe; the first good answer closes it.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::lock::lock;
use crate::store::StoreError;

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Thresholds {
    /// So many time-outs in a row open it; `None`: they are failures like any other.
    pub(crate) time_outs: Option<u32>,
    /// So many failures open it, however many calls succeed between them,
    pub(crate) failures: usize,
    /// where the first and the last are no further apart.
    pub(crate) within: Duration,
    /// How long until a probe, and from one that failed to the next.
    pub(crate) open_for: Duration,
}

/// Those of a table: each time-out costs a request the whole time that it has for its checks.
const TABLE: Thresholds = Thresholds {
    time_outs: Some(2),
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
    time_outs: u32,
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

    /// Whether a call may be made now that takes less time than there is between two probes.
    pub(crate) fn lets_through(&self) -> bool {
        self.admit(Duration::ZERO).is_ok()
    }

    /// Whether a call may be made now that takes so long at most; while the breaker is open, a probe for whoever comes
    /// first. Until that has ended nobody else probes.
    ///
    /// # Errors
    /// Not now; how long until a probe.
    pub(crate) fn admit(&self, longest: Duration) -> Result<(), Duration> {
        let mut state = lock(&self.state);
        let now = Instant::now();
        match state.probe_at {
            None => Ok(()),
            Some(at) if now < at => Err(at - now),
            Some(_) => {
                // A probe that is never heard of again (its request was given up) holds up the next no longer than this.
                state.probe_at = Some(now + self.thresholds.open_for.max(longest));
                Ok(())
            }
        }
    }

    /// How long until a call may be made; nothing when it may be made now.
    pub(crate) fn wait(&self) -> Duration {
        let probe_at = lock(&self.state).probe_at;
        probe_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()))
    }

    /// What became of a call of a table.
    pub(crate) fn heard<T>(&self, outcome: &Result<T, StoreError>) {
        match outcome {
            Ok(_) | Err(StoreError::Throttled { .. } | StoreError::Malformed(_)) => self.answered(),
            Err(StoreError::TimedOut(_)) => self.failed(Failure::TimeOut),
            Err(_) => self.failed(Failure::Other),
        }
    }

    /// There was an answer, whatever it said. Failures before are forgotten where this was a probe; else they count for
    /// their time: what fails every other call is no better.
    pub(crate) fn answered(&self) {
        let mut state = lock(&self.state);
        match state.probe_at {
            Some(_) => *state = State::default(),
            None => state.time_outs = 0,
        }
    }

    /// There was none.
    pub(crate) fn failed(&self, how: Failure) {
        let Thresholds {
            time_outs,
            failures,
            within,
            open_for,
        } = self.thresholds;
        let mut state = lock(&self.state);
        let now = Instant::now();
        state.time_outs = match how {
            Failure::TimeOut => state.time_outs + 1,
            Failure::Other => 0,
        };
        if state.failures.len() == failures {
            state.failures.pop_front();
        }
        state.failures.push_back(now);
        let oldest = state.failures.front().copied();
        let many = state.failures.len() == failures && oldest.is_some_and(|oldest| now - oldest <= within);
        let slow = time_outs.is_some_and(|most| state.time_outs >= most);
        if slow || many || state.probe_at.is_some() {
            state.probe_at = Some(now + open_for);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pass(time: Duration) {
        tokio::time::advance(time).await;
    }

    #[tokio::test(start_paused = true)]
    async fn two_time_outs_in_a_row_open_it() {
        let breaker = Breaker::default();
        breaker.failed(Failure::TimeOut);
        breaker.answered();
        breaker.failed(Failure::TimeOut);
        breaker.failed(Failure::Other);
        breaker.failed(Failure::TimeOut);
        assert!(breaker.lets_through(), "no two in a row");
        breaker.failed(Failure::TimeOut);
        assert!(!breaker.lets_through());
    }

    #[tokio::test(start_paused = true)]
    async fn five_failures_within_ten_seconds_open_it() {
        let breaker = Breaker::default();
        for _ in 0..20 {
            breaker.failed(Failure::Other);
            pass(Duration::from_millis(2_501)).await;
            assert!(breaker.lets_through(), "never more than four within ten seconds");
        }
        pass(TABLE.within).await;
        for failures in 1..=5 {
            breaker.failed(Failure::Other);
            assert_eq!(breaker.lets_through(), failures < 5, "{failures}");
            pass(Duration::from_millis(100)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_fails_every_other_call_is_down() {
        let breaker = Breaker::default();
        for failures in 1..=5 {
            breaker.failed(Failure::TimeOut);
            assert_eq!(breaker.lets_through(), failures < 5, "{failures}");
            if failures < 5 {
                breaker.answered();
            }
            pass(Duration::from_millis(150)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_a_second_until_one_is_answered() {
        let breaker = Breaker::default();
        breaker.failed(Failure::TimeOut);
        breaker.failed(Failure::TimeOut);
        for _ in 0..3 {
            assert!(!breaker.lets_through());
            pass(Duration::from_millis(999)).await;
            assert!(!breaker.lets_through());
            pass(Duration::from_millis(1)).await;
            let probes = (0..100).filter(|_| breaker.lets_through()).count();
            assert_eq!(probes, 1);
        }
        pass(TABLE.open_for).await;
        assert!(breaker.lets_through());
        breaker.failed(Failure::Other);
        assert!(!breaker.lets_through(), "a probe that failed");
        pass(TABLE.open_for).await;
        assert!(breaker.lets_through());
        breaker.answered();
        assert!((0..100).all(|_| breaker.lets_through()));
        breaker.failed(Failure::TimeOut);
        assert!(breaker.lets_through(), "what was before is forgotten");
    }

    const OTHERS: Thresholds = Thresholds {
        time_outs: None,
        failures: 3,
        within: Duration::from_secs(2),
        open_for: Duration::from_secs(5),
    };

    #[tokio::test(start_paused = true)]
    async fn thresholds_are_what_it_is_made_with() {
        let breaker = Breaker::new(OTHERS);
        for failures in 1..=3 {
            assert_eq!(breaker.admit(Duration::ZERO), Ok(()), "{failures}");
            breaker.failed(Failure::TimeOut);
        }
        pass(Duration::from_millis(4_999)).await;
        assert_eq!(breaker.admit(Duration::ZERO), Err(Duration::from_millis(1)));
        assert_eq!(breaker.wait(), Duration::from_millis(1));
        pass(Duration::from_millis(1)).await;
        assert_eq!(
            (breaker.wait(), breaker.admit(Duration::ZERO)),
            (Duration::ZERO, Ok(()))
        );
        assert_eq!(breaker.admit(Duration::ZERO), Err(OTHERS.open_for));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_else_probes_while_a_probe_is_under_way() {
        let breaker = Breaker::new(OTHERS);
        (0..3).for_each(|_| breaker.failed(Failure::Other));
        pass(OTHERS.open_for).await;
        let longest = Duration::from_secs(20);
        assert_eq!(breaker.admit(longest), Ok(()));
        pass(Duration::from_secs(19)).await;
        assert_eq!(breaker.admit(longest), Err(Duration::from_secs(1)));
        breaker.failed(Failure::TimeOut);
        assert_eq!(breaker.wait(), OTHERS.open_for, "counted from its end");
        pass(OTHERS.open_for).await;
        assert_eq!(breaker.admit(longest), Ok(()));
        breaker.answered();
        assert!((0..100).all(|_| breaker.admit(longest).is_ok()));
    }
}
