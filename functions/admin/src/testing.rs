//! What the tests share: an API on a table that is never asked, and events for it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tollgate::clock::{Clock, SystemClock};
use tollgate::store::TableKind;
use tollgate::store::dynamodb::{ApiKeys, Counters, DynamoDbSettings, Plans};

use crate::{Admin, AdminState, Principals};

/// Who calls.
pub(crate) const ANN: &str = "arn:aws:iam::123456789012:user/ann";

/// An API whose table is nowhere: for what is decided before it.
pub(crate) fn admin(principals: &str) -> Admin {
    let variable = |name: &str| match name {
        "AWS_ENDPOINT_URL_DYNAMODB" => Some("http://127.0.0.1:1".to_owned()),
        "AWS_CA_BUNDLE" => None,
        _ => Some("local".to_owned()),
    };
    let settings = DynamoDbSettings::from_environment(&variable, &[TableKind::Config]).unwrap();
    let client = settings.admin_client().unwrap();
    let state = AdminState {
        keys: ApiKeys::new(client.clone(), "config"),
        plans: Plans::new(client.clone(), "config"),
        counters: Counters::new(client, "quota"),
        clock: Arc::new(SystemClock),
    };
    Admin::new(state, Principals::parse(principals).unwrap())
}

/// The event of an HTTP API with IAM authorization.
pub(crate) fn event(method: &str, path: &str) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": { "host": "admin.example.com", "x-request-id": "req-1" },
        "requestContext": {
            "http": { "method": method, "sourceIp": "192.0.2.1" },
            "authorizer": { "iam": { "userArn": ANN, "accountId": "123456789012" } },
        },
    })
}

/// The same with a body.
pub(crate) fn with_body(mut event: Value, media_type: &str, body: &str) -> Value {
    event["headers"]["content-type"] = media_type.into();
    event["body"] = body.into();
    event
}

/// An answer and its log line.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u64,
    pub(crate) headers: Value,
    pub(crate) body: Value,
    pub(crate) log: Value,
}

pub(crate) async fn answered(admin: &Admin, event: &Value) -> Answered {
    let deadline = SystemClock.now().plus(Duration::from_secs(15));
    let answer = admin.handle(&event.to_string(), deadline).await.unwrap();
    let written: Value = serde_json::from_str(answer.event.get()).unwrap();
    Answered {
        status: written["statusCode"].as_u64().unwrap(),
        headers: written["headers"].clone(),
        body: serde_json::from_str(written["body"].as_str().unwrap()).unwrap_or_default(),
        log: serde_json::from_str(&answer.log).unwrap(),
    }
}
