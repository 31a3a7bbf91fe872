//! One run: requests come in at random, each to an environment that is free, in time that passes as soon as everybody
//! waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::bound::{self, Moment};
use crate::environment::{Environment, Offsets, START, Verdict};
use crate::scenario::{Limit, Scenario};
use crate::table::{Apply, Connection, Table};

/// From how many checks on an environment knows its subject.
const SETTLED: u32 = 10;

/// How many of their checks a mean is made of at least.
const ENOUGH: u64 = 1_000;

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) admitted: u64,
    pub(crate) refused_from_memory: u64,
    /// Those of them that the table would have let through.
    pub(crate) refused_wrongly: u64,
    pub(crate) refused_by_call: u64,
    pub(crate) undecided: u64,
    /// Calls of the table, each a write that is paid for whether its condition holds or not.
    pub(crate) calls: u64,
    pub(crate) most_calls: u32,
    /// Checks and calls of environments that had met the subject before often enough.
    pub(crate) settled: (u64, u64),
    /// Of the others.
    pub(crate) first: (u64, u64),
    /// How many a perfect counter lets through.
    pub(crate) ideal: u64,
    /// How much of what the limit promises at most was used, in the worst interval or window.
    pub(crate) used: f64,
    /// How far apart clocks were.
    pub(crate) spread: Duration,
    /// The longest that a request waited for a free environment.
    pub(crate) waited: Duration,
}

impl Outcome {
    /// How many checks there were.
    pub(crate) fn checks(&self) -> u64 {
        self.settled.0 + self.first.0
    }

    /// Calls a check, of environments that know the subject. `None` where there were too few to tell.
    pub(crate) fn settled(&self) -> Option<f64> {
        let (checks, calls) = self.settled;
        share(calls, checks).filter(|_| checks >= ENOUGH)
    }

    /// The same of those that do not.
    pub(crate) fn at_first(&self) -> Option<f64> {
        share(self.first.1, self.first.0)
    }

    /// Writes an admitted request, what refusals cost included.
    pub(crate) fn writes(&self) -> Option<f64> {
        share(self.calls, self.admitted)
    }

    /// How much was let through of what a perfect counter lets through.
    pub(crate) fn of_perfect(&self) -> Option<f64> {
        share(self.admitted, self.ideal)
    }

    /// Of all refusals those that took a call.
    pub(crate) fn asked(&self) -> Option<f64> {
        share(self.refused_by_call, self.refused_by_call + self.refused_from_memory)
    }
}

/// `None` of nothing.
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| bound::ratio(part, whole))
}

/// All environments, and what they have come to.
struct Fleet {
    environments: Vec<Arc<Environment>>,
    /// How many requests each has served.
    served: Vec<u32>,
    free: Vec<usize>,
    /// When requests came that wait for a free environment; microseconds since the start.
    waiting: VecDeque<u64>,
    offsets: Offsets,
    random: fastrand::Rng,
    requests: Vec<Moment>,
    admitted: Vec<Moment>,
    outcome: Outcome,
}

/// What all requests of a run have in common.
struct Run {
    limit: Limit,
    table: Arc<Table>,
    started: Instant,
    fleet: Mutex<Fleet>,
}

/// Runs a scenario to its end.
pub(crate) fn run(scenario: &Scenario, apply: Apply) -> Result<Outcome, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let limit = scenario.limit()?;
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let table = Table::new(apply);
        let fleet = Mutex::new(Fleet::new(scenario, &table));
        let run = Arc::new(Run {
            limit,
            table,
            started: Instant::now(),
            fleet,
        });
        run.requests(scenario).await?;
        let fleet = run.fleet();
        Ok(fleet.outcome(scenario))
    })
}

