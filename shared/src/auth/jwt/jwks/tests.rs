use jsonwebtoken::Algorithm;

use super::*;
use crate::auth::jwt::issuer::MAX_BYTES;
use crate::auth::testing::{Answer, BUDGET, Issuer, ManualClock, MemoryStore, Signer, down, jwt, keys_of};
use crate::upstream::client::{CallError, CallLimits};

struct Source {
    keys: Arc<RemoteKeys>,
    issuer: Arc<Issuer>,
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
}

/// What became of one look-up.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Found,
    Refused,
    Unavailable,
}
use Outcome::{Found, Refused, Unavailable};

impl Source {
    fn new(answer: Answer) -> Self {
        Self::of(
            Issuer::new(answer),
            ManualClock::new(),
            Arc::new(MemoryStore::default()),
        )
    }

    fn of(issuer: Arc<Issuer>, clock: Arc<ManualClock>, store: Arc<MemoryStore>) -> Self {
        let rules = jwt();
        let asked = super::Issuer::new(&rules, issuer.clone(), clock.clone());
        let keys = Arc::new(RemoteKeys::new(asked, rules.max_stale, store.clone(), clock.clone()));
        Self {
            keys,
            issuer,
            clock,
            store,
        }
    }

    /// Another environment beside this one.
    fn beside(&self) -> Self {
        Self::of(self.issuer.clone(), self.clock.clone(), self.store.clone())
    }

    async fn find(&self, kid: &str) -> Outcome {
        outcome(&self.look_up(kid, BUDGET).await)
    }

    async fn look_up(&self, kid: &str, budget: Duration) -> Result<Arc<Key>, Refusal> {
        self.keys
            .find(
                Wanted {
                    kid: Some(kid),
                    algorithm: Algorithm::ES256,
                },
                budget,
            )
            .await
    }

