use super::*;
use crate::testing::headers;

fn upstream(url: &str) -> Upstream {
    let url = url.parse().expect("a URL");
    Upstream::plain("u".into(), url, std::time::Duration::from_secs(1))
}

/// What becomes of a location in an answer of the service's first target.
fn made_public(service: &Upstream, prefix: &str, location: &str) -> Option<String> {
    public_location(service, &service.targets[0].url, prefix, location)
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
        ("http://orders:3002", "/api", "https://orders:3002/x", "/api/x"),
        ("http://orders", "/api", "https://orders/x", "/api/x"),
    ] {
        assert_eq!(
            made_public(&upstream(url), prefix, location).as_deref(),
            Some(public),
            "{location} at {url}"
        );
    }
}

#[test]
fn any_other_location_stays_as_it_is() {
    for location in [
        "https://idp.example.com/login",
        "https://orders/x",
        "ftp:orders",
        "http://orders:3003/x",
        "//elsewhere/x",
        "next",
        "../x",
        "?page=2",
        "mailto:a@example.com",
        "",
    ] {
        assert_eq!(
            made_public(&upstream("http://orders:3002"), "/api", location),
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

#[test]
fn no_location_becomes_the_name_of_another_host() {
    for (url, location, public) in [
        (
            "http://orders:3002",
            "http://orders:3002//evil.example",
            "/evil.example",
        ),
        (
            "http://orders:3002",
            "http://orders:3002/\\evil.example",
            "/evil.example",
        ),
        ("http://orders:3002", "//orders:3002///evil.example", "/evil.example"),
        ("http://orders:3002/base", "/base//evil.example", "/evil.example"),
        ("http://orders:3002/base", "/base/\\evil.example", "/evil.example"),
        ("http://orders:3002/base", "/base/\t/evil.example", "/evil.example"),
        ("http://orders:3002", "/\\evil.example", "/evil.example"),
    ] {
        assert_eq!(
            made_public(&upstream(url), "", location).as_deref(),
            Some(public),
            "{location} at {url}"
        );
    }
}

/// The values of a header after cleaning.
fn cleaned(name: &'static str, values: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut response = Response::new(Bytes::new());
    for value in values {
        let value = HeaderValue::from_bytes(value).expect("a value");
        response.headers_mut().append(name, value);
    }
    let call = crate::testing::call("http://orders:3002", None);
    let mut request = crate::testing::request(http::Method::GET, "/a");
    request.host = "api.example.com".into();
    clean(&call, &call.upstream.targets[0].url, &request, &mut response);
    response
        .headers()
        .get_all(name)
        .iter()
        .map(|value| value.as_bytes().to_vec())
        .collect()
}

#[test]
fn bytes_outside_ascii_hide_no_internal_host() {
    for (location, public) in [
        ("http://orders:3002/ü".as_bytes(), "/%C3%BC".as_bytes()),
        (b"http://orders:3002/\xfc", b"/%C3%BC"),
        ("/ü".as_bytes(), "/ü".as_bytes()),
    ] {
        assert_eq!(cleaned("location", &[location]), [public]);
    }
    let cookie = "a=ü; Domain=orders.internal; Path=/".as_bytes();
    assert_eq!(cleaned("set-cookie", &[cookie]), ["a=ü; Path=/".as_bytes()]);
}

#[test]
fn each_of_several_locations_is_rewritten() {
    let locations = [&b"https://elsewhere.example/x"[..], b"http://orders:3002/x"];
    assert_eq!(
        cleaned("location", &locations),
        [&b"https://elsewhere.example/x"[..], b"/x"]
    );
}

#[test]
fn the_length_is_that_of_the_body_or_of_the_one_it_stands_for() {
    for (method, status, body, said, length) in [
        ("GET", 200, "hello", "3", Some("5")),
        ("GET", 200, "hello", "5, 5", Some("5")),
        ("GET", 200, "", "3", Some("0")),
        ("HEAD", 200, "", "3", Some("3")),
        ("GET", 304, "", "3", Some("3")),
        ("GET", 204, "", "3", None),
        ("HEAD", 204, "", "3", None),
    ] {
        let mut response = Response::new(Bytes::from_static(body.as_bytes()));
        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
        let said = HeaderValue::from_static(said);
        response.headers_mut().append("content-length", said);
        let call = crate::testing::call("http://orders:3002", None);
        let request = crate::testing::request(method.parse().expect("a method"), "/a");
        clean(&call, &call.upstream.targets[0].url, &request, &mut response);
        let found = response.headers().get("content-length").map(HeaderValue::as_bytes);
        assert_eq!(found, length.map(str::as_bytes), "{method} {status}");
    }
}

#[test]
fn one_target_gives_no_other_of_its_service_away() {
    let mut service = upstream("http://a.internal:3002/one");
    service.targets.extend(upstream("http://b.internal:3002/two").targets);
    service.targets.extend(upstream("http://a.internal:3002/three").targets);
    for (location, public_form) in [
        ("http://a.internal:3002/one/x", Some("/api/x")),
        ("http://a.internal:3002/three/x", Some("/api/x")),
        ("/three/x", Some("/api/x")),
        ("/threefold/x", Some("/api/threefold/x")),
        ("http://b.internal:3002/two/x", Some("/api/x")),
        ("http://b.internal:3002/one/x", Some("/api/one/x")),
        ("/one/x", Some("/api/x")),
        ("/two/x", Some("/api/two/x")),
        ("http://c.internal:3002/one/x", None),
    ] {
        assert_eq!(
            made_public(&service, "/api", location).as_deref(),
            public_form,
            "{location}"
        );
    }
}
