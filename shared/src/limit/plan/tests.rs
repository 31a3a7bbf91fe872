use std::time::Duration;

use serde_json::json;

use super::*;
use crate::api_key::{ApiKey, ApiKeyRecord, KeyStatus};
use crate::auth::Proof;
use crate::auth::testing::{ManualClock, MemoryStore, proven};
use crate::limit::testing::Limits;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

struct World {
    plans: Plans,
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
}

fn free() -> Arc<RuleSet> {
    Arc::new(Limits::quota(10, "day").named("free").build())
}

/// `free` in the config, `claim:tier` names a plan; `gold` in the table.
fn rules() -> PlanRules {
    PlanRules {
        named: BTreeMap::from([("free".to_owned(), free())]),
        claim: Some(ClaimPath::of_name("tier")),
        default: None,
    }
}

fn document(name: &str, requests: u64) -> PlanDocument {
    let text = json!({ "quota": { "requests": requests, "per": "month" } }).to_string();
    PlanDocument::parse(name, &format!("PLAN#{name}"), &text).unwrap()
}

impl World {
    fn with(rules: Option<PlanRules>) -> Self {
        let (store, clock) = (Arc::new(MemoryStore::default()), ManualClock::at(NOW));
        let world = Self {
            plans: Plans::new(rules, LookUps::default(), store.clone(), clock.clone()),
            store,
            clock,
        };
        world.keep("gold", 1_000);
        world
    }

    fn keep(&self, name: &str, requests: u64) {
        let plan = PlanRecord {
            name: name.to_owned(),
            limits: document(name, requests),
            created_at: NOW,
            updated_at: NOW,
        };
        self.store.plans.lock().unwrap().insert(name.to_owned(), plan);
    }

    /// What the plan of this caller is called, and its quota.
    async fn of(&self, identity: &Identity) -> Option<(String, u64)> {
        let plan = self.plans.of(identity, 1, &mut Patience::default()).await.unwrap()?;
        let quota = plan.quotas.first().map_or(0, |quota| quota.requests.get());
        Some((plan.name.to_string(), quota))
    }

    /// How long it takes to say that a plan cannot be read, for a request that may wait so long.
    async fn unread(&self, name: &str, patience: Duration) -> Duration {
        let before = Instant::now();
        let unread = self.plans.of(&key_with(name), 1, &mut Patience(patience)).await;
        let unread = unread.unwrap_err();
        assert_eq!(
            (unread.status().as_u16(), unread.code()),
            (503, "limit_store_unavailable")
        );
        before.elapsed()
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        tokio::time::advance(time).await;
    }

    async fn refused(&self, identity: &Identity, cost: u32) -> (&'static str, String) {
        match self.plans.of(identity, cost, &mut Patience::default()).await {
            Err(error @ GatewayError::PlanRefused { .. }) => {
                assert_eq!(error.status(), 403);
                (error.code(), error.detail().unwrap())
            }
            other => panic!("{other:?}"),
        }
    }
}

fn some(name: &str, quota: u64) -> Option<(String, u64)> {
    Some((name.to_owned(), quota))
}

fn key(change: impl FnOnce(&mut ApiKeyRecord)) -> Identity {
    let text = ApiKey::generate().unwrap();
    let mut record = ApiKeyRecord {
        id: text.id().to_owned(),
        hash: text.hash(),
        previous: None,
        status: KeyStatus::Active,
        owner: "ann".into(),
        plan: None,
        plan_expires_at: None,
        limits: None,
        scopes: Vec::new(),
        expires_at: None,
        created_at: NOW,
        name: None,
    };
    change(&mut record);
    let by_token = proven(json!({}));
    let method = by_token.proofs().next().unwrap().method.clone();
    let proof = Proof {
        claims: Arc::new(record.claims()),
        method,
        api_key: Some(Arc::new(record)),
    };
    Identity::of(vec![proof]).unwrap()
}

fn key_with(plan: &str) -> Identity {
    key(|record| record.plan = Some(plan.to_owned()))
}

#[tokio::test]
async fn a_plan_is_found_in_the_config_or_else_in_the_table() {
    let world = World::with(Some(rules()));
    assert_eq!(world.of(&key_with("free")).await, some("free", 10));
    assert_eq!(world.store.reads(), 0);
    assert_eq!(world.of(&key_with("gold")).await, some("gold", 1_000));
    assert_eq!(world.of(&proven(json!({ "tier": "gold" }))).await, some("gold", 1_000));
    assert_eq!(world.store.reads(), 1, "remembered");
    // A plan in the table cannot change one of the config.
    world.keep("free", 7);
    assert_eq!(world.of(&key_with("free")).await, some("free", 10));
}

#[tokio::test]
async fn who_names_none_has_none_or_the_default() {
    let world = World::with(Some(rules()));
    for nobody in [
        key(|_| ()),
        proven(json!({})),
        proven(json!({ "tier": "" })),
        proven(json!({ "tier": ["gold"] })),
    ] {
        assert_eq!(world.of(&nobody).await, None);
    }
    let default = PlanRules {
        default: Some(free()),
        ..rules()
    };
    let world = World::with(Some(default));
    assert_eq!(world.of(&key(|_| ())).await, some("free", 10));
    assert_eq!(world.of(&proven(json!({ "tier": "gold" }))).await, some("gold", 1_000));
}

