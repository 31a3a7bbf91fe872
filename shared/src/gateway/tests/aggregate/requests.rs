//! What parts are asked, and by whom they are told it is.

use super::*;

fn route() -> Served {
    served(
        "    aggregate:
      user: { upstream: \"http://users.internal/base\", path: \"/users/{claims.sub}/of/{id}\" }
      search: { upstream: s, path: \"/find?q={query.q}&lang={query.lang}&for={user.id}\", method: POST, headers: { X-For: \"{user.id}\", X-Api-Version: \"2\", Accept: text/json, X-Lang: \"{query.lang}\" } }
",
    )
}

#[tokio::test(start_paused = true)]
async fn parts_get_the_caller_and_the_trace_but_not_the_clients_body() {
    let served = route();
    served.services.json("/base/users/u1/of/h%201", 1, r#"{"id":"a&b/ä"}"#);
    served.services.json("/find?q=x%26y&for=a%26b%2F%C3%A4", 1, "[]");
    let mut event = asked();
    event["rawPath"] = json!("/home/h 1");
    event["rawQueryString"] = json!("q=x%26y&other=1");
    event["body"] = json!("{\"of\":\"the client\"}");
    event["requestContext"]["http"]["method"] = json!("POST");
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    event["headers"] = json!({
        "host": "api.example.com", "content-type": "application/json", "content-encoding": "gzip", "digest": "x",
        "if-none-match": "\"1\"", "if-modified-since": "x", "range": "bytes=0-1", "accept": "text/html",
        "accept-encoding": "gzip", "accept-language": "de", "x-user-id": "forged", "x-lang": "client's",
        "cookie": "a=1", "traceparent": trace, "tracestate": "a=b", "x-request-id": "r1",
    });
    let came = served.send(&event, Duration::from_secs(9)).await;
    assert_eq!(
        (came.status, came.body.as_str()),
        (200, r#"{"user":{"id":"a&b/ä"},"search":[]}"#)
    );

    let calls = served.services.calls.lock().expect("unpoisoned");
    let [(_, user), (_, search)] = calls.as_slice() else {
        panic!("{calls:?}")
    };
    assert_eq!(user.uri(), "http://users.internal/base/users/u1/of/h%201");
    assert_eq!((user.method().as_str(), search.method().as_str()), ("GET", "POST"));
    for call in [user, search] {
        assert!(call.body().is_empty());
        let header = |name: &str| call.headers().get(name).map(|value| value.to_str().expect("text"));
        for absent in [
            "content-type",
            "content-encoding",
            "digest",
            "if-none-match",
            "if-modified-since",
            "range",
        ] {
            assert_eq!(header(absent), None, "{absent}");
        }
        assert_eq!(header("x-user-id"), Some("u1"));
        assert_eq!(header("accept-language"), Some("de"));
        assert_eq!(header("accept-encoding"), Some("identity"));
        assert_eq!(header("cookie"), Some("a=1"));
        assert_eq!(header("x-request-id"), Some("r1"));
        assert_eq!(header("x-forwarded-for"), Some("192.0.2.7"));
        assert_eq!(header("tracestate"), Some("a=b"));
        let parent = header("traceparent").expect("a trace");
        assert!(
            parent.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && parent != trace,
            "{parent}"
        );
    }
    assert_eq!(user.headers().get("traceparent"), search.headers().get("traceparent"));
    let header = |call: &http::Request<Bytes>, name: &str| call.headers().get(name).cloned();
    assert_eq!(
        header(user, "accept"),
        Some(HeaderValue::from_static("application/json"))
    );
    assert_eq!(header(user, "x-lang"), Some(HeaderValue::from_static("client's")));
    assert_eq!(header(search, "accept"), Some(HeaderValue::from_static("text/json")));
    assert_eq!(header(search, "x-for"), Some(HeaderValue::from_static("a&b/%C3%A4")));
    assert_eq!(header(search, "x-api-version"), Some(HeaderValue::from_static("2")));
    assert_eq!(
        header(search, "x-lang"),
        None,
        "what there is nothing for is not the client's to say instead"
    );
}

/// Found out before any service is called, also where the part that needs it would have to wait.
#[tokio::test(start_paused = true)]
async fn what_the_request_lacks_ends_it_before_any_call() {
    let served = served(
        "    aggregate:\n      a: { upstream: s, path: /a, fallback: null }\n      b: { upstream: s, path: \"/{query.q}/{claims.tenant}/{a.id}\" }\n",
    );
    let mut event = asked();
    let came = served.send(&event, Duration::from_secs(9)).await;
    assert_eq!((came.status, &came.json()["error"]), (400, &json!("bad_request")));
    assert_eq!(
        came.json()["message"],
        "This request cannot be forwarded: the query parameter `q` is missing."
    );

    event["rawQueryString"] = json!("q=%2e%2e");
    let came = served.send(&event, Duration::from_secs(9)).await;
    assert_eq!(came.status, 400);
    assert_eq!(
        came.json()["message"],
        "This request cannot be forwarded: the query parameter `q` is `.` or `..`."
    );

    event["rawQueryString"] = json!("q=1");
    let came = served.send(&event, Duration::from_secs(9)).await;
    assert_eq!((came.status, &came.json()["error"]), (403, &json!("forbidden")));
    assert_eq!(came.log["config"], "/routes/0/aggregate/b");
    assert_eq!(came.log["detail"], "the claim `tenant` is missing");
    assert!(served.services.called().is_empty() && came.log.get("parts").is_none());
}

/// What a service answers cannot lead the next call elsewhere.
#[tokio::test(start_paused = true)]
async fn an_answer_that_would_make_another_path_fails_the_part_that_needs_it() {
    let route = "    aggregate:\n      a: { upstream: s, path: /a }\n      b: { upstream: s, path: \"/b/{a.id}/x\" }\n";
    for id in [
        r#""..""#,
        r#""""#,
        r#""../admin""#,
        r#""%2e%2e""#,
        r#""..;x""#,
        "null",
        "{}",
        "[1]",
        r#""a\u0000""#,
        r#""\\""#,
        r#""\ud800""#,
    ] {
        let served = served(route);
        served.services.json("/a", 1, &format!("{{\"id\":{id}}}"));
        let came = served.get().await;
        assert_eq!((came.status, came.header("x-partial")), (200, Some("b")), "{id}");
        assert_eq!(came.parts(), ["a 200", "b upstream_invalid_response"]);
        assert_eq!(served.services.called().len(), 1);
    }
}

/// Parts have paths and queries of their own, and no body: what would only be refused for them is not asked for.
#[tokio::test(start_paused = true)]
async fn of_the_rules_of_a_section_those_for_headers_reach_the_parts_and_no_other() {
    let served = served(
        "    aggregate:
      user: { upstream: s, path: /u }
transformations:
  - path: /home/**
    request:
      path: \"/elsewhere/{claims.tenant}\"
      query: { set: { t: \"{claims.tenant}\" } }
      headers: { set: { X-Tone: \"{query.tone}\" }, remove: [Cookie] }
      body: { set: { t: \"{claims.tenant}\" } }
",
    );
    served.services.json("/u", 1, "{}");
    let mut event = asked();
    event["rawQueryString"] = json!("tone=low");
    event["body"] = json!("no JSON");
    event["requestContext"]["http"]["method"] = json!("POST");
    event["headers"] = json!({
        "host": "api.example.com", "content-type": "application/json", "content-encoding": "gzip", "cookie": "a=1",
    });
    let came = served.send(&event, Duration::from_secs(9)).await;
    assert_eq!((came.status, came.body.as_str()), (200, r#"{"user":{}}"#));
    let calls = served.services.calls.lock().expect("unpoisoned");
    let [(_, call)] = calls.as_slice() else {
        panic!("{calls:?}")
    };
    assert_eq!(call.uri(), "http://s.internal:3000/u");
    assert_eq!(
        (call.headers().get("x-tone"), call.headers().get("cookie")),
        (Some(&HeaderValue::from_static("low")), None)
    );
}

/// No client sends as much: front doors take 10 kB or so of a path.
#[tokio::test(start_paused = true)]
async fn a_path_that_another_part_makes_too_long_is_not_the_clients_fault() {
    let served = served(
        "    aggregate:
      user: { upstream: s, path: /u }
      orders: { upstream: s, path: \"/o/{user.id}\", required: true }
",
    );
    served
        .services
        .json("/u", 1, &json!({ "id": "x".repeat(70_000) }).to_string());
    let came = served.get().await;
    assert_eq!(came.status, 502, "{}", came.body);
    assert_eq!(came.parts(), ["user 200", "orders upstream_invalid_response"]);
}
