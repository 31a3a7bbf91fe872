//! A minute without the upstream, under steady traffic.

use super::*;

/// So many calls a second, one after the other.
const CALLS: u64 = 50;

/// What an hour's quiet minute, a minute of failures and the minute after come to, in attempts for each.
async fn minutes(percent: u32, attempts: u32) -> [u64; 3] {
    let rules = RetryRules {
        percent,
        attempts,
        ..retry(2)
    };
    let world = world(
        Upstream {
            retry: Some(rules),
            ..service(2)
        },
        |_, number| match number {
            // The first minute's calls are all there are before it fails.
            1..=3000 => Act::Status(200),
            _ => Act::Status(503),
        },
    );
    let mut minutes = [0; 3];
    for minute in &mut minutes {
        let before = world.seen();
        for _ in 0..60 * CALLS {
            let due = Instant::now() + Duration::from_millis(1000 / CALLS);
            world.send(Method::GET).await.0.expect("an answer");
            tokio::time::sleep_until(due).await;
        }
        *minute = (world.seen() - before) as u64;
    }
    minutes
}

#[tokio::test(start_paused = true)]
async fn extra_traffic_stays_within_the_budget() {
    for (percent, attempts) in [(10, 2), (20, 2), (20, 10), (50, 3)] {
        let [quiet, first, second] = minutes(percent, attempts).await;
        let calls = 60 * CALLS;
        assert_eq!(quiet, calls, "nothing is retried that succeeds");
        let share = calls * u64::from(percent) / 100;
        for (minute, most_kept) in [(first, KEPT), (second, 0)] {
            let extra = minute - calls;
            // A call that waits for its retries takes longer than its turn: the floor counts by time.
            let floor = 2 * 60 * FLOOR;
            assert!(
                extra <= share + floor + most_kept + 1,
                "{extra} retries at {percent}% of {calls}"
            );
            assert!(extra >= share, "{extra} retries: the budget is there to be used");
        }
    }
}
