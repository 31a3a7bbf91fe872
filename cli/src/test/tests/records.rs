//! What a case says to be in the tables.

use super::*;

const KEY: &str = "tg_0123456789AB_abcdefghijklmnopqrstuvwxyzABCDEF_hLSfXg";

/// A folder with one request that shows the key.
fn folder_of(shared: &Value, own: &Value) -> TempDir {
    let gateway = json!({
        "routes": [{ "path": "/api/**", "respond": { "status": 200 } }], "auth": { "type": "api_key" }
    });
    let mut event = event("/api/x");
    event["headers"]["x-api-key"] = json!(KEY);
    folder_with(&[
        ("gateway.json", gateway.to_string()),
        ("defaults.expect.json", json!({ "records": shared }).to_string()),
        ("one.json", event.to_string()),
        ("one.expect.json", json!({ "records": own, "status": 200 }).to_string()),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_case_take_the_place_of_the_folders() {
    let good = json!({ "api_keys": [{ "key": KEY, "owner": "ann" }] });
    let revoked = json!({ "api_keys": [{ "key": KEY, "owner": "ann", "status": "revoked" }] });
    let none = json!({});
    for (shared, own, lets_in) in [
        (&good, &none, true),
        (&none, &good, true),
        (&revoked, &good, true),
        (&good, &revoked, false),
        (&none, &none, false),
    ] {
        let differs = differs(&folder_of(shared, own)).await;
        assert_eq!(differs.is_empty(), lets_in, "{shared} {own}: {differs}");
    }
}
