//! Whose request it is: the address that connected, or the one that trusted proxies vouch for.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use super::json::Object;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Stands for a client that has no address: a load balancer's health check, the API Gateway console's test. No client
/// can have it (RFC 1122 section 3.2.1.3), and no proxy is trusted to speak for it.
pub(super) const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The address that this member names. The error is a sentence for a 400.
pub(super) fn source(object: &Object<'_>, name: &str) -> Result<IpAddr, String> {
    let text = object.required(name)?;
    let address = text
        .parse::<IpAddr>()
        .map_err(|_| object.wrong(name, "is not an IP address"))?;
    Ok(address.to_canonical())
}

/// The last address in `X-Forwarded-For`, which a load balancer puts there itself (all before it is the client's own
/// word); without the header [`NOBODY`]. The error is a sentence for a 400.
pub(super) fn last_forwarded(headers: &HeaderMap) -> Result<IpAddr, String> {
    let Some(line) = headers.get_all(X_FORWARDED_FOR).iter().next_back() else {
        return Ok(NOBODY);
    };
    let last = line.as_bytes().rsplit(|byte| *byte == b',').next();
    last.and_then(|last| entry(std::str::from_utf8(last).ok()?))
        .ok_or_else(|| "The event's header `x-forwarded-for` does not end with an address.".into())
}

/// The client's address. `source` is who connected to the front door. Entries of `X-Forwarded-For` count from the
/// right, each only if whoever wrote it is trusted; the first that is no address ends the walk.
///
/// The services append the source address themselves, as the last entry. That needs no care: an untrusted source ends
/// the walk before any entry is read, a trusted one is merely met twice. An edge-optimized REST API has CloudFront's
/// address behind it, which ends the walk unless it is trusted as well: to look for the source further left would be to
/// look in what a client may write.
pub(super) fn address(source: IpAddr, headers: &HeaderMap, trusted_proxies: &[IpNet]) -> IpAddr {
    if source == NOBODY {
        return source;
    }
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    // A line that is not text is one entry that is no address.
    let mut entries = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    let mut client = source;
    while trusted_proxies.iter().any(|network| network.contains(&client)) {
        match entries.next().and_then(entry) {
            Some(earlier) => client = earlier,
            None => break,
        }
    }
    client
}

/// One entry: an address, which proxies write with or without a port, IPv6 with or without brackets.
fn entry(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches([' ', '\t']);
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(v6) => v6.parse().ok().map(IpAddr::V6),
        None => text
            .parse()
            .ok()
            .or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip())),
    };
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// The address for `X-Forwarded-For` lines, with 10.0.0.0/8 and 2001:db8::/32 trusted.
    fn seen(source: &str, lines: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
        }
        let trusted = ["10.0.0.0/8", "2001:db8::/32"].map(|network| network.parse().unwrap());
        address(source.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn an_untrusted_source_is_the_client_whatever_it_says() {
        for said in [
            "",
            "198.51.100.1",
            "10.0.0.1",
            "10.0.0.1, 203.0.113.7",
            "203.0.113.7",
            "garbage",
            "198.51.100.1, 10.0.0.2",
        ] {
            assert_eq!(seen("203.0.113.7", &[said.as_bytes()]), "203.0.113.7", "{said}");
        }
        assert_eq!(seen("203.0.113.7", &[]), "203.0.113.7");
    }

    #[test]
    fn entries_count_while_every_later_one_is_trusted() {
        for (said, client) in [
            ("198.51.100.1, 10.0.0.1", "198.51.100.1"),
            // As the services write it: the source itself comes last.
            ("198.51.100.1, 10.0.0.2, 10.0.0.1", "198.51.100.1"),
            ("192.0.2.66, 198.51.100.1, 10.0.0.1", "198.51.100.1"),
            ("10.9.9.9, 198.51.100.1, 10.0.0.1", "198.51.100.1"),
            ("198.51.100.1", "198.51.100.1"),
            ("10.0.0.3,10.0.0.2,10.0.0.1", "10.0.0.3"),
            ("", "10.0.0.1"),
            ("198.51.100.1:4711, 10.0.0.2:80", "198.51.100.1"),
            ("[2001:db9::7]:4711, [2001:db8::1]:80", "2001:db9::7"),
            ("[2001:db9::7], 2001:db8::1", "2001:db9::7"),
            ("2001:db9::7, ::ffff:10.0.0.2", "2001:db9::7"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
            ("\t198.51.100.1 ,10.0.0.1\t", "198.51.100.1"),
        ] {
            assert_eq!(seen("10.0.0.1", &[said.as_bytes()]), client, "{said}");
        }
    }

    #[test]
    fn garbage_ends_the_walk_at_the_last_proxy_known() {
        for said in [
            "198.51.100.1, unknown",
            "198.51.100.1, , 10.0.0.2",
            "198.51.100.1,",
            "198.51.100.1, _hidden, 10.0.0.2",
            "198.51.100.1, \"10.0.0.2\"",
            "198.51.100.1, 10.0.0.256",
            "198.51.100.1, 10.0.0.2:99999",
            "198.51.100.1, [10.0.0.2]",
            "198.51.100.1, for=10.0.0.2",
            "198.51.100.1, 010.0.0.2",
            "198.51.100.1, 10.0.0.2/8",
            "198.51.100.1; 10.0.0.2",
        ] {
            let client = seen("10.0.0.1", &[said.as_bytes()]);
            assert!(client.starts_with("10.0.0."), "{said}: {client}");
        }
        assert_eq!(seen("10.0.0.1", &[b"198.51.100.1, \xff"]), "10.0.0.1");
    }

    #[test]
    fn repeated_lines_are_one_list() {
        assert_eq!(
            seen("10.0.0.1", &[b"192.0.2.66, 198.51.100.1", b"10.0.0.3, 10.0.0.2"]),
            "198.51.100.1"
        );
    }

    #[test]
    fn without_trusted_proxies_nothing_counts() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("198.51.100.1"));
        let source = IpAddr::from([10, 0, 0, 1]);
        assert_eq!(address(source, &headers, &[]), source);
    }
}
