use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn left(kind: EventKind, deadline: Timestamp) -> Duration {
    Budget::new(kind, NOW, deadline).left()
}

#[tokio::test(start_paused = true)]
async fn the_functions_deadline_bounds_a_request_less_a_reserve() {
    let deadline = NOW.plus(Duration::from_secs(3));
    assert_eq!(left(EventKind::Http, deadline), Duration::from_millis(2_750));
    assert_eq!(left(EventKind::Url, deadline), Duration::from_millis(2_750));
}

#[tokio::test(start_paused = true)]
async fn api_gateway_bounds_it_at_29_seconds_less_the_reserve_and_nothing_else_does() {
    let deadline = NOW.plus(Duration::from_secs(60));
    for kind in [EventKind::Http, EventKind::Rest] {
        assert_eq!(left(kind, deadline), Duration::from_millis(28_750));
    }
    for kind in [EventKind::Url, EventKind::Alb] {
        assert_eq!(left(kind, deadline), Duration::from_millis(59_750));
    }
}

#[tokio::test(start_paused = true)]
async fn another_front_door_bounds_it_as_well() {
    let within = |deadline| Budget::within(Duration::from_secs(10), NOW, deadline).left();
    assert_eq!(within(NOW.plus(Duration::from_secs(60))), Duration::from_millis(9_750));
    assert_eq!(within(NOW.plus(Duration::from_secs(3))), Duration::from_millis(2_750));
    assert_eq!(within(NOW), Duration::from_millis(9_750));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_already_past_is_unknown() {
    assert_eq!(
        left(EventKind::Http, Timestamp::from_millis(600_000)),
        Duration::from_millis(28_750)
    );
    assert_eq!(left(EventKind::Url, NOW), Duration::from_millis(899_750));
}

#[tokio::test(start_paused = true)]
async fn it_runs_out_and_stays_at_zero() {
    let budget = Budget::new(EventKind::Url, NOW, NOW.plus(Duration::from_secs(1)));
    tokio::time::advance(Duration::from_millis(700)).await;
    assert_eq!(budget.left(), Duration::from_millis(50));
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(budget.left(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_nearer_than_the_reserve_leaves_nothing() {
    assert_eq!(
        left(EventKind::Http, NOW.plus(Duration::from_millis(100))),
        Duration::ZERO
    );
}
