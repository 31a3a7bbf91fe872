use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use http::Response;
use tokio::time::Instant;

use super::*;
use crate::upstream::client::CallError;
use crate::upstream::{Caller, Target};

/// Notes what it is asked and never answers.
#[derive(Debug, Default)]
struct Silent(Mutex<Vec<(String, CallLimits)>>);

#[async_trait]
impl HttpClient for Silent {
    async fn send(&self, request: http::Request<Bytes>, limits: CallLimits) -> Result<Response<Bytes>, CallError> {
        assert_eq!((request.method(), request.headers().len()), (&http::Method::GET, 0));
        let asked = (request.uri().to_string(), limits);
        self.0.lock().expect("unpoisoned").push(asked);
        limits.keep(std::future::pending()).await
    }
}

fn service(urls: &[&str], warm: Option<&str>) -> Arc<Upstream> {
    let targets = urls.iter().map(|url| Target::new(url.parse().expect("a URL")));
    let first = urls[0].parse().expect("a URL");
    Arc::new(Upstream {
        targets: targets.collect(),
        warm: warm.map(|path| path.parse().expect("a path")),
        ..Upstream::plain("u".into(), first, Duration::from_millis(700))
    })
}

#[tokio::test(start_paused = true)]
async fn every_target_is_asked_at_once_and_none_is_waited_for() {
    let upstreams = [
        service(&["http://a:1/base/", "https://[::1]"], Some("/health?deep=no")),
        service(&["http://b"], None),
        service(&["http://c"], Some("/")),
    ];
    let client = Arc::new(Silent::default());
    let caller = Caller::new(Arc::clone(&client) as _, &upstreams);
    let began = Instant::now();
    caller.warm().await;
    assert_eq!(began.elapsed(), AT_MOST);
    let asked = client.0.lock().expect("unpoisoned");
    let uris: Vec<&str> = asked.iter().map(|(uri, _)| &**uri).collect();
    assert_eq!(
        uris,
        [
            "http://a:1/base/health?deep=no",
            "https://[::1]/health?deep=no",
            "http://c/"
        ]
    );
    assert!(
        asked
            .iter()
            .all(|(_, limits)| limits.connect_timeout == Duration::from_millis(700))
    );
}
