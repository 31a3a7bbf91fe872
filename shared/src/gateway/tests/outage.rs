//! The config table while it stalls: what one request has found out spares the others the wait.

use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::*;
use crate::api_key::{ApiKey, ApiKeyRecord, KeyStatus};
use crate::auth::testing::{Issuer, ManualClock, MemoryStore, down, seams};

struct World {
    gateway: Gateway,
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
}

impl World {
    fn new() -> Self {
        let config = json!({
            "routes": [{ "path": "/api/**", "respond": { "status": 204 } }],
            "auth": { "type": "api_key" },
            "plans": { "free": { "quota": { "requests": 5, "per": "day" } } }
        });
        let config = config::parse("test.json", &config.to_string(), &|_| None).expect("a right config");
        let (store, clock) = (Arc::new(MemoryStore::default()), ManualClock::new());
        let seams = seams(&Issuer::new(down()), &clock, &store);
        Self {
            gateway: Gateway::new(config.config, None, seams),
            store,
            clock,
        }
    }

    /// A key whose plan nobody knows.
    fn keep(&self) -> ApiKey {
        let key = ApiKey::generate().unwrap();
        let record = ApiKeyRecord {
            id: key.id().to_owned(),
            hash: key.hash(),
            previous: None,
            status: KeyStatus::Active,
            owner: "acme".into(),
            plan: Some("platinum".into()),
            plan_expires_at: None,
            limits: None,
            scopes: Vec::new(),
            expires_at: None,
            created_at: self.clock.now(),
            name: None,
        };
        self.store.api_keys.lock().unwrap().insert(record.id.clone(), record);
        key
    }

    /// The answer's code, how many milliseconds it took, and the reads of tables.
    async fn send(&self, key: &ApiKey) -> (String, u128, usize) {
        let (before, reads) = (Instant::now(), self.store.reads.load(Ordering::SeqCst));
        let event = event("/api/users", json!({ "x-api-key": key.secret_text() }));
        let deadline = self.clock.now().plus(Duration::from_secs(10));
        let answer = self.gateway.handle(&event, deadline).await.unwrap();
        let log: Value = serde_json::from_str(&answer.log).unwrap();
        let code = log["error"].as_str().unwrap().to_owned();
        (code, before.elapsed().as_millis(), self.store.reads() - reads)
    }
}

#[tokio::test(start_paused = true)]
async fn keys_and_plans_are_in_one_table_and_wait_for_it_together() {
    let world = World::new();
    let (known, new) = (world.keep(), world.keep());
    assert_eq!(world.send(&known).await, ("plan_unknown".to_owned(), 0, 2));
    // By now somebody may have made the plan.
    world.clock.advance(Duration::from_secs(6));
    world.store.stalls();
    for (key, code, waits, reads) in [
        (&new, "api_keys_unavailable", 150, 1),
        (&known, "limit_store_unavailable", 150, 1),
        (&new, "api_keys_unavailable", 0, 0),
        (&known, "limit_store_unavailable", 0, 0),
    ] {
        assert_eq!(world.send(key).await, (code.to_owned(), waits, reads));
    }
    world.store.comes_back();
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(world.send(&new).await, ("plan_unknown".to_owned(), 0, 2));
}
