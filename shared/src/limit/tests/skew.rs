//! Clocks that are apart.

use super::*;

/// A second before a minute, and with it a day and a month, is over.
const LAST: u64 = 1_796_083_199;

/// An environment with a clock of its own.
fn environment(store: &Arc<ModelStore>, secs: u64) -> (Limiter, Arc<ManualClock>) {
    let clock = ManualClock::at(Timestamp::from_secs(secs));
    (limiter(store, &clock), clock)
}

/// Who is ahead sees the window end while the others still count in it.
#[tokio::test(start_paused = true)]
async fn who_is_ahead_takes_no_window_away_that_others_count_in() {
    for period in ["minute", "hour", "day", "month"] {
        let store = ModelStore::with([]);
        let set = Limits::quota(3, period).build();
        let ((ahead, its_clock), (behind, _)) = (environment(&store, LAST), environment(&store, LAST));
        for limiter in [&ahead, &behind, &ahead] {
            assert!(admitted(limiter, &set).await);
        }
        its_clock.advance(Duration::from_secs(2));
        for _ in 0..3 {
            assert!(admitted(&ahead, &set).await, "of the next {period}");
        }
        assert!(!admitted(&behind, &set).await, "three in this {period}");
        assert!(!admitted(&environment(&store, LAST).0, &set).await);
    }
}

/// The same within one environment: its clock is set back over the end of a window.
#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_opens_no_window_again() {
    let store = ModelStore::with([]);
    let set = Limits::quota(1, "minute").build();
    let (limiter, clock) = environment(&store, LAST);
    let mut admitted_in = std::collections::HashMap::<u64, u32>::new();
    for turn in 0..20_u64 {
        // Up to ten minutes, forth and back.
        clock.set(Timestamp::from_secs(LAST + turn % 4 * 200));
        *admitted_in.entry(clock.now().secs() / 60).or_default() += u32::from(admitted(&limiter, &set).await);
    }
    assert!(admitted_in.values().all(|admitted| *admitted == 1), "{admitted_in:?}");
}
