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
            plans: Plans::new(rules, store.clone(), clock.clone()),
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
        let plan = self.plans.of(identity, 1).await.unwrap()?;
        let quota = plan.quotas.first().map_or(0, |quota| quota.requests.get());
        Some((plan.name.to_string(), quota))
    }

    async fn refused(&self, identity: &Identity, cost: u32) -> (&'static str, String) {
        match self.plans.of(identity, cost).await {
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

#[tokio::test]
async fn while_the_table_is_down_a_plan_is_what_it_was() {
    let world = World::with(Some(rules()));
    assert_eq!(world.of(&key_with("gold")).await, some("gold", 1_000));
    world.store.goes_down();
    world.clock.advance(Duration::from_secs(3_600));
    assert_eq!(world.of(&key_with("gold")).await, some("gold", 1_000));
    let unread = world.plans.of(&key_with("silver"), 1).await.unwrap_err();
    assert_eq!(
        (unread.status().as_u16(), unread.code()),
        (503, "limit_store_unavailable")
    );
    assert_eq!(
        world.of(&key_with("free")).await,
        some("free", 10),
        "those of the config need no table"
    );
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
