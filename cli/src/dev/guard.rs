//! Who may speak to a listener that is meant for this machine only.
//!
//! A web page can send requests to loopback addresses, and by rebinding its own name to 127.0.0.1 it can even
//! read the answers. Both leave a trace that the page cannot change: a foreign `Origin`, or its name in `Host`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderValue, StatusCode};

/// Whom a listener answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody who reaches it: the gateway itself.
    Public,
    /// Programs of this machine, under a loopback name with this port.
    Loopback {
        /// The port that `Host` must name.
        port: u16,
    },
    /// Programs of other machines too (`--allow-remote`), by address and port: a name could have been rebound to it.
    Address {
        /// The port that `Host` must name.
        port: u16,
    },
}

impl Access {
    /// What a guarded listener on this address grants; it is beyond loopback only when that was asked for.
    pub(crate) fn guarded(address: SocketAddr) -> Self {
        if address.ip().is_loopback() {
            Self::Loopback { port: address.port() }
        } else {
            Self::Address { port: address.port() }
        }
    }

    /// Whether a request with these headers is answered; otherwise the status and the reason.
    pub(crate) fn check(self, headers: &HeaderMap) -> Result<(), (StatusCode, &'static str)> {
        let (port, remote) = match self {
            Self::Public => return Ok(()),
            Self::Loopback { port } => (port, false),
            Self::Address { port } => (port, true),
        };
        let host = only_host(headers).ok_or((StatusCode::BAD_REQUEST, "Exactly one Host header is needed."))?;
        match address_of(host, port) {
            Some(address) if remote || address.is_loopback() => {}
            _ if remote => {
                return Err((
                    StatusCode::FORBIDDEN,
                    "This listener is reached by its address, not by a name.",
                ));
            }
            _ => return Err((StatusCode::FORBIDDEN, "This listener answers loopback names only.")),
        }
        let own_origin = format!("http://{host}");
        if headers
            .get_all(ORIGIN)
            .iter()
            .any(|origin| origin.as_bytes() != own_origin.as_bytes())
        {
            return Err((
                StatusCode::FORBIDDEN,
                "This listener does not answer pages of other origins.",
            ));
        }
        Ok(())
    }
}

/// The one `Host`; `None` when there is none, several, or one that is no text.
pub(crate) fn only_host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next().map(HeaderValue::to_str), hosts.next()) {
        (Some(Ok(host)), None) => Some(host),
        _ => None,
    }
}

/// The address that a `Host` with this port names: a literal one, or `localhost`.
fn address_of(host: &str, port: u16) -> Option<IpAddr> {
    let suffix = format!(":{port}");
    let name = match host.strip_suffix(&suffix) {
        Some(name) => name,
        // Port 80 is left out of `Host` (RFC 9110 section 7.2).
        None if port == 80 => host,
        None => return None,
    };
    if name.eq_ignore_ascii_case("localhost") {
        return Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    match name.strip_prefix('[') {
        Some(rest) => rest
            .strip_suffix(']')
            .and_then(|inner| inner.parse().ok())
            .map(IpAddr::V6),
        None => name.parse().ok().map(IpAddr::V4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn status(access: Access, pairs: &[(&'static str, &'static str)]) -> u16 {
        access
            .check(&headers(pairs))
            .map_or_else(|(status, _)| status.as_u16(), |()| 200)
    }

    #[test]
    fn a_loopback_listener_knows_its_names() {
        let loopback = Access::Loopback { port: 8000 };
        for (host, expected) in [
            ("127.0.0.1:8000", 200),
            ("localhost:8000", 200),
            ("LOCALHOST:8000", 200),
            ("[::1]:8000", 200),
            ("127.9.8.7:8000", 200),
            ("127.0.0.1", 403),
            ("127.0.0.1:8001", 403),
            ("127.0.0.1:80000", 403),
            ("evil.example:8000", 403),
            ("localhost.evil.example:8000", 403),
            ("127.0.0.1.evil.example:8000", 403),
            ("evil.example:8000@127.0.0.1:8000", 403),
            ("0.0.0.0:8000", 403),
            ("[::]:8000", 403),
            ("[::1:8000", 403),
            ("::1:8000", 403),
            ("10.0.0.1:8000", 403),
            ("2130706433:8000", 403),
            ("127.1:8000", 403),
            ("localhost:8000:8000", 403),
            ("", 403),
        ] {
            assert_eq!(status(loopback, &[("host", host)]), expected, "{host}");
        }
    }

    #[test]
    fn port_80_may_be_left_out() {
        assert_eq!(status(Access::Loopback { port: 80 }, &[("host", "localhost")]), 200);
        assert_eq!(status(Access::Loopback { port: 80 }, &[("host", "localhost:80")]), 200);
        assert_eq!(status(Access::Loopback { port: 80 }, &[("host", "evil.example")]), 403);
    }

    #[test]
    fn exactly_one_host_is_needed() {
        let loopback = Access::Loopback { port: 8000 };
        assert_eq!(status(loopback, &[]), 400);
        assert_eq!(
            status(loopback, &[("host", "localhost:8000"), ("host", "localhost:8000")]),
            400
        );
    }

    #[test]
    fn only_its_own_origin_is_answered() {
        for access in [Access::Loopback { port: 8000 }, Access::Address { port: 8000 }] {
            for (origin, expected) in [
                ("http://localhost:8000", 200),
                ("http://127.0.0.1:8000", 403),
                ("https://localhost:8000", 403),
                ("http://localhost:9000", 403),
                ("http://localhost", 403),
                ("null", 403),
                ("https://evil.example", 403),
            ] {
                assert_eq!(
                    status(access, &[("host", "localhost:8000"), ("origin", origin)]),
                    expected,
                    "{origin}"
                );
            }
        }
    }

    #[test]
    fn beyond_loopback_any_address_but_no_name_and_no_foreign_page() {
        let remote = Access::Address { port: 8000 };
        for host in [
            "192.0.2.7:8000",
            "[2001:db8::1]:8000",
            "127.0.0.1:8000",
            "localhost:8000",
        ] {
            assert_eq!(status(remote, &[("host", host)]), 200, "{host}");
        }
        for host in ["box.lan:8000", "evil.example:8000", "192.0.2.7:9000", "192.0.2.7"] {
            assert_eq!(status(remote, &[("host", host)]), 403, "{host}");
        }
        let page = [("host", "192.0.2.7:8000"), ("origin", "https://evil.example")];
        assert_eq!(status(remote, &page), 403);
        assert_eq!(status(remote, &[]), 400);
    }

    #[test]
    fn the_gateway_leaves_origins_to_its_config() {
        assert_eq!(status(Access::Public, &[("origin", "https://evil.example")]), 200);
    }

    #[test]
    fn the_address_decides_the_guard() {
        assert_eq!(
            Access::guarded("127.0.0.1:80".parse().unwrap()),
            Access::Loopback { port: 80 }
        );
        assert_eq!(
            Access::guarded("[::1]:80".parse().unwrap()),
            Access::Loopback { port: 80 }
        );
        assert_eq!(
            Access::guarded("0.0.0.0:80".parse().unwrap()),
            Access::Address { port: 80 }
        );
    }
}
