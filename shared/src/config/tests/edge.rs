//! `ip`, `max_body`, `max_headers`, `cors`: what becomes of what is written.

use proptest::prelude::*;

use super::{OPEN_ROUTE, load, right};
use crate::config::Config;

fn config(section: &str) -> Option<Config> {
    load(&format!("{section}\n{OPEN_ROUTE}"))
        .ok()
        .map(|checked| checked.config)
}

fn denied(written: &str) -> Option<String> {
    let ip = config(&format!("ip: {{ deny: [{written}] }}"))?.entry.ip?;
    Some(ip.deny?.networks.first()?.to_string())
}

#[test]
fn an_address_or_a_network_in_any_spelling() {
    for (written, network) in [
        ("192.0.2.7", "192.0.2.7/32"),
        ("192.0.2.7/32", "192.0.2.7/32"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("\"2001:DB8::7\"", "2001:db8::7/128"),
        ("\"2001:db8::/32\"", "2001:db8::/32"),
        ("\"::/0\"", "::/0"),
        ("\"::ffff:192.0.2.7\"", "192.0.2.7/32"),
        ("\"::ffff:c000:207/128\"", "192.0.2.7/32"),
        ("\"::ffff:10.0.0.0/104\"", "10.0.0.0/8"),
        ("\"::ffff:0:0/96\"", "0.0.0.0/0"),
        // Wider than all of IPv4: it has addresses of IPv6 in it.
        ("\"::/64\"", "::/64"),
        // Not a mapped one.
        ("\"64:ff9b::c000:207\"", "64:ff9b::c000:207/128"),
    ] {
        assert_eq!(denied(written).as_deref(), Some(network), "{written}");
    }
}

#[test]
fn nothing_else_is_a_network() {
    for written in [
        "\"\"",
        "\" 192.0.2.7\"",
        "\"192.0.2.7 \"",
        "192.0.2",
        "192.0.2.256",
        "0192.0.2.7",
        "0xc0.0.2.7",
        "3221225991",
        "\"192.0.2.0/\"",
        "192.0.2.0/33",
        "192.0.2.0/-1",
        "192.0.2.0/+8",
        "192.0.2.0/255.255.255.0",
        "192.0.2.0/24/24",
        "192.0.2.7/24",
        "\"192.0.2.0/2 4\"",
        "\"2001:db8::/129\"",
        "\"2001:db8::1/64\"",
        "\"2001:db8:::/32\"",
        "\"[2001:db8::1]\"",
        "\"fe80::1%eth0\"",
        "\"::ffff:192.0.2.1/120\"",
        "192.0.2.7:80",
        "\"*\"",
        "localhost",
        "１92.0.2.7",
        "null",
        "7",
    ] {
        assert_eq!(denied(written), None, "{written}");
    }
}

fn max_body(written: &str) -> Option<usize> {
    let config = config(&format!("defaults: {{ max_body: {written} }}"))?;
    let limit = config.routes[0].edge.max_body.as_ref();
    limit.map(|limit| limit.bytes)
}

#[test]
fn a_size_is_a_whole_number_with_its_unit() {
    for (written, bytes) in [
        ("0B", 0),
        ("512B", 512),
        ("64KiB", 65_536),
        ("1MiB", 1_048_576),
        ("6MiB", 6_291_456),
        ("6144KiB", 6_291_456),
    ] {
        assert_eq!(max_body(written), Some(bytes), "{written}");
    }
    for written in [
        "512",
        "1.5MiB",
        "-1B",
        "+1B",
        "1 MiB",
        "\" 1MiB\"",
        "1mib",
        "1MB",
        "1kB",
        "1M",
        "1GiB",
        "B",
        "MiB",
        "01MiB",
        "1MiBB",
        "1MiB1KiB",
        "1e3B",
        "٥B",
        "\"\"",
        "6145KiB",
        "7MiB",
        "18446744073709551616B",
        "18446744073709551615MiB",
    ] {
        assert_eq!(max_body(written), None, "{written}");
    }
}

#[test]
fn a_routes_own_takes_the_place_of_the_default() {
    let text = "defaults: { max_body: 1KiB, cors: { origins: [https://a.example] } }\nroutes:\n";
    let routes = [
        "{ path: /a, upstream: http://a, auth: none }",
        "{ path: /b, upstream: http://a, auth: none, max_body: 2KiB, cors: none }",
    ];
    let config = right(&format!("{text}  - {}\n", routes.join("\n  - "))).config;
    let edge = |route: usize| &config.routes[route].edge;
    let limit = |route: usize| {
        edge(route)
            .max_body
            .as_ref()
            .map(|limit| (limit.bytes, limit.pointer.as_str().to_owned()))
    };
    assert_eq!(limit(0), Some((1024, "/defaults/max_body".into())));
    assert_eq!(limit(1), Some((2048, "/routes/1/max_body".into())));
    assert!(edge(0).cors.is_some() && edge(1).cors.is_none() && config.unrouted.cors.is_some());
}

#[test]
fn a_preflight_hears_of_the_routes_methods() {
    let text = "defaults: { cors: { origins: [https://a.example] } }\nroutes:\n";
    let routes = [
        "{ path: /a, upstream: http://a, auth: none, methods: [GET, PUT] }",
        "{ path: /b, upstream: http://a, auth: none }",
        "{ path: /c, upstream: http://a, auth: none, cors: { origins: [https://a.example], methods: [PATCH] } }",
    ];
    let config = right(&format!("{text}  - {}\n", routes.join("\n  - "))).config;
    let said = |route: usize| {
        let methods = config.routes[route].edge.cors.as_ref()?.methods.as_ref();
        methods.map(|value| value.to_str().expect("text").to_owned())
    };
    assert_eq!(said(0).as_deref(), Some("GET, PUT, HEAD"));
    assert_eq!(said(1).as_deref(), Some("GET, HEAD, POST, PUT, PATCH, DELETE"));
    assert_eq!(said(2).as_deref(), Some("PATCH"));
}

proptest! {
    #[test]
    fn any_text_is_a_network_or_a_mistake(text in "[0-9a-fA-F:./]{0,24}") {
        denied(&serde_json::to_string(&text).expect("a text"));
    }

    /// One that is taken has the very address that was written, and nothing beyond its prefix.
    #[test]
    fn a_network_is_taken_where_its_address_is_the_first_of_it(address in any::<std::net::IpAddr>(), length in 0..=32_u8) {
        let written = ipnet::IpNet::new(address, length).expect("a prefix of 0 to 32 fits both");
        for (network, fits) in [(written, written == written.trunc()), (written.trunc(), true)] {
            let taken = denied(&format!("\"{network}\""));
            prop_assert_eq!(taken, fits.then(|| network.to_string()), "{}", network);
        }
    }
}