    fn start(&self, kid: &str) -> tokio::task::JoinHandle<Outcome> {
        let (keys, kid) = (Arc::clone(&self.keys), kid.to_owned());
        tokio::spawn(async move {
            let wanted = Wanted {
                kid: Some(&kid),
                algorithm: Algorithm::ES256,
            };
            outcome(&keys.find(wanted, BUDGET).await)
        })
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn outcome(result: &Result<Arc<Key>, Refusal>) -> Outcome {
    match result {
        Ok(_) => Found,
        Err(Refusal::Invalid { .. }) => Refused,
        Err(Refusal::Unavailable { .. }) => Unavailable,
        Err(other) => panic!("{other:?}"),
    }
}

fn why(result: Result<Arc<Key>, Refusal>) -> (String, Duration) {
    match result {
        Err(Refusal::Unavailable { why, retry_after, .. }) => (why, retry_after),
        other => panic!("{other:?}"),
    }
}

fn slowly(answer: Answer) -> Answer {
    Answer::Slowly(Duration::from_millis(100), Box::new(answer))
}

fn keys(kids: &[&'static str]) -> Answer {
    let signers: Vec<Signer> = kids.iter().map(|kid| Signer::es256(kid)).collect();
    keys_of(&signers)
}

#[tokio::test(start_paused = true)]
async fn fetched_lazily_once_and_kept_for_ten_minutes() {
    let source = Source::new(keys(&["a"]));
    assert_eq!(source.issuer.calls(), 0);
    for _ in 0..5 {
        assert_eq!(source.find("a").await, Found);
    }
    source.advance(599);
    assert_eq!(source.find("a").await, Found);
    assert_eq!(source.issuer.calls(), 1);
    source.advance(1);
    assert_eq!(source.find("a").await, Found);
    assert_eq!(source.issuer.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_request_is_bounded_and_bears_nothing() {
    let source = Source::new(keys(&["a"]));
    source.look_up("a", Duration::from_millis(700)).await.unwrap();
    let (request, limits) = source.issuer.last.lock().unwrap().take().unwrap();
    assert_eq!(request.uri(), "https://issuer.test/keys?v=1");
    assert_eq!(request.method(), http::Method::GET);
    assert!(request.body().is_empty() && !request.headers().contains_key(http::header::AUTHORIZATION));
    let timeout = Duration::from_millis(700);
    assert_eq!(
        limits,
        CallLimits {
            connect_timeout: Duration::from_secs(1),
            timeout,
            max_body: 1024 * 1024
        }
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_two_seconds_or_the_budget() {
    for (budget, expected) in [(9_000, 2_000), (2_000, 2_000), (500, 500), (0, 0)] {
        let source = Source::new(Answer::Never);
        let began = Instant::now();
        let (why, _) = why(source.look_up("a", Duration::from_millis(budget)).await);
        assert_eq!(began.elapsed(), Duration::from_millis(expected), "{why}");
        assert_eq!(source.issuer.calls(), usize::from(budget > 0));
    }
    assert!(Source::new(keys(&["a"])).look_up("a", Duration::MAX).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_no_key_set_are_503_and_say_why() {
    let json = |text: &str| Answer::Status(200, text.as_bytes().to_vec());
    let one_too_many = [br#"{"keys":[]}"#.to_vec(), vec![b' '; MAX_BYTES]].concat();
    let mut reasons = Vec::new();
    for answer in [
        down(),
        Answer::Fails(CallError::Timeout(Duration::from_secs(2))),
        Answer::Fails(CallError::Broken("reset".into())),
        Answer::Fails(CallError::TooLarge(MAX_BYTES)),
        Answer::Status(500, b"{\"keys\":[]}".to_vec()),
        Answer::Status(404, vec![]),
        Answer::Status(301, vec![]),
        Answer::Status(302, vec![]),
        Answer::Status(304, vec![]),
        Answer::Status(204, vec![]),
        Answer::Status(206, br#"{"keys":[]}"#.to_vec()),
        Answer::Status(200, one_too_many),
        Answer::Status(200, vec![0xff, 0xfe]),
        json(""),
        json("<html>"),
        json("{}"),
        json(r#"{"keys":[],"keys":[]}"#),
        json(r#"{"keys":[]}"#),
        json(r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#),
    ] {
        let source = Source::new(answer);
        let (why, retry_after) = why(source.look_up("a", BUDGET).await);
        assert_eq!(retry_after, BACK_OFF, "{why}");
        reasons.push(why);
    }
    insta::assert_snapshot!(reasons.join("\n"), @r#"
    no key set from https://issuer.test/keys: cannot connect: refused
    no key set from https://issuer.test/keys: no whole answer within 2s
    no key set from https://issuer.test/keys: broken answer: reset
    no key set from https://issuer.test/keys: the answer is larger than 1048576 bytes
    no key set from https://issuer.test/keys: status 500
    no key set from https://issuer.test/keys: status 404
    no key set from https://issuer.test/keys: status 301: redirects are not followed, the config must have the last address
    no key set from https://issuer.test/keys: status 302: redirects are not followed, the config must have the last address
    no key set from https://issuer.test/keys: status 304: redirects are not followed, the config must have the last address
    no key set from https://issuer.test/keys: status 204
    no key set from https://issuer.test/keys: status 206
    no key set from https://issuer.test/keys: the answer is larger than 1048576 bytes
    no key set from https://issuer.test/keys: the answer is not one JSON object without duplicate members
    no key set from https://issuer.test/keys: the answer is not one JSON object without duplicate members
    no key set from https://issuer.test/keys: the answer is not one JSON object without duplicate members
    no key set from https://issuer.test/keys: the answer has no list named keys
    no key set from https://issuer.test/keys: the answer is not one JSON object without duplicate members
    the key set of https://issuer.test/keys has no key for signatures (0 usable)
    the key set of https://issuer.test/keys has no key for signatures (0 usable; left out key 0: its kty is not RSA, EC or OKP)
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_failed_first_fetch_is_not_repeated_for_a_second() {
    let source = Source::new(down());
    assert_eq!(source.find("a").await, Unavailable);
    source.issuer.answers(keys(&["a"]));
    source.clock.advance(Duration::from_millis(400));
    let (_, retry_after) = why(source.look_up("a", BUDGET).await);
    assert_eq!((retry_after, source.issuer.calls()), (Duration::from_millis(600), 1));
    source.clock.advance(Duration::from_millis(600));
    assert_eq!(source.find("a").await, Found);
    assert_eq!(source.issuer.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_new_is_fetched_at_once() {
    let source = Source::new(keys(&["a"]));
    assert_eq!(source.find("a").await, Found);
    source.issuer.answers(keys(&["a", "b"]));
    assert_eq!(source.find("b").await, Found);
    assert_eq!(source.find("a").await, Found);
    assert_eq!(source.issuer.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_withdrawn_stops_with_the_next_fetch() {
    let source = Source::new(keys(&["a", "b"]));
    assert_eq!(source.find("a").await, Found);
    source.issuer.answers(keys(&["b"]));
    source.advance(600);
    assert_eq!(source.find("b").await, Found);
    assert_eq!(source.find("a").await, Refused);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_unknown_keys_costs_one_fetch_an_interval() {
    for answer in [keys(&["a"]), down()] {
        let source = Source::new(keys(&["a"]));
        assert_eq!(source.find("a").await, Found);
        source.issuer.answers(answer);
        // Ten minutes less one interval, so that the set stays fresh: 19 intervals.
        for second in 0..570_u64 {
            assert_ne!(source.find(&format!("random-{second}")).await, Found);
            assert_eq!(source.find("a").await, Found);
            source.advance(1);
        }
        assert_eq!(source.issuer.calls(), 1 + 19);
    }
}

/// Neither a stranger's miss nor a failed fetch makes a valid token of the newest key a wrong one.
#[tokio::test(start_paused = true)]
async fn a_key_that_may_be_newer_than_the_set_is_never_called_wrong() {
    for hiccup in [keys(&["a"]), down(), Answer::Status(500, vec![])] {
        let source = Source::new(keys(&["a"]));
        assert_eq!(source.find("a").await, Found);
        source.issuer.answers(hiccup);
        assert_ne!(source.find("stranger").await, Found);
        source.issuer.answers(keys(&["a", "b"]));
        source.advance(1);
        let (said, retry_after) = why(source.look_up("b", BUDGET).await);
        assert!(said.starts_with("no key for the token"), "{said}");
        assert_eq!(retry_after, INTERVAL - Duration::from_secs(1));
        source.clock.advance(retry_after);
        assert_eq!(source.find("b").await, Found, "who comes back as told gets in");
    }
}

/// Clients with old tokens are told so, however many old keys there are: at the latest after the next fetch.
#[tokio::test(start_paused = true)]
async fn every_key_that_is_gone_is_called_so_after_one_interval() {
    let source = Source::new(keys(&["a"]));
    assert_eq!(source.find("a").await, Found);
    assert_eq!(source.find("old-1").await, Refused);
    assert_eq!(source.find("old-2").await, Unavailable);
    assert_eq!(source.find("old-3").await, Unavailable);
    source.advance(30);
    for old in ["old-3", "old-2", "old-1"] {
        assert_eq!(source.find(old).await, Refused);
    }
    assert_eq!(source.issuer.calls(), 3);
    // One that comes back is found by the next fetch.
    source.issuer.answers(keys(&["a", "old-2"]));
    source.advance(30);
    assert_eq!(source.find("old-2").await, Found);
}

#[tokio::test(start_paused = true)]
async fn a_flood_at_the_very_start_does_too() {
    let source = Source::new(keys(&["a"]));
    assert_eq!(source.find("random").await, Refused);
    for number in 0..63 {
        // Whether there is such a key by now, nobody can tell before the interval is over.
        assert_eq!(source.find(&format!("random-{number}")).await, Unavailable);
        assert_eq!(source.find("random").await, Refused, "the one that was looked for");
    }
    assert_eq!(source.issuer.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn sixty_four_at_once_make_one_fetch() {
    for (answer, kid, expected) in [
        (keys(&["a"]), "a", Found),
        (keys(&["a"]), "b", Refused),
        (down(), "a", Unavailable),
    ] {
        let source = Source::new(slowly(answer));
        let tasks: Vec<_> = (0..64).map(|_| source.start(kid)).collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), expected, "{kid}");
        }
        assert_eq!(source.issuer.calls(), 1, "{kid}");
    }
}

#[tokio::test(start_paused = true)]
async fn sixty_four_with_a_new_key_wait_for_the_one_fetch() {
    let source = Source::new(keys(&["a"]));
    assert_eq!(source.find("a").await, Found);
    source.issuer.answers(slowly(keys(&["a", "b"])));
    let tasks: Vec<_> = (0..64)
        .map(|n| source.start(if n % 2 == 0 { "b" } else { "random" }))
        .collect();
    tokio::task::yield_now().await;
    // Whose key is known does not wait.
    let began = Instant::now();
    assert_eq!(source.find("a").await, Found);
    assert_eq!(began.elapsed(), Duration::ZERO);
    for (n, task) in tasks.into_iter().enumerate() {
        let outcome = task.await.unwrap();
        assert!(
            if n % 2 == 0 { outcome == Found } else { outcome != Found },
            "{n}: {outcome:?}"
        );
    }
    // One for "b", whoever asked first; at most one more for "random", which may have come first or not.
    assert!(source.issuer.calls() <= 3, "{}", source.issuer.calls());
}

#[tokio::test(start_paused = true)]
async fn an_old_set_serves_while_the_issuer_is_down_for_a_day() {
    let source = Source::new(keys(&["a"]));
    assert_eq!(source.find("a").await, Found);
    source.issuer.answers(down());
    for _ in 0..24 * 60 - 1 {
        source.advance(60);
        assert_eq!(source.find("a").await, Found);
    }
    source.advance(60);
    assert_eq!(source.find("a").await, Found, "24 h to the second");
    source.advance(1);
    assert_eq!(source.find("a").await, Unavailable);
    source.issuer.answers(keys(&["a"]));
    source.advance(1);
    assert_eq!(source.find("a").await, Found);
}

#[tokio::test(start_paused = true)]
async fn an_old_set_is_asked_for_again_once_an_interval() {
    let source = Source::new(keys(&["a"]));
    assert_eq!(source.find("a").await, Found);
    source.issuer.answers(down());
    source.advance(600);
    for _ in 0..60 {
        assert_eq!(source.find("a").await, Found);
        assert_eq!(source.find("random").await, Unavailable);
        source.advance(1);
    }
    assert_eq!(
        source.issuer.calls(),
        1 + 2,
        "known and unknown keys share the interval of a failed fetch"
    );
}

#[tokio::test(start_paused = true)]
async fn one_request_refreshes_an_old_set_and_no_other_waits() {
    let source = Source::new(keys(&["a"]));
    assert_eq!(source.find("a").await, Found);
    source.issuer.answers(slowly(keys(&["a"])));
    source.advance(600);
    let first = source.start("a");
    tokio::task::yield_now().await;
    let began = Instant::now();
    for _ in 0..63 {
        assert_eq!(source.find("a").await, Found);
    }
    assert_eq!((began.elapsed(), source.issuer.calls()), (Duration::ZERO, 2));
    assert_eq!(first.await.unwrap(), Found);
}

/// An issuer that says it has no keys any more means it.
#[tokio::test(start_paused = true)]
async fn an_empty_set_takes_the_old_one_away() {
    let source = Source::new(keys(&["a"]));
    assert_eq!(source.find("a").await, Found);
    source.issuer.answers(keys(&[]));
    source.advance(600);
    assert_eq!(source.find("a").await, Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_request_dropped_half_way_lets_the_next_one_fetch() {
    let source = Source::new(Answer::Never);
    let first = source.start("a");
    let waiting = source.start("a");
    tokio::task::yield_now().await;
    assert_eq!(source.issuer.calls(), 1);
    source.issuer.answers(keys(&["a"]));
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let began = Instant::now();
    assert_eq!(waiting.await.unwrap(), Found);
    assert_eq!(source.find("a").await, Found);
    assert_eq!((began.elapsed(), source.issuer.calls()), (Duration::ZERO, 2));
}

#[tokio::test(start_paused = true)]
async fn dropped_requests_for_unknown_keys_count_as_a_fetch() {
    let source = Source::new(keys(&["a"]));
    assert_eq!(source.find("a").await, Found);
    source.issuer.answers(Answer::Never);
    for _ in 0..10 {
        let task = source.start("random");
        tokio::task::yield_now().await;
        task.abort();
        let _ = task.await;
    }
    assert_eq!(source.issuer.calls(), 2);
    assert_eq!(source.find("a").await, Found);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_another_fetch_ends_in_time() {
    let source = Source::new(Answer::Never);
    let first = source.start("a");
    tokio::task::yield_now().await;
    let began = Instant::now();
    let outcome = source.look_up("a", Duration::from_millis(300)).await;
    assert_eq!(why(outcome).0, "the key set was not fetched within this request's time");
    assert_eq!(began.elapsed(), Duration::from_millis(300));
    assert_eq!(first.await.unwrap(), Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_does_not_stop_fetches() {
    let source = Source::new(down());
    assert_eq!(source.find("a").await, Unavailable);
    source.clock.set(Timestamp::from_secs(1_000_000_000));
    source.issuer.answers(keys(&["a"]));
    assert_eq!(source.find("a").await, Found);
    source.clock.set(Timestamp::from_secs(999_990_000));
    source.issuer.answers(keys(&["b"]));
    assert_eq!(source.find("b").await, Found, "old by the clock, so asked for again");
}

/// Ten minutes in which no environment can reach the issuer, then a new environment, still without it.
#[tokio::test(start_paused = true)]
async fn keys_outlive_the_issuer_and_the_environment() {
    let first = Source::new(keys(&["a"]));
    assert_eq!(first.find("a").await, Found);
    first.issuer.answers(down());
    for _ in 0..20 {
        first.advance(30);
        assert_eq!(first.find("a").await, Found);
    }
    let second = first.beside();
    assert_eq!(second.find("a").await, Found, "cold, and the issuer is down");
    assert_eq!(second.find("random").await, Unavailable);
    first.advance(24 * 60 * 60);
    assert_eq!(
        first.beside().find("a").await,
        Unavailable,
        "what is kept gets old as well"
    );
}

#[tokio::test(start_paused = true)]
async fn environments_share_a_fetch() {
    let first = Source::new(keys(&["a"]));
    let others = [first.beside(), first.beside(), first.beside()];
    assert_eq!(first.find("a").await, Found);
    for other in &others {
        assert_eq!(other.find("a").await, Found);
    }
    assert_eq!(first.issuer.calls(), 1);
    // Its age counts from the fetch, not from when an environment took it over.
    first.advance(600);
    for other in &others {
        assert_eq!(other.find("a").await, Found);
    }
    assert_eq!(first.issuer.calls(), 2);
    assert_eq!(first.store.writes(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_looked_for_in_what_others_fetched_before_the_issuer_is_asked() {
    let first = Source::new(keys(&["a"]));
    let second = first.beside();
    assert_eq!((first.find("a").await, second.find("a").await), (Found, Found));
    first.issuer.answers(keys(&["a", "b"]));
    first.advance(1);
    assert_eq!((first.find("b").await, first.issuer.calls()), (Found, 2));
    assert_eq!((second.find("b").await, first.issuer.calls()), (Found, 2));
    // What nobody has is asked for all the same.
    assert_eq!((second.find("c").await, first.issuer.calls()), (Refused, 3));
}

#[tokio::test(start_paused = true)]
async fn what_an_issuer_has_withdrawn_is_not_taken_from_the_table() {
    let first = Source::new(keys(&["a"]));
    assert_eq!(first.find("a").await, Found);
    first.issuer.answers(keys(&[]));
    first.advance(600);
    assert_eq!(first.find("a").await, Unavailable);
    first.issuer.answers(down());
    assert_eq!(first.beside().find("a").await, Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_down_or_holds_nonsense_changes_nothing() {
    let source = Source::new(keys(&["a"]));
    source.store.goes_down();
    assert_eq!(source.find("a").await, Found);
    source.store.comes_back();
    let nonsense = StoredKeySet {
        body: "<html>".into(),
        fetched_at: source.clock.now().plus(Duration::from_secs(1)),
    };
    for kept in source.store.key_sets.lock().unwrap().values_mut() {
        *kept = nonsense.clone();
    }
    let name = "https://issuer.test/keys?v=1".to_owned();
    source.store.key_sets.lock().unwrap().insert(name, nonsense);
    assert_eq!(source.find("random").await, Refused);
    assert_eq!(source.beside().find("a").await, Found);
}

/// A clock that runs ahead somewhere must not make its set fresh for ever elsewhere.
#[tokio::test(start_paused = true)]
async fn a_set_from_the_future_is_asked_for_again() {
    let source = Source::new(keys(&["a"]));
    source.clock.advance(Duration::from_secs(3600));
    assert_eq!(source.find("a").await, Found);
    source.clock.set(Timestamp::from_secs(crate::auth::testing::NOW));
    let other = source.beside();
    source.issuer.answers(keys(&["b"]));
    assert_eq!(other.find("b").await, Found);
}
