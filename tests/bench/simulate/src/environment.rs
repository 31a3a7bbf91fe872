//! A function environment: a limiter with its memory, a clock, and a way to the table. It serves one request at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tollgate::clock::{Clock, Timestamp};
use tollgate::config::PathLimits;
use tollgate::limit::{Admission, Limiter, Patience};

use crate::scenario::{Clocks, Limit};
use crate::table::{Connection, Table};

/// When the simulation begins: a whole minute in 2027. Microseconds since 1970.
pub(crate) const START: u64 = 1_800_000_000_000_000;

/// One environment.
#[derive(Debug)]
pub(crate) struct Environment {
    limiter: Limiter,
    connection: Arc<Connection>,
    clock: Arc<EnvironmentClock>,
}

/// What became of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) verdict: Verdict,
    pub(crate) calls: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Admitted,
    /// Without a call, only by what the environment remembered.
    RefusedFromMemory {
        /// Whether the table would have let it through.
        wrongly: bool,
    },
    RefusedByCall,
    /// Nothing that the limiter could decide.
    Undecided,
}

/// A clock that is read at the beginning of a request and stands still during it: a check reads it once.
#[derive(Debug, Default)]
pub(crate) struct EnvironmentClock(AtomicU64);

impl Clock for EnvironmentClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

impl Environment {
    pub(crate) fn new(connection: Arc<Connection>) -> Self {
        let clock = Arc::<EnvironmentClock>::default();
        let limiter = Limiter::new(
            PathLimits::default(),
            Arc::clone(&connection) as _,
            Arc::clone(&clock) as _,
        );
        Self {
            limiter,
            connection,
            clock,
        }
    }

    /// Checks one request while its clock shows this, in microseconds.
    pub(crate) async fn check(&self, limit: &Limit, shows: u64, table: &Table) -> Checked {
        self.clock.0.store(shows, Ordering::Relaxed);
        let admission = self.admit(limit).await;
        let calls = self.connection.calls();
        let verdict = match admission {
            Admission::Decided(decision) if decision.allowed() => Verdict::Admitted,
            Admission::Decided(_) if calls == 0 => Verdict::RefusedFromMemory {
                wrongly: fits(limit, shows, table).await,
            },
            Admission::Decided(_) => Verdict::RefusedByCall,
            Admission::Uncounted { .. } => Verdict::Undecided,
        };
        Checked { verdict, calls }
    }

    async fn admit(&self, limit: &Limit) -> Admission {
        self.limiter
            .admit(&limit.set, &limit.subject, 1, &mut Patience::default())
            .await
    }
}

/// Whether the table lets a request through at this moment, asked by an environment that remembers nothing. Asked of a
/// copy, so that nothing is counted.
async fn fits(limit: &Limit, shows: u64, table: &Table) -> bool {
    let stranger = Environment::new(Connection::direct(table.copy()));
    stranger.clock.0.store(shows, Ordering::Relaxed);
    matches!(stranger.admit(limit).await, Admission::Decided(decision) if decision.allowed())
}

/// How far each environment's clock is off.
#[derive(Debug)]
pub(crate) struct Offsets {
    clocks: Clocks,
    /// In microseconds, by environment.
    offsets: Vec<i64>,
    least: i64,
    most: i64,
}

impl Offsets {
    pub(crate) fn new(clocks: Clocks, environments: usize, random: &mut fastrand::Rng) -> Self {
        let mut offset = |environment: usize| match (clocks, environment) {
            (Clocks::Normal, _) => normal(random),
            (Clocks::Ahead, 0) => 2_000_000,
            (Clocks::Behind, 0) => -2_000_000,
            _ => 0,
        };
        let offsets: Vec<i64> = (0..environments).map(&mut offset).collect();
        Self {
            clocks,
            least: offsets.iter().copied().min().unwrap_or(0),
            most: offsets.iter().copied().max().unwrap_or(0),
            offsets,
        }
    }

    /// What this environment's clock shows when it is `now`.
    pub(crate) fn show(&mut self, environment: usize, now: u64, random: &mut fastrand::Rng) -> u64 {
        let offset = &mut self.offsets[environment];
        if self.clocks == Clocks::Jumping && random.u8(0..20) == 0 {
            *offset = random.i64(-500_000..=500_000);
            self.least = self.least.min(*offset);
            self.most = self.most.max(*offset);
        }
        now.saturating_add_signed(*offset)
    }

    /// How far apart clocks ever were, in microseconds.
    pub(crate) fn spread(&self) -> u64 {
        self.most.abs_diff(self.least)
    }
}

/// By the Box-Muller transform, in microseconds.
#[expect(clippy::cast_possible_truncation, reason = "a few hundred thousand")]
fn normal(random: &mut fastrand::Rng) -> i64 {
    let (radius, angle) = (1.0 - random.f64(), std::f64::consts::TAU * random.f64());
    (50_000.0 * (-2.0 * radius.ln()).sqrt() * angle.cos()).round() as i64
}
