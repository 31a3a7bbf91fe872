//! Documents made to break the loader: an error each, never a panic, never a long wait.

use proptest::prelude::*;

use super::{OPEN_ROUTE, load, mistakes};
use crate::config::MAX_DOCUMENT;

#[test]
fn a_document_that_is_too_large_is_not_even_read() {
    let text = "x".repeat(10 * MAX_DOCUMENT);
    assert_eq!(
        mistakes(&text),
        "gateway.yaml:1: larger than 1048576 bytes, the most that is read"
    );
}

#[test]
fn deep_nesting_is_an_error() {
    for text in [
        format!("{{\"routes\":{}", "[".repeat(MAX_DOCUMENT / 2)),
        format!("{{\"routes\":{}{}}}", "[".repeat(400), "]".repeat(400)),
        "{\"a\":".repeat(100_000),
        format!("routes: {}", "[".repeat(MAX_DOCUMENT / 2)),
        format!("routes: {}", "{a: ".repeat(100_000)),
        format!("routes:\n{}", "- ".repeat(100_000)),
        format!("routes:\n{}", "? ".repeat(100_000)),
        (0..1000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect(),
    ] {
        assert!(load(&text).is_err(), "{}", &text[..40]);
    }
}

#[test]
fn repetition_up_to_the_size_bound_is_read_in_one_pass() {
    for unit in [
        "a: b\n",
        "- a\n",
        "a",
        " ",
        "\t",
        "\n",
        "#",
        "'",
        "\"",
        "[",
        "a: [\n",
        ": ",
        "? ",
        "& ",
        "*a ",
        "!",
        "%",
        "---\n",
        "|\n",
        "{\"a\":1},",
    ] {
        for before in ["", "routes: ", "{ \"a\": "] {
            let text = format!("{before}{}", unit.repeat(300_000 / unit.len()));
            assert!(load(&text).is_err(), "{before}{unit}");
        }
    }
}

#[test]
fn entity_expansion_has_nothing_to_expand() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
    }
    assert!(mistakes(&text).contains("/a1/0: aliases (*name) are not taken"));
}

#[test]
fn thousands_of_wrong_names_do_not_cost_their_square() {
    let mut text = "upstreams:\n".to_owned();
    for number in 0..5_000 {
        text.push_str(&format!("  upstream-number-{number}: {{ url: \"http://a:1\" }}\n"));
    }
    text.push_str("routes:\n");
    for number in 0..5_000 {
        text.push_str(&format!(
            "- {{ path: /{number}, upstream: upstraem-number-{number}, auth: none }}\n"
        ));
    }
    assert_eq!(mistakes(&text).lines().count(), 5_000);
}

#[test]
fn thousands_of_routes_of_one_shape_do_not_cost_their_square() {
    let mut text = "routes:\n".to_owned();
    for number in 0..8_000 {
        text.push_str(&format!(
            "- {{ path: /a, methods: [M{number}], upstream: \"http://a:1\", auth: none }}\n"
        ));
    }
    assert_eq!(load(&text).expect("all differ").config.routes.len(), 8_000);
    assert_eq!(
        mistakes(&format!(
            "{text}- {{ path: /a, upstream: \"http://a:1\", auth: none }}\n"
        ))
        .lines()
        .count(),
        1
    );
}

#[test]
fn thousands_of_one_key_are_told_once_each() {
    let text = format!("{}{OPEN_ROUTE}", "version: 1\n".repeat(5_000));
    assert_eq!(mistakes(&text).lines().count(), 4_999);
}

#[test]
fn odd_characters_are_shown_escaped() {
    let told = mistakes("{ \"version\": \"\\u0000\\n\\u001b[31m\", \"routes\": [] }");
    assert!(
        told.is_ascii() && !told.contains('\u{1b}') && !told.contains('\0'),
        "{told:?}"
    );
}

/// A document of the grammar's own words, so that the checks behind the syntax are reached.
pub(super) fn words() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("/a/**".to_owned()),
        Just("http://a:1".to_owned()),
        Just("none".to_owned()),
        Just("10s".to_owned()),
        Just("${RPS}".to_owned()),
        Just("${".to_owned()),
        Just("header:X-User-Id".to_owned()),
        Just("GET".to_owned()),
        "\\PC{0,6}",
    ]
    .prop_map(|text| serde_json::Value::String(text).to_string());
    let leaf = prop_oneof![
        scalar,
        any::<i64>().prop_map(|number| number.to_string()),
        Just("true".into()),
        Just("null".into())
    ];
    let key = prop::sample::select(vec![
        "version",
        "defaults",
        "timeout",
        "errors",
        "format",
        "upstream",
        "trusted_proxies",
        "sealed_headers",
        "upstreams",
        "url",
        "auth",
        "type",
        "jwks_uri",
        "issuer",
        "audiences",
        "algorithms",
        "claims_to_headers",
        "exclude_paths",
        "failures",
        "rate_limiting",
        "default",
        "overrides",
        "path",
        "requests_per_second",
        "burst",
        "key",
        "transformations",
        "response",
        "remove_fields",
        "rename_fields",
        "routes",
        "id",
        "methods",
        "hosts",
        "headers",
        "query",
        "strip_prefix",
        "rate_limit",
        "optional",
    ]);
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|members| members
                    .iter()
                    .map(|(key, value)| format!("\"{key}\":{value}"))
                    .collect::<Vec<_>>()
                    .join(","))
                .prop_map(|members| format!("{{{members}}}")),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_gives_an_answer(text in "\\PC{0,200}") {
        let _ = load(&text);
    }

    #[test]
    fn any_text_with_line_breaks_gives_an_answer(text in "[ \\t\\n:\\-\\[\\]{},\"'#&*!|>%@`?a1~]{0,80}") {
        let _ = load(&text);
    }

    #[test]
    fn any_text_after_a_brace_gives_an_answer(text in "[ \\n:\\[\\]{},\"\\\\utrue0-9.eE+-]{0,80}") {
        let _ = load(&format!("{{{text}"));
    }

    /// The same text read as JSON and, behind a document marker, as YAML: the same mistakes.
    #[test]
    fn the_grammars_own_words_in_any_order_give_the_same_answer_in_both_syntaxes(text in words()) {
        if !text.starts_with('{') {
            return Ok(());
        }
        let pointers = |text: &str| match load(text) {
            Ok(checked) => format!("{:?}", checked.config),
            Err(mistakes) => mistakes.0.iter().map(|line| line.splitn(3, ':').nth(2).unwrap_or("").to_owned()).collect::<Vec<_>>().join("\n"),
        };
        prop_assert_eq!(pointers(&text), pointers(&format!("--- {text}")));
    }

    #[test]
    fn a_right_document_cut_anywhere_gives_an_answer(end in 0..1400_usize) {
        let base = include_str!("../../../../examples/base.json");
        let end = end.min(base.len());
        prop_assert_eq!(load(&base[..end]).is_ok(), base[end..].trim().is_empty());
    }

    #[test]
    fn placeholders_of_any_kind_give_an_answer(text in "[$\\{\\}:\\-A-Z_a${}]{0,24}") {
        let text = serde_json::Value::String(text).to_string();
        let _ = load(&format!("trusted_proxies: [{text}]\n{OPEN_ROUTE}"));
    }
}
