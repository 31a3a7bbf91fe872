//! The host a client asked for.

use std::net::Ipv6Addr;

/// The host of `host[:port]` (RFC 9110 section 7.2) in lower case, without its port and without the dot that may end
/// a DNS name. An IPv6 address keeps its brackets. Nothing for nothing.
///
/// # Errors
/// A sentence for a 400. A name is at most 253 characters: labels of letters, digits, `-` and `_`. That leaves out
/// names that RFC 3986 permits and DNS does not, because configs and upstreams would read them in different ways.
pub(super) fn of_authority(authority: &str) -> Result<String, String> {
    if authority.is_empty() {
        return Ok(String::new());
    }
    split(authority).ok_or_else(|| "The host is not a name or an address with or without a port.".into())
}

fn split(authority: &str) -> Option<String> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        let port_fits = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
        return port_fits.then_some(format!("[{}]", address.parse::<Ipv6Addr>().ok()?));
    }
    let (name, port) = authority.split_once(':').unwrap_or((authority, ""));
    let name = name.strip_suffix('.').unwrap_or(name);
    let fits = name.len() <= 253 && name.split('.').all(is_label) && is_port(port);
    fits.then(|| name.to_ascii_lowercase())
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Also nothing: RFC 3986 section 3.2.3 permits a colon without a port.
fn is_port(port: &str) -> bool {
    port.is_empty() || port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_lose_case_port_and_last_dot() {
        for (authority, host) in [
            ("", ""),
            ("api.example.com", "api.example.com"),
            ("API.Example.COM:8443", "api.example.com"),
            ("api.example.com.", "api.example.com"),
            ("api.example.com.:443", "api.example.com"),
            ("localhost:9000", "localhost"),
            ("my_service-1:65535", "my_service-1"),
            ("example.com:", "example.com"),
            ("127.0.0.1:0", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[::1]:443", "[::1]"),
            ("[2001:DB8::1]:", "[2001:db8::1]"),
        ] {
            assert_eq!(of_authority(authority).as_deref(), Ok(host), "{authority}");
        }
    }

    #[test]
    fn hostile_hosts_are_refused() {
        let long = format!("{}.example", "a".repeat(250));
        for authority in [
            " ",
            "a b",
            "h:99999",
            "h:-1",
            "h:+1",
            "h:80:80",
            ":80",
            ".",
            "..",
            "a..b",
            ".a",
            "a..",
            "a/b",
            "a\\b",
            "a@b",
            "user:pw@h",
            "a?b",
            "a#b",
            "a%2eb",
            "a,b",
            "a, b",
            "bücher.example",
            "::1",
            "[::1",
            "[::1]x",
            "[]",
            "[::1]:x",
            "[::1]:99999",
            "[127.0.0.1]",
            "[fe80::1%25eth0]",
            "h:٨٠",
            "http://h",
            "a;b",
            "a\tb",
            "h\u{0}",
            "*",
            "*.example.com",
            &long,
        ] {
            assert!(of_authority(authority).is_err(), "{authority:?}");
        }
    }
}
