//! Aggregates, on services that answer when and as they are told.

mod merged;
mod outcomes;
mod parts;
mod requests;
mod table;
mod times;

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;

use tokio::time::Instant;

use super::*;

/// What a service does with a call.
#[derive(Clone, Debug)]
struct Script {
    after: Duration,
    answer: Result<Response<Bytes>, CallError>,
}

/// Services by the path and query they are called with, and what they saw.
#[derive(Debug, Default)]
struct Services {
    scripts: Mutex<HashMap<String, Script>>,
    calls: Mutex<Vec<(Instant, http::Request<Bytes>)>>,
    open: AtomicUsize,
}

/// A call that is neither answered nor dropped.
struct Open<'s>(&'s AtomicUsize);

impl<'s> Open<'s> {
    fn begin(open: &'s AtomicUsize) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(open)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl HttpClient for Services {
    async fn send(&self, request: http::Request<Bytes>, limits: CallLimits) -> Result<Response<Bytes>, CallError> {
        let _open = Open::begin(&self.open);
        let target = request
            .uri()
            .path_and_query()
            .map_or("", |target| target.as_str())
            .to_owned();
        self.calls.lock().expect("unpoisoned").push((Instant::now(), request));
        let script = self.scripts.lock().expect("unpoisoned").get(&target).cloned();
        let script = script.unwrap_or_else(|| panic!("nobody expected {target}"));
        limits
            .keep(async {
                tokio::time::sleep(script.after).await;
                script.answer
            })
            .await
    }
}

impl Services {
    fn set(&self, target: &str, after: u64, answer: Result<Response<Bytes>, CallError>) {
        let after = Duration::from_millis(after);
        let script = Script { after, answer };
        self.scripts
            .lock()
            .expect("unpoisoned")
            .insert(target.to_owned(), script);
    }

    fn json(&self, target: &str, after: u64, body: &str) {
        self.set(target, after, Ok(answer(200, body)));
    }

    /// What was called, in order.
    fn called(&self) -> Vec<String> {
        let calls = self.calls.lock().expect("unpoisoned");
        calls.iter().map(|(_, request)| request.uri().to_string()).collect()
    }
}

fn answer(status: u16, body: &str) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    let kind = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    answer
}

struct Served {
    gateway: Gateway,
    services: Arc<Services>,
}

/// What came of a request.
#[derive(Debug)]
struct Came {
    status: u64,
    body: String,
    headers: Value,
    log: Value,
    took: Duration,
}

impl Came {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers[name].as_str()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// What the log says of each part: `user 200`, `orders upstream_timeout`.
    fn parts(&self) -> Vec<String> {
        let parts = self.log["parts"].as_array().expect("parts");
        let told = |part: &Value| {
            let end = part.get("error").unwrap_or(&part["status"]).to_string();
            format!("{} {}", part["name"].as_str().expect("a name"), end.trim_matches('"'))
        };
        parts.iter().map(told).collect()
    }
}

/// A gateway with one route, `/home/{id}`, for callers whom the front door knows. `route` is what else it says, each line
/// indented by four blanks.
fn served(route: &str) -> Served {
    let config = format!(
        "upstreams:\n  s: {{ url: \"http://s.internal:3000\", timeout: 2s }}\nauth:\n  methods:\n    \
         front: {{ type: platform, from: jwt, claims_to_headers: {{ sub: X-User-Id }} }}\n  default: [front]\n\
         routes:\n  - id: home\n    path: /home/{{id}}\n{route}"
    );
    let checked = config::parse("test.yaml", &config, &|_| None).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let services = Arc::new(Services::default());
    let client: Arc<dyn HttpClient> = Arc::clone(&services) as _;
    let seams = Seams {
        clock: Arc::new(FixedClock),
        upstreams: Arc::clone(&client),
        issuers: client,
        store: Arc::new(Store { down: true }),
    };
    Served {
        gateway: Gateway::new(checked.config, None, seams),
        services,
    }
}

/// A request of `u1`.
fn asked() -> Value {
    json!({
        "version": "2.0", "rawPath": "/home/h1", "rawQueryString": "",
        "headers": { "host": "api.example.com", "x-request-id": "r1" },
        "requestContext": {
            "stage": "$default", "http": { "method": "GET", "sourceIp": "192.0.2.7" },
            "authorizer": { "jwt": { "claims": { "sub": "u1" }, "scopes": null } },
        },
        "isBase64Encoded": false
    })
}

impl Served {
    async fn get(&self) -> Came {
        self.send(&asked(), Duration::from_secs(20)).await
    }

    /// Sends an event to a function that has `deadline` left.
    async fn send(&self, event: &Value, deadline: Duration) -> Came {
        let begun = Instant::now();
        let answer = self.gateway.handle(&event.to_string(), NOW.plus(deadline)).await;
        let answer = answer.expect("an HTTP event");
        let took = begun.elapsed();
        assert_eq!(self.services.open.load(Ordering::Relaxed), 0, "nothing is left running");
        let event: Value = serde_json::from_str(answer.event.get()).expect("JSON");
        assert!(!event.to_string().contains("internal"), "no internal host: {event}");
        Came {
            status: event["statusCode"].as_u64().expect("a status"),
            body: event["body"].as_str().expect("a body").to_owned(),
            headers: event["headers"].clone(),
            log: serde_json::from_str(&answer.log).expect("JSON"),
            took,
        }
    }
}
