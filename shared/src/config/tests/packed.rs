//! `packed:...`: what comes out is what went in, and nothing else comes out.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::Checked;
use crate::config::report::Report;
use crate::config::{Config, MAX_DOCUMENT, Mistakes, Origin, compact, pack};

/// What Lambda leaves for all variables of a function together, in bytes.
const VARIABLES: usize = 4_096;

fn load(value: &str) -> Result<Checked, Mistakes> {
    let variable = |name: &str| match name {
        "GATEWAY_CONFIG" => Some(value.to_owned()),
        _ => super::variable(name),
    };
    match Origin::from_environment(&variable)? {
        Origin::Here(document) => document.check(&variable),
        elsewhere => panic!("{elsewhere:?} is not here"),
    }
}

fn told(value: &str) -> String {
    load(value).expect_err("a mistake").to_string()
}

/// Any bytes in the packed form.
fn packed(bytes: &[u8]) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("written");
    format!(
        "packed:{}",
        URL_SAFE_NO_PAD.encode(encoder.finish().expect("compressed"))
    )
}

fn small() -> String {
    pack("x.yaml", super::OPEN_ROUTE).expect("a document")
}

#[test]
fn a_packed_document_means_what_it_meant() {
    for (name, text) in [
        ("base.json", include_str!("../../../../examples/base.json")),
        ("all.yaml", include_str!("../../../../examples/all.yaml")),
    ] {
        let packed = pack(name, text).expect("a document");
        let meaning = |mut config: Config| {
            // An edition is of a text, whatever it means.
            if let Some(cache) = &mut config.cache {
                cache.edition = Default::default();
            }
            format!("{config:?}")
        };
        let here = |name: &str| meaning(super::parse(name, text, &super::variable).expect("right").config);
        let there = meaning(load(&packed).expect("right").config);
        assert_eq!(there, here(name));
        // Nothing that a shell, a YAML file or a list of parameters could take for something else.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':');
        assert!(packed.bytes().all(plain), "{packed}");
    }
}