impl Run {
    /// All requests, at random times: a Poisson process.
    async fn requests(self: &Arc<Self>, scenario: &Scenario) -> Result<(), String> {
        let mut random = fastrand::Rng::with_seed(scenario.seed);
        let mean = 1e6 / (scenario.load * f64::from(scenario.per_second));
        let mut arrival = 0.0;
        let mut serving = tokio::task::JoinSet::new();
        for _ in 0..scenario.requests {
            arrival -= mean * (1.0 - random.f64()).ln();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "years at most")]
            let arrived = arrival as u64;
            // Timers count in whole milliseconds; the clocks do not.
            tokio::time::sleep_until(self.started + Duration::from_millis(arrived / 1_000)).await;
            let free = self.fleet().take();
            match free {
                Some(environment) => {
                    let run = Arc::clone(self);
                    serving.spawn(async move { run.serve(environment, arrived).await });
                }
                None => self.fleet().waiting.push_back(arrived),
            }
            while let Some(ended) = serving.try_join_next() {
                ended.map_err(|error| error.to_string())?;
            }
        }
        while let Some(ended) = serving.join_next().await {
            ended.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Serves a request, and then those that wait.
    async fn serve(&self, environment: usize, mut arrived: u64) {
        loop {
            let elapsed = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
            let (served_by, moment) = self.fleet().begin(environment, arrived, arrived.max(elapsed));
            let checked = served_by.check(&self.limit, moment.shown, &self.table).await;
            let mut fleet = self.fleet();
            fleet.end(environment, moment, checked.verdict, checked.calls);
            match fleet.waiting.pop_front() {
                Some(next) => arrived = next,
                None => break fleet.free.push(environment),
            }
        }
    }

    fn fleet(&self) -> MutexGuard<'_, Fleet> {
        self.fleet.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fleet {
    fn new(scenario: &Scenario, table: &Arc<Table>) -> Self {
        let mut random = fastrand::Rng::with_seed(!scenario.seed);
        let environments = (0..scenario.environments)
            .map(|_| Arc::new(Environment::new(Connection::new(Arc::clone(table), random.fork()))))
            .collect();
        Self {
            environments,
            served: vec![0; scenario.environments],
            free: (0..scenario.environments).collect(),
            waiting: VecDeque::new(),
            offsets: Offsets::new(scenario.clocks, scenario.environments, &mut random),
            random,
            requests: Vec::with_capacity(scenario.requests),
            admitted: Vec::new(),
            outcome: Outcome::default(),
        }
    }

    /// Any environment that is free.
    fn take(&mut self) -> Option<usize> {
        (!self.free.is_empty()).then(|| self.free.swap_remove(self.random.usize(..self.free.len())))
    }

    fn begin(&mut self, environment: usize, arrived: u64, now: u64) -> (Arc<Environment>, Moment) {
        self.outcome.waited = self.outcome.waited.max(Duration::from_micros(now - arrived));
        let at = START + now;
        let shown = self.offsets.show(environment, at, &mut self.random);
        (Arc::clone(&self.environments[environment]), Moment { at, shown })
    }

    fn end(&mut self, environment: usize, moment: Moment, verdict: Verdict, calls: u32) {
        let outcome = &mut self.outcome;
        self.requests.push(moment);
        match verdict {
            Verdict::Admitted => {
                outcome.admitted += 1;
                self.admitted.push(moment);
            }
            Verdict::RefusedFromMemory { wrongly } => {
                outcome.refused_from_memory += 1;
                outcome.refused_wrongly += u64::from(wrongly);
            }
            Verdict::RefusedByCall => outcome.refused_by_call += 1,
            Verdict::Undecided => outcome.undecided += 1,
        }
        outcome.calls += u64::from(calls);
        outcome.most_calls = outcome.most_calls.max(calls);
        let served = &mut self.served[environment];
        let (checks, their_calls) = match *served >= SETTLED {
            true => &mut outcome.settled,
            false => &mut outcome.first,
        };
        *checks += 1;
        *their_calls += u64::from(calls);
        *served += 1;
    }

    fn outcome(&self, scenario: &Scenario) -> Outcome {
        let sorted = |moments: &[Moment]| {
            let mut moments = moments.to_vec();
            moments.sort_unstable();
            moments
        };
        let spread = self.offsets.spread();
        Outcome {
            ideal: bound::ideal(scenario, &sorted(&self.requests)),
            used: bound::used(scenario, &sorted(&self.admitted), spread),
            spread: Duration::from_micros(spread),
            ..self.outcome.clone()
        }
    }
}

#[cfg(test)]
mod tests;
