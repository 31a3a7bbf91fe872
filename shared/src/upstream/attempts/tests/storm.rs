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
        for (minute, most_kept) in [(first, 10), (second, 0)] {
            let extra = minute - calls;
            // A call that waits for its retries takes longer than its turn: one for each ten seconds counts by time.
            let by_time = 2 * 6;
            assert!(
                extra <= share + by_time + most_kept + 1,
                "{extra} retries at {percent}% of {calls}"
            );
            assert!(extra >= share, "{extra} retries: the budget is there to be used");
        }
    }
}

/// An environment serves one request at a time, so a service that hangs is asked seldom, and each call takes long. Time alone
/// must not pay for a retry of every call.
#[tokio::test(start_paused = true)]
async fn a_service_that_hangs_gets_hardly_more_than_its_calls() {
    let rules = RetryRules {
        percent: 20,
        ..retry(10)
    };
    let service = Upstream {
        retry: Some(rules),
        attempt_timeout: Some(Duration::from_secs(1)),
        ..service(1)
    };
    let mut world = world(service, |_, _| Act::Slow(Duration::from_secs(3_600), 200));
    world.call.timeout = Duration::from_secs(10);
    for _ in 0..100 {
        world.send(Method::GET).await.0.expect_err("no answer");
    }
    // A hundred, the twenty of its budget, and one for each ten seconds.
    assert!((120..=140).contains(&world.seen()), "{}", world.seen());
}