#[test]
fn placeholders_are_filled_where_it_is_served() {
    let document = "routes: [{ path: /a, upstream: \"http://${A_HOST}\", auth: none }]";
    let checked = load(&pack("x.yaml", document).expect("a document")).expect("right");
    assert_eq!(
        super::call(&checked.config.routes[0]).upstream.targets[0].url.as_str(),
        "http://a.internal/"
    );
    let unset = pack("x.yaml", &document.replace("A_HOST", "NOT_SET")).expect("a document");
    insta::assert_snapshot!(told(&unset), @r#"GATEWAY_CONFIG: /routes/0/upstream: "${NOT_SET}" is not set: set the variable, or write `${NOT_SET:-default}`"#);
}

#[test]
fn mistakes_have_a_pointer_and_no_line() {
    let wrong = pack("x.yaml", "routes:\n\n  - { path: /a, upstream: b }\n  - { pth: /a }\n").expect("a document");
    insta::assert_snapshot!(told(&wrong), @r#"
    GATEWAY_CONFIG: /routes/0: nobody can be let in: add an auth section, or say auth: none to make the route public
    GATEWAY_CONFIG: /routes/0/upstream: "b" is not an upstream: name one of upstreams, or write a URL such as http://orders:3002
    GATEWAY_CONFIG: /routes/1: nothing answers here: give the route an upstream, parts in aggregate, or an answer of its own in respond
    GATEWAY_CONFIG: /routes/1: nobody can be let in: add an auth section, or say auth: none to make the route public
    GATEWAY_CONFIG: /routes/1/pth: "pth" is not a key here (did you mean "path"?)
    "#);
    let told_twice = told(&packed(b"{\"a\":\n1,\"a\":2}"));
    assert!(
        told_twice.ends_with("GATEWAY_CONFIG: /a: \"a\" is here twice"),
        "{told_twice}"
    );
    insta::assert_snapshot!(told(&packed(b"{\"a\":}")), @"GATEWAY_CONFIG: not JSON: Unexpected close brace");
}

#[test]
fn warnings_have_a_pointer_and_no_line() {
    let document = format!("trusted_proxies: [0.0.0.0/0]\n{}", super::OPEN_ROUTE);
    let checked = load(&pack("x.yaml", &document).expect("a document")).expect("right");
    insta::assert_snapshot!(checked.warnings.join("\n"), @r#"GATEWAY_CONFIG: /trusted_proxies/0: "0.0.0.0/0" trusts everybody: any client can then choose its own address"#);
}

#[test]
fn what_is_not_packed_so_is_told_without_showing_it() {
    let whole = small();
    let body = whole.strip_prefix("packed:").expect("the prefix");
    let bytes = URL_SAFE_NO_PAD.decode(body).expect("base64url");
    let json = compact("x.yaml", super::OPEN_ROUTE).expect("a document");
    let raw = |bytes: &[u8]| format!("packed:{}", URL_SAFE_NO_PAD.encode(bytes));
    let mut deflated = DeflateEncoder::new(Vec::new(), Compression::best());
    deflated.write_all(json.as_bytes()).expect("written");
    let mut gzipped = GzEncoder::new(Vec::new(), Compression::best());
    gzipped.write_all(json.as_bytes()).expect("written");
    for (value, reason) in [
        ("packed:".to_owned(), "does not unpack"),
        ("packed: e30".to_owned(), "is not base64url"),
        ("packed:hunter2!".to_owned(), "is not base64url"),
        (format!("packed:{}", STANDARD.encode([251, 255])), "is not base64url"),
        (format!("{whole}="), "is not base64url"),
        (whole[..whole.len() - 4].to_owned(), "is cut short"),
        (whole.replacen(&body[8..12], "AAAA", 1), "does not unpack"),
        (
            raw(&[&bytes[..bytes.len() - 1], &[!bytes[bytes.len() - 1]]].concat()),
            "does not unpack",
        ),
        (raw(&[&bytes[..], b"more"].concat()), "has something behind its end"),
        (raw(&deflated.finish().expect("compressed")), "does not unpack"),
        (raw(&gzipped.finish().expect("compressed")), "does not unpack"),
        (packed(b"{\"a\":\"\xff\"}"), "holds something else than text"),
        (packed(b""), "holds something else than a JSON object"),
        (
            packed(super::OPEN_ROUTE.as_bytes()),
            "holds something else than a JSON object",
        ),
        (packed(whole.as_bytes()), "holds something else than a JSON object"),
    ] {
        let told = told(&value);
        assert!(told.contains(reason), "{reason}: {told}");
        assert!(told.starts_with("GATEWAY_CONFIG: what follows packed: "), "{told}");
        assert!(!told.contains("hunter2") && !told.contains('\n'), "{told}");
    }
}

/// Hundreds of times as much comes out as goes in: read only as far as a document may go.
#[test]
fn a_value_that_swells_is_refused_by_its_size() {
    let mut bomb = b"{".to_vec();
    bomb.resize(3 * MAX_DOCUMENT, b' ');
    assert_eq!(
        told(&packed(&bomb)),
        "GATEWAY_CONFIG: larger than 1048576 bytes, the most that is read"
    );
    bomb.truncate(MAX_DOCUMENT);
    assert!(told(&packed(&bomb)).starts_with("GATEWAY_CONFIG: not JSON: "));
}

#[test]
fn numbers_mean_the_same_in_any_spelling() {
    for (spelling, fits) in [
        ("7", true),
        ("007", false),
        ("7.0", false),
        ("7e0", false),
        ("-7", false),
        ("1e999", false),
    ] {
        let document = format!(
            r#"{{"routes":[{{"path":"/a","respond":{{"body":[{spelling}]}},"auth":"none","rate_limit":{{"requests_per_day":{spelling}}}}}]}}"#
        );
        assert_eq!(load(&packed(document.as_bytes())).is_ok(), fits, "{spelling}");
        assert_eq!(load(&document).is_ok(), fits, "{spelling}");
    }
    let body = r#"{"routes":[{"path":"/a","respond":{"body":[1.10,18446744073709551616,-0,-5,1E2]},"auth":"none"}]}"#;
    let checked = load(&packed(body.as_bytes())).expect("right");
    let crate::config::Target::Respond(answer) = &checked.config.routes[0].target else {
        panic!("an answer")
    };
    assert_eq!(answer.body, "[1.10,18446744073709551616,-0,-5,1E2]");
}

#[test]
fn a_document_may_nest_as_deep_packed_as_not() {
    let told = |depth: usize| {
        let lists = "[".repeat(depth) + &"]".repeat(depth);
        let document = format!(r#"{{"routes":[{{"path":"/a","auth":"none","respond":{{"body":{lists}}}}}]}}"#);
        (load(&packed(document.as_bytes())).is_ok(), load(&document).is_ok())
    };
    // The body itself is the fifth level.
    assert_eq!(told(29), (true, true));
    assert_eq!(told(30), (false, false));
}

/// 300 routes as twelve teams would write them: none like another, a fifth with a setting of its own.
fn three_hundred_routes() -> Value {
    const SERVICES: [&str; 12] = [
        "users",
        "orders",
        "catalog",
        "carts",
        "payments",
        "invoices",
        "shipping",
        "search",
        "reviews",
        "accounts",
        "notifications",
        "reports",
    ];
    const RESOURCES: [&str; 25] = [
        "items",
        "profiles",
        "addresses",
        "entries",
        "comments",
        "history",
        "settings",
        "documents",
        "attachments",
        "events",
        "tags",
        "members",
        "roles",
        "permissions",
        "labels",
        "drafts",
        "exports",
        "imports",
        "schedules",
        "templates",
        "webhooks",
        "sessions",
        "devices",
        "tokens",
        "preferences",
    ];
    const METHODS: [&[&str]; 5] = [
        &["GET"],
        &["GET", "POST"],
        &["PUT", "DELETE"],
        &["GET", "PUT", "DELETE"],
        &["POST"],
    ];
    let route = |n: usize| {
        let (service, resource) = (SERVICES[n % 12], RESOURCES[n / 12]);
        let tail = ["", "/{id}", "/**"][n % 7 % 3];
        let mut route = json!({
            "path": format!("/api/{service}/{resource}{tail}"),
            "upstream": service, "strip_prefix": "/api", "methods": METHODS[n * n % 11 % 5],
        });
        if n.is_multiple_of(5) {
            route["timeout"] = json!(format!("{}s", 1 + n % 9));
        }
        if n.is_multiple_of(11) {
            route["rate_limit"] = json!({ "requests_per_minute": 10 + n });
        }
        route
    };
    let upstreams = SERVICES.iter().map(|name| {
        let url = format!("${{{}_URL:-http://{name}.internal}}", name.to_uppercase());
        ((*name).to_owned(), json!({ "url": url }))
    });
    json!({
        "upstreams": upstreams.collect::<serde_json::Map<_, _>>(),
        "auth": {
            "type": "jwt", "issuer": "https://auth.example.com", "audiences": ["api.example.com"],
            "jwks_uri": "https://auth.example.com/.well-known/jwks.json", "exclude_paths": ["/api/users/items"],
        },
        "rate_limiting": { "default": { "requests_per_second": 100, "burst": 20, "key": "header:X-User-Id" } },
        "routes": (0..300).map(route).collect::<Vec<_>>(),
    })
}

#[test]
fn three_hundred_routes_fit_into_a_functions_variables() {
    let document = three_hundred_routes().to_string();
    let packed = pack("gateway.json", &document).expect("a document");
    assert_eq!(load(&packed).expect("right").config.routes.len(), 300);
    assert!(document.len() > 8 * VARIABLES, "{}", document.len());
    assert!("GATEWAY_CONFIG".len() + packed.len() < VARIABLES, "{}", packed.len());
}

proptest! {
    #[test]
    fn any_value_gives_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..64), text in "\\PC{0,40}") {
        let _ = load(&format!("packed:{text}"));
        let _ = load(&format!("packed:{}", URL_SAFE_NO_PAD.encode(&bytes)));
        let _ = load(&packed(&bytes));
    }

    /// Packed it is read without lines; here the other is read with them, though it may be right and need none.
    #[test]
    fn packed_or_not_a_document_means_the_same(text in super::hostile::words()) {
        if !text.starts_with('{') {
            return Ok(());
        }
        let pointers = |told: Result<Checked, Mistakes>, parts: usize| match told {
            Ok(checked) => format!("{:?}", checked.config),
            Err(Mistakes(lines)) => {
                // Where the first of two stands is said by its line.
                let place = |line: &String| line.replace("; first on line 1", "").splitn(parts, ':').last().map(ToOwned::to_owned);
                let places = lines.iter().filter_map(place);
                let mut places: Vec<String> = places.collect();
                places.sort();
                places.join("\n")
            }
        };
        let with_lines = crate::config::checked(&text, &super::variable, Report::new("GATEWAY_CONFIG"));
        prop_assert_eq!(pointers(load(&packed(text.as_bytes())), 2), pointers(with_lines, 3));
    }

    /// The checksum: no slip of a finger makes another config of one that was right. (Bits that fill up the last byte
    /// mean nothing.)
    #[test]
    fn a_changed_letter_is_never_another_config(at in 0..200_usize, letter in "[A-Za-z0-9_-]") {
        let whole = small();
        let at = "packed:".len() + at % (whole.len() - "packed:".len());
        let mut changed = whole.clone();
        changed.replace_range(at..=at, &letter);
        if let Ok(Checked { config, .. }) = load(&changed) {
            let right = load(&whole).expect("right").config;
            prop_assert_eq!(format!("{config:?}"), format!("{right:?}"));
        }
    }
}
