use proptest::prelude::*;
use tokio::time::advance;

use super::*;
use crate::testing::headers;

const LONG: Duration = Duration::from_secs(60);

fn rules() -> RetryRules {
    RetryRules {
        attempts: 3,
        when: vec![Cause::NoConnection, Cause::Status(StatusCode::SERVICE_UNAVAILABLE)],
        backoff: Duration::from_millis(100),
        percent: 20,
        methods: None,
    }
}

fn refused() -> Result<Response<Bytes>, CallError> {
    Err(CallError::Connect("refused".into()))
}

fn unavailable(lines: &[(&str, &str)]) -> Result<Response<Bytes>, CallError> {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    *answer.headers_mut() = headers(lines);
    Ok(answer)
}

#[test]
fn an_attempt_is_made_again_after_what_the_config_says() {
    let status = |number: u16| {
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = StatusCode::from_u16(number).expect("a status");
        Ok(answer)
    };
    let outcomes = [
        (Cause::NoConnection, refused()),
        (Cause::TimedOut, Err(CallError::Timeout(LONG))),
        (Cause::Broken, Err(CallError::Broken("reset".into()))),
        (Cause::Status(StatusCode::BAD_GATEWAY), status(502)),
        (Cause::Status(StatusCode::SERVICE_UNAVAILABLE), status(503)),
    ];
    for (named, _) in &outcomes {
        let rules = RetryRules {
            when: vec![*named],
            ..rules()
        };
        for (cause, outcome) in &outcomes {
            let again = rules.wait(1, &Method::GET, outcome, LONG, false).is_some();
            assert_eq!(again, cause == named, "{outcome:?} with {named:?}");
        }
        for never in [status(200), status(404), Err(CallError::TooLarge(1))] {
            assert_eq!(rules.wait(1, &Method::GET, &never, LONG, false), None, "{never:?}");
        }
    }
}

#[test]
fn only_what_is_idempotent_comes_twice_unless_it_never_left_or_the_config_says_so() {
    let idempotent = [
        Method::GET,
        Method::HEAD,
        Method::OPTIONS,
        Method::TRACE,
        Method::PUT,
        Method::DELETE,
    ];
    let own = RetryRules {
        methods: Some(vec![Method::POST]),
        ..rules()
    };
    for method in idempotent.iter().chain(&[Method::POST, Method::PATCH, Method::CONNECT]) {
        let again = |rules: &RetryRules, outcome| rules.wait(1, method, &outcome, LONG, false).is_some();
        assert_eq!(
            again(&rules(), unavailable(&[])),
            idempotent.contains(method),
            "{method}"
        );
        assert_eq!(again(&own, unavailable(&[])), *method == Method::POST, "{method}");
        assert!(again(&rules(), refused()) && again(&own, refused()), "{method}");
    }
}

#[test]
fn attempts_are_counted_with_the_first() {
    for (number, again) in [(1, true), (2, true), (3, false), (4, false)] {
        assert_eq!(
            rules().wait(number, &Method::GET, &refused(), LONG, false).is_some(),
            again,
            "{number}"
        );
    }
}

#[test]
fn an_upstream_is_left_alone_for_as_long_as_it_asks() {
    for (said, wait) in [("1", 1), ("2", 2), (" 59 ", 59)] {
        let found = rules().wait(1, &Method::GET, &unavailable(&[("retry-after", said)]), LONG, false);
        assert_eq!(found, Some(Duration::from_secs(wait)), "{said:?}");
    }
    // Longer than there is time, and what says no time.
    for said in [
        "60",
        "18446744073709551615",
        "99999999999999999999999",
        "+5",
        "Wed, 21 Oct 2026 07:28:00 GMT",
        "-1",
        "1.5",
        "soon",
        "",
    ] {
        let found = rules().wait(1, &Method::GET, &unavailable(&[("retry-after", said)]), LONG, false);
        assert_eq!(found, None, "{said:?}");
    }
}

proptest! {
    #[test]
    fn waiting_is_jittered_and_leaves_time_for_an_attempt(
        number in 1..=9_u32, backoff in 0..10_000_u64, left in 0..20_000_u64, asked in prop::option::of(0..20_u64),
    ) {
        let rules = RetryRules { attempts: 10, backoff: Duration::from_millis(backoff), ..rules() };
        let left = Duration::from_millis(left);
        let text = asked.map(|seconds| seconds.to_string());
        let said: Vec<_> = text.iter().map(|text| ("retry-after", text.as_str())).collect();
        let found = rules.wait(number, &Method::GET, &unavailable(&said), left, false);
        let asked = Duration::from_secs(asked.unwrap_or_default());
        let longest = (rules.backoff * 2_u32.pow(number - 1)).min(LONGEST_BACKOFF).max(asked);
        match found {
            Some(wait) => {
                prop_assert!(wait >= asked && wait <= longest);
                prop_assert!(wait + SHORTEST <= left);
            }
            None => prop_assert!(longest + SHORTEST > left),
        }
    }

    /// Over any traffic: no more than the share of calls, the floor, and what the environment began with.
    #[test]
    fn retries_stay_within_their_budget(
        percent in 1..=100_u32, calls in prop::collection::vec((0..500_u64, 0..5_usize), 1..300),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime");
        runtime.block_on(async {
            let (began, budget) = (Instant::now(), RetryBudget::new(percent));
            let mut taken = 0;
            for (number, (pause, wishes)) in calls.into_iter().enumerate() {
                advance(Duration::from_millis(pause)).await;
                budget.call();
                taken += (0..wishes).filter(|_| budget.take()).count();
                let share = (number + 1) * percent as usize;
                let floor = began.elapsed().as_millis() as usize / 100;
                prop_assert!(taken * 100 <= 100 + share + floor, "{taken} retries for {number} calls");
            }
            Ok(())
        })?;
    }
}

#[test]
fn not_all_wait_alike() {
    let waits: std::collections::HashSet<_> = (0..100)
        .map(|_| rules().wait(2, &Method::GET, &refused(), LONG, false))
        .collect();
    assert!(waits.len() > 50, "{} of 100 differ", waits.len());
}

#[tokio::test(start_paused = true)]
async fn a_quiet_service_has_a_retry_each_ten_seconds_and_ten_after_a_while() {
    let budget = RetryBudget::new(1);
    let takes = || (0..100).filter(|_| budget.take()).count();
    assert_eq!(takes(), 1, "what it begins with");
    for _ in 0..3 {
        advance(Duration::from_millis(9_900)).await;
        assert_eq!(takes(), 0);
        advance(Duration::from_millis(100)).await;
        assert_eq!(takes(), 1);
    }
    advance(Duration::from_secs(3600)).await;
    assert_eq!(takes(), 10);
}

#[tokio::test(start_paused = true)]
async fn every_call_brings_its_share() {
    let budget = RetryBudget::new(20);
    assert!(budget.take());
    for call in 1..=50 {
        budget.call();
        assert_eq!(budget.take(), call % 5 == 0, "after {call} calls");
    }
}
