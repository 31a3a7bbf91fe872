//! A config that changes, on a clock that the test moves.

use std::sync::Mutex as StdMutex;

use bytes::Bytes;
use http::HeaderValue;
use http::header::ETAG;

use super::*;
use crate::auth::testing::ManualClock;
use crate::aws::testing::{Scripted, reply, variable};
use crate::config_source::Variables;
use crate::upstream::client::CallError;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn document(path: &str) -> String {
    format!(r#"{{"routes":[{{"path":"{path}","upstream":"http://a","auth":"none"}}]}}"#)
}

/// What serves: the path of its route.
struct Stage {
    live: Live<String>,
    clock: Arc<ManualClock>,
    object: Arc<StdMutex<Option<String>>>,
    aws: Arc<Scripted>,
    lines: StdMutex<Vec<serde_json::Value>>,
}

impl Stage {
    /// With this document in S3.
    async fn set(first: &str, every: Option<u64>) -> Self {
        let object = Arc::new(StdMutex::new(Some(first.to_owned())));
        let kept = Arc::clone(&object);
        let aws = Arc::new(Scripted::new(move |request| {
            let text = lock(&kept).clone().ok_or(CallError::Connect("down".into()))?;
            let tag = HeaderValue::try_from(format!("\"{:?}\"", text.len() * 31 + usize::from(text.as_bytes()[20])));
            let tag = tag.expect("a tag");
            if request.headers().get("if-none-match") == Some(&tag) {
                return reply(304, Bytes::new());
            }
            let mut answer = reply(200, text)?;
            answer.headers_mut().insert(ETAG, tag);
            Ok(answer)
        }));
        let variables: Variables = Arc::new(|name| variable(&[("GATEWAY_CONFIG", "s3://configs/a")], name));
        let clock = ManualClock::at(NOW);
        let source = ConfigSource::from_environment(variables, Arc::clone(&aws) as _, Arc::clone(&clock) as _);
        let source = source.expect("a source");
        let build: Build<String> = Box::new(|config| match config.routes[0].pattern.to_string() {
            refused if refused == "/refused" => Err("the table is not there".into()),
            path => Ok(path),
        });
        let live = Live::start(source, every.map(Duration::from_secs), build, Arc::clone(&clock) as _);
        Self {
            live: live.await.expect("a right config"),
            clock,
            object,
            aws,
            lines: StdMutex::default(),
        }
    }

    fn put(&self, text: Option<&str>) {
        *lock(&self.object) = text.map(ToOwned::to_owned);
    }

    /// What serves a request after so many seconds, and the one after it.
    async fn after(&self, seconds: u64) -> (String, String) {
        self.clock.advance(Duration::from_secs(seconds));
        let first = self.live.current();
        self.live
            .refresh(|line| lock(&self.lines).push(serde_json::from_str(&line).expect("JSON")))
            .await;
        (first.to_string(), self.live.current().to_string())
    }

    fn refused(&self) -> Vec<String> {
        let lines = std::mem::take(&mut *lock(&self.lines));
        lines
            .into_iter()
            .map(|line| line["why"].as_str().expect("a reason").to_owned())
            .collect()
    }
}

fn both(first: &str, then: &str) -> (String, String) {
    (first.to_owned(), then.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_new_config_serves_the_request_after_the_one_that_found_it() {
    let stage = Stage::set(&document("/one"), Some(60)).await;
    stage.put(Some(&document("/two-longer")));
    assert_eq!(stage.after(59).await, both("/one", "/one"));
    assert_eq!(stage.after(1).await, both("/one", "/two-longer"));
    assert_eq!(stage.after(60).await, both("/two-longer", "/two-longer"));
    assert_eq!(stage.aws.count(), 3, "once at the start, once a minute");
    assert_eq!(stage.refused(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_config_is_told_each_time_and_the_one_before_it_serves() {
    let stage = Stage::set(&document("/one"), Some(60)).await;
    for (wrong, why) in [
        (
            "{\"routes\": []           }",
            "s3://configs/a:1: /routes: at least one route is needed: there is nothing to serve",
        ),
        ("{\"routes\": [ {            ", "s3://configs/a:1: not JSON"),
        (&*document("/refused"), "the table is not there"),
    ] {
        stage.put(Some(wrong));
        for _ in 0..2 {
            assert_eq!(stage.after(60).await, both("/one", "/one"));
            let told = stage.refused();
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].starts_with(why), "{told:?}");
        }
    }
    stage.put(None);
    assert_eq!(stage.after(60).await, both("/one", "/one"));
    assert!(stage.refused()[0].contains("cannot be reached"));
    stage.put(Some(&document("/mended-now")));
    assert_eq!(stage.after(60).await, both("/one", "/mended-now"));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_again_that_nobody_wants() {
    let stage = Stage::set(&document("/one"), None).await;
    stage.put(Some(&document("/two-longer")));
    assert_eq!(stage.after(100_000).await, both("/one", "/one"));
    assert_eq!(stage.aws.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_line_is_one_that_cloudwatch_counts() {
    let stage = Stage::set(&document("/one"), Some(60)).await;
    stage.put(Some("{                                   }"));
    stage.after(60).await;
    let line = lock(&stage.lines).remove(0);
    assert_eq!(line["config"], "s3://configs/a");
    assert_eq!(line["config_refused"], 1);
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Namespace"], "Tollgate");
    assert_eq!(directive["Dimensions"], serde_json::json!([[]]));
    assert_eq!(directive["Metrics"][0]["Name"], "config_refused");
}
