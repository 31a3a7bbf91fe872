//! Whether a request comes from the site's own pages (cross-site request forgery).
//!
//! Browsers say so in headers that pages cannot set: `Sec-Fetch-Site` (Fetch Metadata), and where that is not known yet
//! `Origin` (Fetch standard, section 3.1) on every request that may change something.

use http::header::ORIGIN;
use http::{HeaderName, Method};
use url::{Origin, Url};

use crate::auth::carriers;
use crate::auth::refusal::Refusal;
use crate::request::Request;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses what may change something and does not come from this site, or from one of these origins.
pub(super) fn check(request: &Request, origins: &[Origin]) -> Result<(), Refusal> {
    if is_safe(&request.method) {
        return Ok(());
    }
    let refused = |why: &'static str| Err(Refusal::CrossSite { why: why.into() });
    let (Ok(origin), Ok(site)) = (
        carriers::header(&request.headers, &ORIGIN),
        carriers::header(&request.headers, &SEC_FETCH_SITE),
    ) else {
        return refused("Origin or Sec-Fetch-Site is there more than once, or is no text");
    };
    match (origin, site) {
        // The browser compared the two itself, and knows the origin that it asked better than who stands behind a CDN.
        (_, Some("same-origin")) => Ok(()),
        (Some(origin), _) if is_listed(origin, origins) => Ok(()),
        (_, Some(_)) => refused("its Sec-Fetch-Site is not same-origin, and its Origin none of origins"),
        (Some(origin), None) if is_own(origin, request) => Ok(()),
        (Some(_), None) => refused("its Origin is another site's"),
        (None, None) => refused("it has neither Origin nor Sec-Fetch-Site"),
    }
}

/// Methods that change nothing (RFC 9110 section 9.2.1).
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether this is the origin that the client asked: scheme, host and port.
fn is_own(origin: &str, request: &Request) -> bool {
    let scheme = if request.https { "https" } else { "http" };
    let own = parse(&format!("{scheme}://{}", request.authority));
    own.is_some() && own == parse(origin)
}

fn is_listed(origin: &str, origins: &[Origin]) -> bool {
    parse(origin).is_some_and(|origin| origins.contains(&origin))
}

/// An origin as browsers write it (RFC 6454 section 6.2): scheme, host and port, and nothing else. `null` is none.
pub(crate) fn parse(text: &str) -> Option<Origin> {
    let url = Url::parse(text).ok()?;
    let plain = url.path() == "/" && !text.ends_with('/') && url.query().is_none() && url.fragment().is_none();
    let bare = url.username().is_empty() && url.password().is_none() && !text.contains(['@', '\\', ' ', '\t']);
    let http = matches!(url.scheme(), "http" | "https");
    (plain && bare && http).then(|| url.origin())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{headers, request};

    fn allowed(method: Method, https: bool, authority: &str, lines: &[(&str, &str)]) -> bool {
        let mut request = request(method, "/");
        request.https = https;
        request.authority = authority.to_owned();
        request.headers = headers(lines);
        let app = parse("https://app.example.com").unwrap();
        check(&request, &[app]).is_ok()
    }

    #[test]
    fn what_changes_nothing_may_come_from_anywhere() {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert!(allowed(
                method,
                true,
                "api.example.com",
                &[("origin", "https://evil.test")]
            ));
        }
    }

    #[test]
    fn what_may_change_something_comes_from_here() {
        let methods = [
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            "PURGE".parse().unwrap(),
        ];
        for method in methods {
            for (lines, expected) in [
                (vec![("origin", "https://api.example.com")], true),
                (vec![("origin", "https://API.example.com")], true),
                (vec![("origin", "https://api.example.com:443")], true),
                (vec![("origin", "https://app.example.com")], true),
                (vec![("sec-fetch-site", "same-origin")], true),
                (
                    vec![("origin", "https://api.example.com"), ("sec-fetch-site", "same-origin")],
                    true,
                ),
                (vec![], false),
                (vec![("origin", "null")], false),
                (vec![("origin", "")], false),
                (vec![("origin", "http://api.example.com")], false),
                (vec![("origin", "https://api.example.com:8443")], false),
                (vec![("origin", "https://api.example.com.evil.test")], false),
                (vec![("origin", "https://evil.test/https://api.example.com")], false),
                (vec![("origin", "https://api.example.com@evil.test")], false),
                (vec![("origin", "https://evil.test@api.example.com")], false),
                (vec![("origin", "https://api.example.com/")], false),
                (vec![("origin", "https://api.example.com/x")], false),
                (vec![("origin", "https://api.example.com?x")], false),
                (vec![("origin", "https://sub.api.example.com")], false),
                (vec![("origin", "https://example.com")], false),
                (vec![("origin", "https://app.example.com, https://evil.test")], false),
                (
                    vec![("origin", "https://api.example.com"), ("origin", "https://evil.test")],
                    false,
                ),
                // Behind a CDN that asks by another name: the browser knows.
                (
                    vec![("origin", "https://www.example.com"), ("sec-fetch-site", "same-origin")],
                    true,
                ),
                (
                    vec![("origin", "https://app.example.com"), ("sec-fetch-site", "same-site")],
                    true,
                ),
                (
                    vec![("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")],
                    false,
                ),
                (
                    vec![("origin", "https://api.example.com"), ("sec-fetch-site", "cross-site")],
                    false,
                ),
                (vec![("sec-fetch-site", "same-site")], false),
                (vec![("sec-fetch-site", "cross-site")], false),
                (vec![("sec-fetch-site", "none")], false),
                (vec![("sec-fetch-site", "Same-Origin")], false),
                (
                    vec![("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")],
                    false,
                ),
                (vec![("referer", "https://api.example.com/")], false),
            ] {
                assert_eq!(
                    allowed(method.clone(), true, "api.example.com", &lines),
                    expected,
                    "{method} {lines:?}"
                );
            }
        }
    }

    #[test]
    fn the_own_origin_has_the_scheme_and_port_that_the_client_used() {
        let post = |https, authority, origin| allowed(Method::POST, https, authority, &[("origin", origin)]);
        assert!(post(false, "localhost:9000", "http://localhost:9000"));
        assert!(!post(false, "localhost:9000", "http://localhost:9001"));
        assert!(!post(true, "localhost:9000", "http://localhost:9000"));
        assert!(post(true, "api.example.com:443", "https://api.example.com"));
        assert!(post(true, "[2001:db8::1]:8443", "https://[2001:db8::1]:8443"));
        // A load balancer's client that names no host has no site.
        assert!(!post(true, "", "https://"));
        assert!(!post(true, "", "null"));
    }
}
