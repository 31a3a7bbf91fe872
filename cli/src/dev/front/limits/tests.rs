use http::Request;

use super::*;

const ALB: Door = Door::Alb { multi_value: false };
const DOORS: [Door; 4] = [Door::Http, Door::Url, Door::Rest, ALB];
const HOST: (&str, &str) = ("host", "localhost:9000");

fn status_of(door: Door, method: &str, target: &str, headers: &[(&str, &str)]) -> u16 {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    check_head(door, &parts).map_or_else(|refusal| refusal.answer().status().as_u16(), |_| 200)
}

fn status(door: Door, target: &str, headers: &[(&str, &str)]) -> u16 {
    status_of(door, "GET", target, headers)
}

#[test]
fn heads_that_every_service_refuses() {
    for door in DOORS {
        assert_eq!(status(door, "/a?b=c", &[HOST]), 200);
        assert_eq!(status(door, "/", &[]), 400);
        assert_eq!(status(door, "/", &[("host", "")]), 400);
        assert_eq!(status(door, "/", &[HOST, HOST]), 400);
        assert_eq!(status(door, "*", &[HOST]), 400);
        assert_eq!(status(door, "localhost:9000", &[HOST]), 400);
        assert_eq!(status(door, "http://localhost:9000/a", &[HOST]), 200);
        assert_eq!(status(door, "http://elsewhere/a", &[HOST]), 400);
    }
}

#[test]
fn a_head_of_payload_2_0_has_10_240_bytes() {
    let fixed = "GET".len() + "/".len() + "host".len() + "h".len() + "x".len();
    let fits = "v".repeat(LARGEST_HEAD - fixed);
    for door in [Door::Http, Door::Url] {
        assert_eq!(status(door, "/", &[("host", "h"), ("x", &fits)]), 200);
        assert_eq!(status(door, "/", &[("host", "h"), ("x", &format!("{fits}v"))]), 431);
    }
}

#[test]
fn a_rest_api_counts_headers_and_url_apart() {
    let fits = "v".repeat(LARGEST_HEAD - "hosthx".len());
    let path = format!("/{}", "p".repeat(LARGEST_HEAD - 1));
    assert_eq!(status(Door::Rest, &path, &[("host", "h"), ("x", &fits)]), 200);
    assert_eq!(
        status(Door::Rest, "/", &[("host", "h"), ("x", &format!("{fits}v"))]),
        431
    );
    assert_eq!(status(Door::Rest, &format!("{path}p"), &[HOST]), 414);
}

#[test]
fn what_a_rest_api_refuses() {
    for query in ["a|b", "a={b", "a=b}"] {
        assert_eq!(status(Door::Rest, &format!("/?{query}"), &[HOST]), 400, "{query}");
        assert_eq!(status(Door::Http, &format!("/?{query}"), &[HOST]), 200, "{query}");
        assert_eq!(status(ALB, &format!("/?{query}"), &[HOST]), 200, "{query}");
    }
    for method in ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"] {
        assert_eq!(status_of(Door::Rest, method, "/", &[HOST]), 200, "{method}");
    }
    for method in ["PROPFIND", "get", "TRACE"] {
        assert_eq!(status_of(Door::Rest, method, "/", &[HOST]), 403, "{method}");
    }
    let default = ("host", "x.execute-api.us-east-1.amazonaws.com");
    assert_eq!(status(Door::Rest, "/prod/a", &[default]), 200);
    assert_eq!(status(Door::Rest, "/a", &[default]), 403);
}

#[test]
fn a_load_balancer_bounds_lines_and_the_whole() {
    let target = |length: usize| format!("/{}", "p".repeat(length - "GET / HTTP/1.1".len()));
    assert_eq!(status(ALB, &target(LARGEST_ALB_LINE), &[HOST]), 200);
    assert_eq!(status(ALB, &target(LARGEST_ALB_LINE + 1), &[HOST]), 400);
    let line = "v".repeat(LARGEST_ALB_LINE - "x: ".len());
    assert_eq!(status(ALB, "/", &[HOST, ("x", &line)]), 200);
    assert_eq!(status(ALB, "/", &[HOST, ("x", &format!("{line}v"))]), 400);
    assert_eq!(status(ALB, "/", &[HOST, ("x", &line), ("x", &line), ("x", &line)]), 200);
    assert_eq!(
        status(
            ALB,
            "/",
            &[HOST, ("x", &line), ("x", &line), ("x", &line), ("x", &line)]
        ),
        400
    );
}

#[test]
fn what_a_load_balancer_refuses() {
    assert_eq!(status_of(ALB, "TRACE", "/", &[HOST]), 405);
    assert_eq!(status_of(ALB, "PROPFIND", "/", &[HOST]), 200);
    assert_eq!(status(ALB, "/", &[HOST, ("upgrade", "WebSocket")]), 400);
    assert_eq!(status(ALB, "/", &[HOST, ("upgrade", "h2c")]), 200);
    let proxies = vec!["192.0.2.1"; 30].join(", ");
    let one = ("x-forwarded-for", "192.0.2.1");
    assert_eq!(status(ALB, "/", &[HOST, ("x-forwarded-for", &proxies)]), 200);
    assert_eq!(status(ALB, "/", &[HOST, one, ("x-forwarded-for", &proxies)]), 463);
    assert_eq!(
        status(Door::Http, "/", &[HOST, one, ("x-forwarded-for", &proxies)]),
        200
    );
}
