use super::*;
use crate::testing::headers;

fn upstream(url: &str) -> Upstream {
    Upstream {
        name: "u".into(),
        url: url.parse().expect("a URL"),
        connect_timeout: std::time::Duration::from_secs(1),
    }
}

#[test]
fn a_location_at_the_upstreams_origin_becomes_the_public_path() {
    for (url, prefix, location, public) in [
        (
            "http://orders:3002",
            "/api",
            "http://orders:3002/orders/1?x=1#f",
            "/api/orders/1?x=1#f",
        ),
        ("http://orders:3002", "/api", "/orders/1", "/api/orders/1"),
        ("http://orders:3002", "", "http://orders:3002/orders/1", "/orders/1"),
        ("http://orders:3002", "", "http://orders:3002", "/"),
        (
            "http://orders:3002/base",
            "/api",
            "http://orders:3002/base/orders/1",
            "/api/orders/1",
        ),
        ("http://orders:3002/base", "/api", "/base", "/api"),
        ("http://orders:3002/base", "/api", "/basement", "/api/basement"),
        ("http://orders:80", "/api", "//orders/x", "/api/x"),
        ("http://orders", "/api", "HTTP://ORDERS:80/x", "/api/x"),
    ] {
        assert_eq!(
            public_location(&upstream(url), prefix, location).as_deref(),
            Some(public),
            "{location} at {url}"
        );
    }
}

#[test]
fn any_other_location_stays_as_it_is() {
    for location in [
        "https://idp.example.com/login",
        "https://orders:3002/x",
        "http://orders:3003/x",
        "//elsewhere/x",
        "next",
        "../x",
        "?page=2",
        "mailto:a@example.com",
        "",
    ] {
        assert_eq!(
            public_location(&upstream("http://orders:3002"), "/api", location),
            None,
            "{location}"
        );
    }
}

#[test]
fn a_cookie_loses_only_a_foreign_domain() {
    for (cookie, kept) in [
        ("a=1; Domain=orders.internal; Path=/; Secure", "a=1; Path=/; Secure"),
        ("a=1; DOMAIN = .orders.internal", "a=1"),
        (
            "a=1; Domain=api.example.com; HttpOnly",
            "a=1; Domain=api.example.com; HttpOnly",
        ),
        ("a=1; domain=.API.example.com", "a=1; domain=.API.example.com"),
        ("domain=evil; Path=/", "domain=evil; Path=/"),
        ("a=1; Domain", "a=1"),
        ("a=1", "a=1"),
    ] {
        assert_eq!(without_foreign_domain(cookie, "api.example.com"), kept, "{cookie}");
    }
}

#[test]
fn cookies_stay_apart_and_in_order() {
    let mut all = headers(&[
        ("set-cookie", "a=1; Domain=x.internal"),
        ("set-cookie", "b=2"),
        ("set-cookie", "c=3"),
    ]);
    restrict_cookies(&mut all, "api.example.com");
    let cookies: Vec<_> = all
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().expect("text"))
        .collect();
    assert_eq!(cookies, ["a=1", "b=2", "c=3"]);
}