/// A token's own claims say nothing of its plan unless the config says which does.
#[tokio::test]
async fn a_claim_names_a_plan_only_where_the_config_says_so() {
    let without = PlanRules { claim: None, ..rules() };
    let world = World::with(Some(without));
    assert_eq!(world.of(&proven(json!({ "tier": "gold", "plan": "gold" }))).await, None);
    assert_eq!(
        World::with(None).of(&key_with("gold")).await,
        None,
        "no section, no plans"
    );
}

#[tokio::test]
async fn limits_of_a_key_s_own_stand_in_the_place_of_its_plan() {
    let world = World::with(Some(rules()));
    let own = PlanDocument::parse("key", "KEY#a", r#"{"quota":{"requests":3,"per":"day"}}"#).unwrap();
    let caller = key(|record| {
        record.plan = Some("gold".into());
        record.limits = Some(own);
    });
    assert_eq!(world.of(&caller).await, some("key", 3));
}

#[tokio::test]
async fn an_unknown_plan_lets_nothing_through_and_is_looked_for_again_after_five_seconds() {
    let world = World::with(Some(rules()));
    for _ in 0..10 {
        let (code, why) = world.refused(&key_with("platinum"), 1).await;
        assert_eq!(
            (code, &*why),
            (
                "plan_unknown",
                "\"platinum\" is neither in the config nor in the config table"
            )
        );
    }
    assert_eq!(world.store.reads(), 1);
    world.keep("platinum", 9);
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(world.of(&key_with("platinum")).await, some("platinum", 9));
}

#[tokio::test]
async fn a_changed_plan_takes_effect_within_thirty_seconds() {
    let world = World::with(Some(rules()));
    assert_eq!(world.of(&key_with("gold")).await, some("gold", 1_000));
    world.keep("gold", 5);
    world.clock.advance(Duration::from_secs(29));
    assert_eq!(world.of(&key_with("gold")).await, some("gold", 1_000));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.of(&key_with("gold")).await, some("gold", 5));
}

#[tokio::test]
async fn a_plan_that_has_ended_lets_nothing_through() {
    let world = World::with(Some(rules()));
    let caller = key(|record| {
        record.plan = Some("gold".into());
        record.plan_expires_at = Some(Timestamp::from_secs(1_800_000_060));
    });
    assert_eq!(world.of(&caller).await, some("gold", 1_000));
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.refused(&caller, 1).await.0, "plan_expired");
    assert_eq!(World::with(None).of(&caller).await, None, "where nobody has a plan");
}

#[tokio::test]
async fn a_plan_too_small_for_one_request_says_so() {
    let world = World::with(Some(rules()));
    let (code, why) = world.refused(&key_with("free"), 11).await;
    let expected = "a request of cost 11 is more than /rate_limiting/default ever lets through";
    assert_eq!((code, &*why), ("plan_too_small", expected));
}

