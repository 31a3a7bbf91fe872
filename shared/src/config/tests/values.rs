//! Single values: what fits, what does not.

use super::{OPEN_ROUTE, mistakes, right};

fn timeout(written: &str) -> Option<u128> {
    let text = format!("defaults: {{ timeout: {written} }}\n{OPEN_ROUTE}");
    super::load(&text)
        .ok()
        .map(|checked| super::call(&checked.config.routes[0]).timeout.as_millis())
}

fn burst(written: &str) -> Option<u32> {
    let rate = format!("rate_limiting: {{ default: {{ requests_per_minute: 60, burst: {written} }} }}");
    let checked = super::load(&format!("{rate}\n{OPEN_ROUTE}")).ok()?;
    checked
        .config
        .limits
        .default
        .map(|rule| rule.rate.map_or(0, |rate| rate.burst.get()))
}

#[test]
fn a_duration_is_a_whole_number_with_its_unit() {
    for (written, expected) in [
        ("1ms", 1),
        ("250ms", 250),
        ("2s", 2_000),
        ("10m", 600_000),
        ("15m", 900_000),
    ] {
        assert_eq!(timeout(written), Some(expected), "{written}");
    }
    for written in [
        "5",
        "5.5s",
        "-5s",
        "+5s",
        "5 s",
        "\" 5s\"",
        "5S",
        "5h",
        "5d",
        "s",
        "ms",
        "05s",
        "5sm",
        "1m30s",
        "1e3ms",
        "٥s",
        "\"\"",
        "18446744073709551616ms",
        "18446744073709551615s",
        "307445734561825861m",
        "99999999999999999999999m",
        "0s",
        "0ms",
        "901s",
    ] {
        assert_eq!(timeout(written), None, "{written}");
    }
}

#[test]
fn a_whole_number_is_in_plain_digits() {
    for (written, expected) in [("1", 1), ("20", 20), ("31622400", 31_622_400)] {
        assert_eq!(burst(written), Some(expected), "{written}");
    }
    for written in [
        "0",
        "-1",
        "+1",
        "01",
        "1.0",
        "1e3",
        "0x10",
        "0o17",
        "1_000",
        "4294967296",
        ".inf",
        "\"1\"",
        "true",
        "[1]",
        "~",
        "٣",
    ] {
        assert_eq!(burst(written), None, "{written}");
    }
}

#[test]
fn yaml_scalars_are_those_of_the_core_schema() {
    let told = |written: &str| {
        let line = mistakes(&format!("sealed_headers: {{ a: b }}\nversion: {written}\n{OPEN_ROUTE}"));
        let line = line
            .lines()
            .find(|line| line.contains("/version"))
            .unwrap_or_default()
            .to_owned();
        line.rsplit_once("not ")
            .map(|(_, found)| found.to_owned())
            .unwrap_or_default()
    };
    for (written, found) in [
        ("", "null"),
        ("~", "null"),
        ("NULL", "null"),
        ("True", "true"),
        ("FALSE", "false"),
        ("yes", "\"yes\""),
        ("on", "\"on\""),
        ("n", "\"n\""),
        ("-.5", "-.5"),
        ("5.", "5."),
        ("-.Inf", "-.Inf"),
        (".nan", ".nan"),
        ("0xFF", "0xFF"),
        ("0o8", "\"0o8\""),
        ("1e", "\"1e\""),
        ("1-2", "\"1-2\""),
        ("12:30:45", "\"12:30:45\""),
        ("2026-01-01", "\"2026-01-01\""),
        ("'1'", "\"1\""),
        ("|\n  1", "\"1\\n\""),
        (".", "\".\""),
        ("+", "\"+\""),
    ] {
        assert_eq!(told(written), found, "{written}");
    }
}

#[test]
fn placeholders_are_filled_inside_texts() {
    let filled = |written: &str| {
        let text =
            format!("routes: [ {{ path: /a, upstream: \"http://a\", auth: none, query: {{ q: {written:?} }} }} ]");
        right(&text).config.routes[0].conditions.query[0].1.clone()
    };
    for (written, expected) in [
        ("${A_HOST}", "a.internal"),
        ("http://${A_HOST}:${RPS}/", "http://a.internal:100/"),
        ("${UNSET:-}", ""),
        ("${UNSET:-a b:-c}", "a b:-c"),
        ("${EMPTY}", ""),
        ("${EMPTY:-none}", "none"),
        ("${RPS:-7}", "100"),
        ("$${RPS}", "${RPS}"),
        ("$$${RPS}", "$${RPS}"),
        ("$RPS and $ and $$ and {RPS} and }", "$RPS and $ and $$ and {RPS} and }"),
        ("x$", "x$"),
        ("\u{fc}${RPS}\u{fc}", "\u{fc}100\u{fc}"),
    ] {
        assert_eq!(filled(written), expected, "{written}");
    }
}

#[test]
fn placeholders_are_not_filled_in_keys() {
    let text = format!("upstreams: {{ \"${{A_HOST}}\": {{ url: \"http://a\" }} }}\n{OPEN_ROUTE}");
    assert!(mistakes(&text).contains("\"${A_HOST}\" is not a name"));
}

#[test]
fn variables_of_the_platform_are_never_read() {
    for name in [
        "AWS_SECRET_ACCESS_KEY",
        "AWS_X",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
        "_",
        "aws_session_token",
        "Lambda_X",
    ] {
        let text = format!("sealed_headers: [\"${{{name}:-X-A}}\"]\n{OPEN_ROUTE}");
        let told = super::parse("x", &text, &|name| panic!("{name} was asked for")).expect_err("it is refused");
        assert!(told.to_string().contains("names a variable of the platform"), "{told}");
    }
}

#[test]
fn urls_that_browsers_would_repair_are_refused() {
    for url in [
        "http:///a",
        "http:a",
        "http:/a",
        "http:\\\\\\\\a",
        "http://a b",
        "http://a\\tb",
        "http://",
        "//a",
        "a",
        "",
        "file:///etc",
        "http://[::1",
        "http://a:99999",
        "http://a?q",
        "http://a#f",
        "http://u@a",
        "http://:p@a",
        "https://a/b\\\\c",
        "ws://a",
        "http:// a",
    ] {
        let text = format!("upstreams: {{ a: {{ url: \"{url}\" }} }}\n{OPEN_ROUTE}");
        assert!(mistakes(&text).contains("/upstreams/a/url: "), "{url}");
    }
    for url in [
        "http://a",
        "https://a.internal:8443/v2",
        "http://127.0.0.1:1/",
        "http://[::1]:80",
        "HTTP://A",
    ] {
        right(&format!("upstreams: {{ a: {{ url: \"{url}\" }} }}\n{OPEN_ROUTE}"));
    }
}

#[test]
fn hosts_are_names_without_ports() {
    let host =
        |host: &str| format!("routes: [ {{ path: /a, upstream: \"http://a\", auth: none, hosts: [\"{host}\"] }} ]");
    for good in [
        "a",
        "api.example.com",
        "*.example.com",
        "API.Example.Com",
        "192.0.2.1",
        "xn--mnchen-3ya.de",
        "a_b.internal",
    ] {
        let hosts = right(&host(good)).config.routes[0].conditions.hosts.clone();
        assert_eq!(hosts, [good.to_ascii_lowercase()]);
    }
    for bad in [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "*",
        "*.",
        "a.*.b",
        "**.a",
        "a:80",
        "a b",
        "m\u{fc}nchen.de",
        "a/b",
        "http://a",
        &"a".repeat(64),
    ] {
        assert!(mistakes(&host(bad)).contains("/routes/0/hosts/0: "), "{bad}");
    }
}
