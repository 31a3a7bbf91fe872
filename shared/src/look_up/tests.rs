use std::sync::atomic::{AtomicU32, Ordering};

use tokio::time::Instant;

use super::*;

/// A table that counts what it is asked.
#[derive(Default)]
struct Table {
    look_ups: LookUps,
    calls: AtomicU32,
}

impl Table {
    async fn stall(&self, within: Duration) -> StoreError {
        let call = async {
            self.calls.fetch_add(1, Ordering::SeqCst);
            std::future::pending().await
        };
        self.look_ups.make::<()>(within, call).await.unwrap_err()
    }

    async fn answer(&self, answer: Result<(), StoreError>) -> Result<(), StoreError> {
        let call = async {
            self.calls.fetch_add(1, Ordering::SeqCst);
            answer
        };
        self.look_ups.make(LOOK_UP, call).await
    }

    fn calls(&self) -> u32 {
        self.calls.swap(0, Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn a_stall_costs_two_look_ups_150_milliseconds_and_then_one_a_second() {
    let table = Table::default();
    let mut waited = Vec::new();
    for _ in 0..40 {
        let before = Instant::now();
        table.stall(Duration::from_secs(20)).await;
        waited.push(before.elapsed().as_millis());
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    assert_eq!(waited[..2], [150, 150]);
    assert!(waited.iter().all(|waited| *waited == 0 || *waited == 150), "{waited:?}");
    let probes = waited[2..].iter().filter(|waited| **waited == 150).count();
    assert_eq!((probes, table.calls()), (3, 5), "{waited:?}");

    // Back again: the next probe finds out, and after it everybody is answered.
    tokio::time::advance(Duration::from_secs(1)).await;
    for _ in 0..20 {
        assert_eq!(table.answer(Ok(())).await, Ok(()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_no_longer_than_it_may() {
    let table = Table::default();
    for (within, waits) in [(0, 0), (1, 1), (60, 60), (150, 150)] {
        let before = Instant::now();
        table.stall(Duration::from_millis(within)).await;
        assert_eq!(before.elapsed(), Duration::from_millis(waits));
    }
    assert_eq!(table.calls(), 3, "without time there is no call");
}

/// Else a slow quota table would make the config table pass for one that is down.
#[tokio::test(start_paused = true)]
async fn waits_that_were_cut_short_do_not_pass_for_a_stall() {
    let table = Table::default();
    for _ in 0..3 {
        let error = table.stall(Duration::from_millis(49)).await;
        assert_eq!(error, StoreError::Ambiguous("no answer within 49 ms".into()));
    }
    assert_eq!(table.answer(Ok(())).await, Ok(()));
    for _ in 0..2 {
        let error = table.stall(Duration::from_millis(50)).await;
        assert_eq!(error, StoreError::TimedOut("no answer within 50 ms".into()));
    }
    let refused = StoreError::NotApplied("the table has not answered lately".into());
    assert_eq!(table.answer(Ok(())).await, Err(refused));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_outage_ends_no_calls() {
    for error in [
        StoreError::Throttled {
            why: "too much".into(),
            one_key: false,
        },
        StoreError::Malformed("not an object".into()),
        StoreError::NoTable("CONFIG_TABLE"),
    ] {
        let table = Table::default();
        for _ in 0..20 {
            assert_eq!(table.answer(Err(error.clone())).await, Err(error.clone()));
        }
        assert_eq!(table.calls(), 20);
    }
}

#[tokio::test(start_paused = true)]
async fn clones_share_what_they_know_and_tables_do_not() {
    let tables = TableLookUps::default();
    let keys = Table {
        look_ups: tables.config.clone(),
        ..Table::default()
    };
    let plans = Table {
        look_ups: tables.clone().config,
        ..Table::default()
    };
    let sessions = Table {
        look_ups: tables.state,
        ..Table::default()
    };
    keys.stall(LOOK_UP).await;
    plans.stall(LOOK_UP).await;
    plans.stall(LOOK_UP).await;
    keys.stall(LOOK_UP).await;
    assert_eq!((keys.calls(), plans.calls()), (1, 1));
    assert_eq!(sessions.answer(Ok(())).await, Ok(()));
}