#[tokio::test(start_paused = true)]
async fn while_the_table_is_down_a_plan_is_what_it_was() {
    let world = World::with(Some(rules()));
    assert_eq!(world.of(&key_with("gold")).await, some("gold", 1_000));
    world.store.goes_down();
    world.clock.advance(Duration::from_secs(3_600));
    assert_eq!(world.of(&key_with("gold")).await, some("gold", 1_000));
    assert_eq!(world.unread("silver", Duration::from_millis(150)).await, Duration::ZERO);
    assert_eq!(
        world.of(&key_with("free")).await,
        some("free", 10),
        "those of the config need no table"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stall_costs_a_plan_that_was_read_one_look_up_a_second() {
    let world = World::with(Some(rules()));
    assert_eq!(world.of(&key_with("gold")).await, some("gold", 1_000));
    world.clock.advance(Duration::from_secs(30));
    world.store.stalls();
    let (began, mut waits) = (Instant::now(), Vec::new());
    for _ in 0..100 {
        let before = Instant::now();
        assert_eq!(world.of(&key_with("gold")).await, some("gold", 1_000));
        waits.push(before.elapsed().as_millis());
        world.pass(Duration::from_millis(100)).await;
    }
    let waited = waits.iter().filter(|waited| **waited > 0).count();
    assert!(waits.iter().all(|waited| *waited == 0 || *waited == 150), "{waits:?}");
    assert_eq!(waited, world.store.reads() - 1, "{waits:?}");
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
    assert!((3..=seconds).contains(&waited), "{waited} in {seconds} s");

    world.store.comes_back();
    world.keep("gold", 5);
    world.pass(Duration::from_secs(2)).await;
    assert_eq!(world.of(&key_with("gold")).await, some("gold", 5));
}

/// Without a time-out: a table that refuses or is throttled is not asked by every request either.
#[tokio::test(start_paused = true)]
async fn whatever_is_wrong_a_plan_that_was_read_is_read_again_once_a_second() {
    for error in [
        StoreError::Throttled {
            why: "too much".into(),
            one_key: false,
        },
        StoreError::NotApplied("connection refused".into()),
        StoreError::Malformed("`limits` is not right".into()),
    ] {
        let world = World::with(Some(rules()));
        assert_eq!(world.of(&key_with("gold")).await, some("gold", 1_000));
        world.clock.advance(Duration::from_secs(30));
        *world.store.down.lock().unwrap() = Some(error);
        for second in 1..=4 {
            for _ in 0..10 {
                assert_eq!(world.of(&key_with("gold")).await, some("gold", 1_000));
            }
            assert_eq!(world.store.reads(), 1 + second);
            world.pass(Duration::from_secs(1)).await;
        }
        world.store.comes_back();
        world.keep("gold", 5);
        assert_eq!(world.of(&key_with("gold")).await, some("gold", 5));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stall_costs_two_requests_with_plans_that_nobody_knows_yet_150_milliseconds() {
    let world = World::with(Some(rules()));
    world.store.stalls();
    let mut waits = Vec::new();
    for n in 0..40 {
        let waited = world
            .unread(&format!("plan-{}", n % 7), Duration::from_millis(150))
            .await;
        waits.push(waited.as_millis());
        world.pass(Duration::from_millis(100)).await;
    }
    assert_eq!(waits[..2], [150, 150]);
    let probes = waits[2..].iter().filter(|waited| **waited > 0).count();
    assert_eq!((probes, world.store.reads()), (3, 5), "{waits:?}");
    world.store.comes_back();
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(world.of(&key_with("gold")).await, some("gold", 1_000));
}

#[tokio::test(start_paused = true)]
async fn reading_a_plan_takes_what_other_checks_have_left_and_is_taken_from_those_after_it() {
    let world = World::with(Some(rules()));
    world.store.stalls();
    let left = Duration::from_millis(70);
    assert_eq!(world.unread("gold", left).await, left);
    assert_eq!(world.unread("gold", Duration::ZERO).await, Duration::ZERO);
    assert_eq!(world.store.reads(), 1, "no time, no call");
    let mut patience = Patience(left);
    world.plans.of(&key_with("gold"), 1, &mut patience).await.unwrap_err();
    assert_eq!(patience.0, Duration::ZERO);
}

/// Requests at the same time do not all read a plan again.
#[tokio::test(start_paused = true)]
async fn one_of_many_reads_a_plan_again() {
    let world = World::with(Some(rules()));
    assert_eq!(world.of(&key_with("gold")).await, some("gold", 1_000));
    world.clock.advance(Duration::from_secs(30));
    world.store.stalls();
    let caller = key_with("gold");
    let all = futures_util::future::join_all((0..64).map(|_| world.of(&caller))).await;
    assert!(all.iter().all(|plan| *plan == some("gold", 1_000)));
    assert_eq!(world.store.reads(), 2);
}

#[test]
fn what_is_wrong_with_a_plan_is_said_with_its_item() {
    let why = |text: &str| PlanDocument::parse("gold", "PLAN#gold", text).unwrap_err();
    insta::assert_snapshot!(why("{}"), @"PLAN#gold:1: a plan that limits nothing: rate_limit, quota, or both");
    insta::assert_snapshot!(why("[]"), @"PLAN#gold: this is no JSON object");
    insta::assert_snapshot!(why("{"), @"PLAN#gold:1: not JSON: Unterminated object");
    insta::assert_snapshot!(why(r#"{"rate_limit":{}}"#), @"PLAN#gold:1: /rate_limit: a rate is missing: one of requests_per_second, requests_per_minute, requests_per_hour, requests_per_day");
    insta::assert_snapshot!(why(r#"{"quota":{"requests":5,"per":"year"}}"#), @r#"PLAN#gold:1: /quota/per: "year" is not one of: minute, hour, day, month"#);
    insta::assert_snapshot!(why(r#"{"quota":{"requests":5,"per":"day"},"key":"client_ip"}"#), @r#"PLAN#gold:1: /key: "key" is not a key here (there are: rate_limit, quota, on_error, mode, lease_size, charge_on, shadow)"#);
    insta::assert_snapshot!(why(r#"{"quota":{"requests":"${N}","per":"day"}}"#), @r#"PLAN#gold:1: /quota/requests: "${N}" is not set: set the variable, or write `${N:-default}`"#);
}

#[test]
fn limits_of_their_own_are_json_alone() {
    assert!(PlanDocument::parse("gold", "limits", " {\"quota\":{\"requests\":5,\"per\":\"day\"}}\n").is_ok());
    for text in [
        "quota: {requests: 5, per: day}",
        "",
        "# {}\nquota: {requests: 5, per: day}",
        "{quota: {requests: 5, per: day}}",
        "{\"quota\":{\"requests\":5,\"per\":\"day\",}}",
        "{/* c */\"quota\":{\"requests\":5,\"per\":\"day\"}}",
        "{\"quota\":{\"requests\":5,\"per\":\"day\"}} // c",
    ] {
        assert!(PlanDocument::parse("gold", "limits", text).is_err(), "{text}");
    }
}
