use proptest::prelude::*;

use super::*;
use crate::testing::{headers, request};

fn listed(patterns: &[&str]) -> CorsRules {
    let patterns = patterns
        .iter()
        .map(|text| OriginPattern::parse(text).expect("an origin"));
    CorsRules {
        origins: AllowedOrigins::Listed(patterns.collect()),
        methods: None,
        headers: Some(HeaderValue::from_static("Content-Type")),
        expose: HeaderValue::from_static("X-Request-Id"),
        max_age: 600,
        credentials: false,
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<_> = headers
        .get_all(name)
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    (!values.is_empty()).then(|| values.join(" | "))
}

/// What an answer with these headers says, as `name: value`, to a request with these.
fn stamped(rules: CorsRules, asked: &[(&str, &str)], theirs: &[(&str, &str)]) -> HeaderMap {
    let mut answer = headers(theirs);
    Arc::new(rules).grant(&headers(asked)).stamp(&mut answer);
    answer
}

fn allowed(pattern: &str, origin: &str) -> bool {
    OriginPattern::parse(pattern)
        .expect("an origin")
        .matches(origin.as_bytes())
}

/// What is allowed goes back in a header, of which there is only so much.
#[test]
fn an_origin_is_no_longer_than_a_name_can_be() {
    let below = |labels: String| {
        allowed(
            "https://*.example.com:8443",
            &format!("https://{labels}.example.com:8443"),
        )
    };
    assert!(below("a".repeat(63)) && !below("a".repeat(64)));
    let labels = |count: usize| vec!["a"; count].join(".");
    // 253 with `.example.com`.
    assert!(
        below(labels(120) + "aa") && !below(labels(121) + "aa"),
        "{}",
        (labels(120) + "aa").len()
    );
}

#[test]
fn an_origin_is_compared_as_browsers_write_it() {
    let rows = [
        ("https://app.example.com", "https://app.example.com"),
        ("https://APP.Example.com", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("http://app.example.com:80", "http://app.example.com"),
        ("https://app.example.com:8443", "https://app.example.com:8443"),
        ("http://localhost:5173", "http://localhost:5173"),
        ("http://[2001:DB8::1]:8080", "http://[2001:db8::1]:8080"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("https://*.example.com", "https://a.example.com"),
        ("https://*.example.com", "https://a.b-1.c_d.example.com"),
        ("https://*.EXAMPLE.com:8443", "https://a.example.com:8443"),
    ];
    for (pattern, origin) in rows {
        assert!(allowed(pattern, origin), "{pattern} {origin}");
    }
}

#[test]
fn nothing_else_is_that_origin() {
    for origin in [
        "",
        "null",
        "NULL",
        "*",
        "https://",
        "https://app.example.com/",
        "https://app.example.com:443",
        "http://app.example.com",
        "HTTPS://app.example.com",
        "https://APP.example.com",
        "https://app.example.com.evil.test",
        "https://evil.test/https://app.example.com",
        "https://app.example.com@evil.test",
        "https://evilapp.example.com",
        "https://app.example.com, https://evil.test",
        " https://app.example.com",
        "https://app.example.com\t",
        "https://app.example.com:8443",
        "https://app.example.com.",
        "https://app.example.co",
        "https://example.com",
        "https://ａpp.example.com",
    ] {
        assert!(!allowed("https://app.example.com", origin), "{origin:?}");
    }
}

#[test]
fn a_pattern_takes_names_below_and_only_those() {
    for origin in [
        "https://example.com",
        "https://.example.com",
        "https://a..example.com",
        "https://aexample.com",
        "https://evil.test/.example.com",
        "https://evil.test#.example.com",
        "https://evil.test?.example.com",
        "https://evil.test:443.example.com",
        "https://u:p@.example.com",
        "https://evil.test\\.example.com",
        "https://a.example.com:8443",
        "https://a.example.com.evil.test",
        "http://a.example.com",
        "https://*.example.com",
        "https://%61.example.com",
        "https://A.example.com",
        "https://ä.example.com",
        "https://a.example.com.",
        "https://a b.example.com",
        "https://a\0.example.com",
        "null",
        "",
    ] {
        assert!(!allowed("https://*.example.com", origin), "{origin:?}");
    }
    assert!(!allowed("https://*.example.com:8443", "https://a.example.com"));
}

#[test]
fn what_is_no_origin_is_refused_with_its_reason() {
    for (text, word) in [
        ("null", "sandboxed"),
        ("Null", "sandboxed"),
        ("", "not an origin"),
        ("app.example.com", "not an origin"),
        ("https://app.example.com/", "not an origin"),
        ("https://app.example.com/path", "not an origin"),
        ("https://app.example.com?x", "not an origin"),
        ("https://user@app.example.com", "not an origin"),
        ("https://app.exa\nmple.com", "not an origin"),
        (" https://app.example.com", "not an origin"),
        ("https:app.example.com", "not an origin"),
        ("https:///app.example.com", "not an origin"),
        ("https://", "not an origin"),
        ("https://app.example.com:99999", "not an origin"),
        ("file://x", "not an origin"),
        ("Capacitor://localhost", "not an origin"),
        ("1x://localhost", "not an origin"),
        ("capacitor://", "not an origin"),
        ("https://*", "first label"),
        ("https://a*.example.com", "first label"),
        ("https://a.*.example.com", "first label"),
        ("*.example.com", "first label"),
        ("**", "first label"),
        ("https://*.com", "top-level"),
        ("https://*.com.", "top-level"),
        ("https://*.localhost", "top-level"),
        ("https://*.*.example.com", "first label"),
        ("https://*.192.0.2.1", "address"),
        ("https://*.example.com/", "not an origin"),
        ("capacitor://*.example.com", "not an origin"),
    ] {
        let refused = OriginPattern::parse(text).expect_err(text);
        assert!(refused.contains(word), "{text:?}: {refused}");
    }
}

#[test]
fn an_answer_names_the_one_origin_that_asked_and_varies_by_it() {
    let rules = listed(&["https://app.example.com", "https://*.example.org"]);
    for origin in ["https://app.example.com", "https://x.example.org"] {
        let answer = stamped(rules.clone(), &[("origin", origin)], &[("vary", "Accept")]);
        assert_eq!(text(&answer, "access-control-allow-origin").as_deref(), Some(origin));
        assert_eq!(
            text(&answer, "access-control-expose-headers").as_deref(),
            Some("X-Request-Id")
        );
        assert_eq!(text(&answer, "access-control-allow-credentials"), None);
        assert_eq!(text(&answer, "vary").as_deref(), Some("Accept | Origin"));
    }
}

/// Also the answers to others: a cache must not show them to the pages that are allowed, nor theirs to others.
#[test]
fn whoever_asks_the_answer_varies_by_origin() {
    let rules = listed(&["https://app.example.com"]);
    let twice = [
        ("origin", "https://app.example.com"),
        ("origin", "https://app.example.com"),
    ];
    for asked in [
        &[][..],
        &[("origin", "https://evil.test")],
        &[("origin", "null")],
        &twice,
    ] {
        let answer = stamped(rules.clone(), asked, &[]);
        assert_eq!(text(&answer, "vary").as_deref(), Some("Origin"));
        assert_eq!(answer.len(), 1, "{answer:?}");
    }
    for (said, expected) in [
        ("ORIGIN", "ORIGIN"),
        ("Accept, origin", "Accept, origin"),
        ("*", "*"),
        ("Origins", "Origins | Origin"),
    ] {
        let answer = stamped(rules.clone(), &[], &[("vary", said)]);
        assert_eq!(text(&answer, "vary").as_deref(), Some(expected));
    }
}

#[test]
fn everybody_is_told_the_same() {
    let rules = CorsRules {
        origins: AllowedOrigins::Any,
        ..listed(&[])
    };
    for asked in [&[][..], &[("origin", "https://evil.test")], &[("origin", "null")]] {
        let answer = stamped(rules.clone(), asked, &[]);
        assert_eq!(text(&answer, "access-control-allow-origin").as_deref(), Some("*"));
        assert_eq!(text(&answer, "vary"), None);
    }
}

#[test]
fn what_an_upstream_says_of_it_goes() {
    let theirs = [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-origin", "https://evil.test"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "PURGE"),
        ("access-control-allow-private-network", "true"),
        ("x-kept", "1"),
    ];
    let rules = CorsRules {
        credentials: true,
        ..listed(&["https://app.example.com"])
    };
    let answer = stamped(rules.clone(), &[("origin", "https://evil.test")], &theirs);
    assert_eq!(
        (text(&answer, "x-kept").as_deref(), answer.len()),
        (Some("1"), 2),
        "{answer:?}"
    );
    let answer = stamped(rules, &[("origin", "https://app.example.com")], &theirs);
    assert_eq!(
        text(&answer, "access-control-allow-origin").as_deref(),
        Some("https://app.example.com")
    );
    assert_eq!(
        text(&answer, "access-control-allow-credentials").as_deref(),
        Some("true")
    );
    assert_eq!(text(&answer, "access-control-allow-methods"), None);
}

fn preflight(lines: &[(&str, &str)]) -> Request {
    let mut preflight = request(Method::OPTIONS, "/a");
    preflight.headers = headers(lines);
    preflight
}

fn asking(method: &str) -> Request {
    preflight(&[
        ("origin", "https://app.example.com"),
        ("access-control-request-method", method),
    ])
}

fn answered(rules: CorsRules, asked: &Request) -> Option<HeaderMap> {
    let mut grant = Arc::new(rules).grant(&asked.headers);
    let mut answer = grant.preflight(asked)?;
    assert_eq!((answer.status(), answer.body().len()), (StatusCode::NO_CONTENT, 0));
    grant.stamp(answer.headers_mut());
    Some(std::mem::take(answer.headers_mut()))
}

#[test]
fn a_preflight_hears_what_pages_may_do() {
    let rules = CorsRules {
        methods: Some(HeaderValue::from_static("PATCH")),
        ..listed(&["https://app.example.com"])
    };
    let answer = answered(rules.clone(), &asking("PUT")).expect("an answer");
    assert_eq!(text(&answer, "access-control-allow-methods").as_deref(), Some("PATCH"));
    assert_eq!(
        text(&answer, "access-control-allow-headers").as_deref(),
        Some("Content-Type")
    );
    assert_eq!(text(&answer, "access-control-max-age").as_deref(), Some("600"));
    assert_eq!(text(&answer, "access-control-expose-headers"), None);
    let unnamed = CorsRules { headers: None, ..rules };
    let answer = answered(unnamed, &asking("PUT")).expect("an answer");
    assert_eq!(text(&answer, "access-control-allow-headers"), None);
}

#[test]
fn a_preflight_of_another_site_hears_nothing() {
    let asked = preflight(&[
        ("origin", "https://evil.test"),
        ("access-control-request-method", "PUT"),
    ]);
    let answer = answered(listed(&["https://app.example.com"]), &asked).expect("an answer");
    assert_eq!(
        (answer.len(), text(&answer, "vary").as_deref()),
        (1, Some("Origin")),
        "{answer:?}"
    );
}

#[test]
fn what_is_no_preflight_is_an_ordinary_request() {
    let origin = ("origin", "https://app.example.com");
    let asks = |method: &'static str| ("access-control-request-method", method);
    for lines in [
        vec![],
        vec![origin],
        vec![asks("PUT")],
        vec![origin, asks("")],
        vec![origin, asks("PUT, GET")],
        vec![origin, asks("P T")],
        vec![origin, asks("PÜT")],
        vec![origin, asks("PUT"), asks("PUT")],
    ] {
        assert_eq!(requested_method(&preflight(&lines)), None, "{lines:?}");
        assert!(answered(listed(&[]), &preflight(&lines)).is_none());
    }
    let mut other = asking("PUT");
    other.method = Method::GET;
    assert_eq!(requested_method(&other), None);
}

#[test]
fn a_preflight_announces_headers_by_name() {
    let announcing = |names: &str| preflight(&[("access-control-request-headers", names)]);
    let name = HeaderName::from_static("x-api-version");
    for names in ["x-api-version", "a,X-Api-Version ,b", ", x-api-version"] {
        assert!(announces(&announcing(names), &name), "{names}");
    }
    for names in ["", "x-api", "x-api-version: 2", "x api-version", "x-api-version;2", "*"] {
        assert!(!announces(&announcing(names), &name), "{names}");
    }
}

proptest! {
    /// Whatever a request says, no origin is allowed but one that the config lists, and then exactly as it was sent.
    #[test]
    fn no_origin_is_reflected_that_is_not_listed(origin in "(https?://)?[a-z.:/@*#]{0,12}(\\.example\\.com)?[\\PC]{0,4}") {
        let Ok(value) = HeaderValue::from_bytes(origin.as_bytes()) else { return Ok(()) };
        let mut asked = HeaderMap::new();
        asked.insert(ORIGIN, value);
        let mut answer = HeaderMap::new();
        Arc::new(listed(&["https://example.com", "https://*.example.com"])).grant(&asked).stamp(&mut answer);
        if let Some(said) = answer.get(ACCESS_CONTROL_ALLOW_ORIGIN) {
            prop_assert_eq!(said.as_bytes(), origin.as_bytes());
            let url = url::Url::parse(&origin).expect("what is allowed is a URL");
            prop_assert_eq!(url.scheme(), "https");
            prop_assert_eq!(url.port(), None);
            let host = url.host_str().expect("a host");
            prop_assert!(host == "example.com" || host.ends_with(".example.com"), "{}", host);
            prop_assert_eq!(url.origin().ascii_serialization(), origin);
        }
    }

    /// What is written of a pattern is never a way around its two labels.
    #[test]
    fn hostile_patterns_do_not_panic(text in "(https://\\*\\.)?\\PC{0,24}") {
        if let Ok(pattern) = OriginPattern::parse(&text) {
            prop_assert!(!pattern.matches(b"null") && !pattern.matches(b"https://com") && !pattern.matches(b""));
        }
    }
}
