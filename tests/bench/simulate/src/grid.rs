//! Which scenarios are run.

use crate::scenario::{Clocks, Mode, Scenario};

/// What is asked for, in parts of the limit.
pub(crate) const LOADS: [f64; 5] = [0.1, 0.5, 0.95, 1.5, 5.0];

/// The limit of [`Grid::busy_leases`], a second.
pub(crate) const BUSY: u32 = 10_000;

/// How much is run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    environments: &'static [usize],
    /// Where clocks are right, and where they are not.
    loads: &'static [f64],
    loads_off: &'static [f64],
    /// In each run, at least.
    requests: usize,
    /// For each environment where clocks are right: enough to know the subject well.
    requests_each: usize,
    seed: u64,
}

impl Grid {
    /// All of it.
    pub(crate) const fn whole(seed: u64) -> Self {
        Self {
            environments: &[1, 10, 100, 1_000, 10_000],
            loads: &LOADS,
            loads_off: &[0.5, 1.5],
            requests: 30_000,
            requests_each: 15,
            seed,
        }
    }

    /// What takes seconds, even where nothing is optimised. Without the load of 0.1, which is as dear as its bar allows: in so
    /// few requests chance decides.
    pub(crate) const fn quick(seed: u64) -> Self {
        Self {
            environments: &[1, 10, 100],
            loads: &[0.5, 0.95, 5.0],
            loads_off: &[1.5],
            requests: 1_500,
            requests_each: 30,
            seed,
        }
    }

    /// Every mode with all clocks.
    pub(crate) fn all(&self) -> Vec<Scenario> {
        let mut scenarios = Vec::new();
        for mode in Mode::ALL {
            for clocks in Clocks::ALL {
                let exact = clocks == Clocks::Exact;
                let loads = if exact { self.loads } else { self.loads_off };
                for &environments in self.environments {
                    let runs = loads
                        .iter()
                        .map(|load| self.scenario(mode, environments, *load, clocks));
                    scenarios.extend(runs);
                }
            }
        }
        scenarios
    }

    /// Leases where they are for: 64 environments, each of which serves about 80 requests a second.
    pub(crate) fn busy_leases(&self) -> Vec<Scenario> {
        let leases = Mode::ALL.into_iter().filter(|mode| mode.lease().is_some());
        let busy = leases.map(|mode| Scenario {
            per_second: BUSY,
            requests: 32_000,
            ..self.scenario(mode, 64, 0.5, Clocks::Exact)
        });
        busy.collect()
    }

    fn scenario(&self, mode: Mode, environments: usize, load: f64, clocks: Clocks) -> Scenario {
        let each = if clocks == Clocks::Exact {
            self.requests_each
        } else {
            self.requests_each / 3
        };
        Scenario {
            mode,
            per_second: mode.per_second(),
            environments,
            load,
            clocks,
            requests: self.requests.max(each * environments),
            seed: self.seed,
        }
    }
}
