//! One log record a request, with metrics in it, and nothing secret.

use serde_json::{Value, json};
use tollgate_tests::faulty::Faulty;
use tollgate_tests::{Api, Event, Request, Stage, get};

crate::for_each_event_kind!(
    every_request_leaves_one_record,
    nothing_secret_is_written,
    a_caller_is_told_apart_where_nothing_is_counted
);

/// A member of the record, by its JSON pointer.
fn field<'a>(record: &'a Value, pointer: &str) -> &'a Value {
    record
        .pointer(pointer)
        .unwrap_or_else(|| panic!("no {pointer} in {record:#}"))
}

async fn opened(event: Event) -> (Api, Faulty) {
    let stage = Stage::set().await;
    let gone = Faulty::refusing();
    let mut document = stage.document();
    let routes = document["routes"].as_array_mut().expect("routes");
    routes.push(json!({ "id": "gone", "path": "/gone", "upstream": gone.url(), "auth": "none" }));
    let tight = json!({ "requests_per_day": 1, "key": "client_ip" });
    routes.push(
        json!({ "id": "tight", "path": "/tight", "upstream": stage.site.url(), "auth": "none", "rate_limit": tight }),
    );
    (stage.open(event, &document).await, gone)
}

/// Sends a request with an id of its own and gives its record.
async fn recorded(api: &Api, id: &str, request: Request) -> Value {
    api.send(request.header("X-Request-Id", id)).await;
    api.gateway.record(id).await
}

async fn every_request_leaves_one_record(event: Event) {
    let (api, _gone) = opened(event).await;
    let token = api.stage.issuer.sign("usr_1");

    let record = recorded(&api, "rec-ok", get("/api/orders/1").bearer(&token)).await;
    assert_eq!(field(&record, "/id"), "rec-ok");
    assert_eq!(field(&record, "/status"), 200);
    assert_eq!(field(&record, "/upstream_status"), 200);
    assert!(
        field(&record, "/route").as_str().is_some_and(|route| !route.is_empty()),
        "{record:#}"
    );
    assert!(record["fault"].is_null(), "{record:#}");
    assert_eq!(field(&record, "/limit/rule"), "default");
    assert_eq!(field(&record, "/limit/allowed"), true);
    assert_eq!(field(&record, "/limit/remaining"), 19);
    assert_eq!(field(&record, "/cold_start"), 1);
    assert!(
        field(&record, "/subject")
            .as_str()
            .is_some_and(|subject| !subject.contains("usr_1")),
        "{record:#}"
    );
    for stage in ["read", "route", "authenticate", "limit", "call", "transform", "answer"] {
        assert!(
            field(&record, &format!("/stages_us/{stage}")).is_u64(),
            "{stage} in {record:#}"
        );
    }
    metrics(&record);

    let refused = [
        ("rec-404", get("/nowhere"), 404, "client"),
        ("rec-401", get("/api/orders/1"), 401, "client"),
        (
            "rec-405",
            tollgate_tests::method("DELETE", "/api/orders/1"),
            405,
            "client",
        ),
        ("rec-502", get("/gone"), 502, "upstream"),
    ];
    for (id, request, status, fault) in refused {
        let record = recorded(&api, id, request).await;
        assert_eq!(field(&record, "/status"), status, "{record:#}");
        assert_eq!(field(&record, "/fault"), fault, "{record:#}");
        assert_eq!(field(&record, &format!("/{fault}_errors")), 1, "{record:#}");
        assert!(record["upstream_status"].is_null(), "{record:#}");
    }
    assert_eq!(
        field(&recorded(&api, "rec-502-again", get("/gone")).await, "/route"),
        "gone"
    );

    recorded(&api, "rec-first", get("/tight")).await;
    let record = recorded(&api, "rec-429", get("/tight")).await;
    assert_eq!(field(&record, "/status"), 429);
    assert_eq!(field(&record, "/route"), "tight");
    assert_eq!(field(&record, "/fault"), "client");
    assert_eq!(field(&record, "/limit/rule"), "tight");
    assert_eq!(field(&record, "/limit/allowed"), false);
    assert_eq!(field(&record, "/limited"), 1);

    let lines = api.gateway.process().stdout().all();
    for id in ["rec-ok", "rec-404", "rec-429"] {
        let count = lines.iter().filter(|line| line.contains(&format!("\"{id}\""))).count();
        assert_eq!(count, 1, "one line for {id}");
    }
    api.finish();
}

/// CloudWatch's embedded metric format: every metric named in the directive is a number of the record.
fn metrics(record: &Value) {
    assert!(field(record, "/_aws/Timestamp").is_u64(), "{record:#}");
    let directive = field(record, "/_aws/CloudWatchMetrics/0");
    assert!(directive["Namespace"].is_string(), "{record:#}");
    for dimension in directive["Dimensions"]
        .as_array()
        .expect("dimensions")
        .iter()
        .flat_map(|set| set.as_array().expect("a set"))
    {
        assert!(
            record[dimension.as_str().expect("a name")].is_string(),
            "{dimension} in {record:#}"
        );
    }
    let metrics = directive["Metrics"].as_array().expect("metrics");
    let names: Vec<_> = metrics.iter().filter_map(|metric| metric["Name"].as_str()).collect();
    let wanted = [
        "count",
        "latency",
        "client_errors",
        "gateway_errors",
        "upstream_errors",
        "limited",
        "cold_start",
    ];
    assert_eq!(names, wanted);
    for metric in metrics {
        assert!(
            record[metric["Name"].as_str().expect("a name")].is_number(),
            "{metric} in {record:#}"
        );
    }
}

async fn a_caller_is_told_apart_where_nothing_is_counted(event: Event) {
    let stage = Stage::set().await;
    let mut document = stage.document();
    document.as_object_mut().expect("an object").remove("rate_limiting");
    let api = stage.open(event, &document).await;
    let mut subjects = Vec::new();
    for caller in ["usr_1", "usr_2", "usr_1"] {
        let token = api.stage.issuer.sign(caller);
        let id = format!("rec-{}", subjects.len());
        let record = recorded(&api, &id, get("/api/orders/1").bearer(&token)).await;
        assert!(
            record["limit"].is_null() && !record.to_string().contains(caller),
            "{record:#}"
        );
        subjects.push(field(&record, "/subject").as_str().expect("a hash").to_owned());
    }
    assert_eq!(subjects[0], subjects[2]);
    assert_ne!(subjects[0], subjects[1]);
}

async fn nothing_secret_is_written(event: Event) {
    let (api, _gone) = opened(event).await;
    let token = api.stage.issuer.sign("user-whose-name-is-private");
    let request = get("/api/orders/1?api_key=query-secret")
        .bearer(&token)
        .header("Cookie", "sid=cookie-secret")
        .header("X-Custom", "header-secret");
    let record = recorded(&api, "rec-secret", request).await;
    assert_eq!(field(&record, "/status"), 200);
    let bad = token.clone() + "tampered";
    recorded(&api, "rec-bad", get("/api/orders/1?code=query-secret").bearer(&bad)).await;
    recorded(&api, "rec-gone", get("/gone?token=query-secret")).await;

    let output = api.gateway.process().output();
    let signature = token.rsplit('.').next().expect("a signature");
    let claims = token.split('.').nth(1).expect("claims");
    for secret in [
        "query-secret",
        "cookie-secret",
        "header-secret",
        "user-whose-name-is-private",
        signature,
        claims,
    ] {
        assert!(!output.contains(secret), "{secret} was written\n{output}");
    }
    api.finish();
}
