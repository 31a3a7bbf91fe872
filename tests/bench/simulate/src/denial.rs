//! A refusal that is sure to hold, asked for over and over: what does it cost?

use std::sync::Arc;

use tollgate::store::model;

use crate::bars::Bar;
use crate::environment::{Environment, START, Verdict};
use crate::scenario::{Clocks, Mode, Scenario};
use crate::table::{Connection, Table};

/// How often it is asked for, within the 30 seconds for which a refusal is remembered and before anything fits again.
const AGAIN: u64 = 1_000;

/// The calls that all of them together make, in any mode.
pub(crate) fn bar() -> Result<Bar, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let calls = Mode::ALL.map(|mode| Ok((mode.to_string(), runtime.block_on(calls(mode))?)));
    let calls = calls.into_iter().collect::<Result<Vec<_>, String>>()?;
    Ok(Bar::among(
        format!("{AGAIN} refusals after the first: calls"),
        0.0,
        calls,
    ))
}

/// Of one environment that nothing is left for.
async fn calls(mode: Mode) -> Result<f64, String> {
    let scenario = Scenario {
        mode,
        per_second: mode.per_second(),
        environments: 1,
        load: 1.0,
        clocks: Clocks::Exact,
        requests: 0,
        seed: 0,
    };
    let limit = scenario.limit()?;
    let table = Table::new(model::apply);
    let environment = Environment::new(Connection::direct(Arc::clone(&table)));
    // Time stands still, so that nothing refills.
    while environment.check(&limit, START, &table).await.verdict == Verdict::Admitted {}
    let mut calls = 0;
    for _ in 0..AGAIN {
        let checked = environment.check(&limit, START, &table).await;
        if !matches!(
            checked.verdict,
            Verdict::RefusedFromMemory { wrongly: false } | Verdict::RefusedByCall
        ) {
            return Err(format!("{mode}: {checked:?} after a refusal"));
        }
        calls += checked.calls;
    }
    Ok(f64::from(calls))
}
