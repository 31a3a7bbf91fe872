//! Whatever a value is, from whatever source: read back, the text around it is as it was.

use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::path::CanonicalPath;

/// Texts that try to be more than a value, alone and joined with any text.
fn hostile() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "",
        ".",
        "..",
        "..;x",
        ".;",
        "%2e%2e",
        "%2F",
        "/",
        "\\",
        "//",
        "?",
        "#",
        "&",
        "=",
        ";",
        "+",
        "%",
        "a&b=c",
        "\r\nX-Evil: 1",
        "\n",
        "\0",
        "\"",
        "\\\"",
        "\",\"x\":\"",
        "{id}",
        "{{",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "é",
        " ",
        "\u{202e}",
        "\t",
        "'",
        "<script>",
        "1e999",
        "null",
    ]);
    (known.clone(), any::<String>(), known).prop_map(|(before, middle, after)| format!("{before}{middle}{after}"))
}

/// The same text in every source that can hold it.
fn given(text: &str) -> Given {
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("v", text)
        .finish();
    let part = json!({ "v": text }).to_string();
    let mut given = Given::new("/", &query, json!({ "v": text }), &part);
    given.request.headers.clear();
    if let Ok(value) = http::HeaderValue::from_bytes(text.as_bytes()) {
        given.request.headers.insert("x-v", value);
    }
    given
}

const NAMES: [&str; 4] = ["query.v", "header.x-v", "claims.v", "user.v"];

proptest! {
    #[test]
    fn a_value_fills_one_segment(text in hostile()) {
        let given = given(&text);
        for name in NAMES {
            let Ok(path) = given.path(&format!("/a/x{{{name}}}/{{{name}}}/z")) else { continue };
            let read = CanonicalPath::from_encoded(&path).expect("a canonical path");
            let segments: Vec<&str> = read.segments().collect();
            let suffixed = format!("x{text}");
            prop_assert_eq!(segments, ["a", &suffixed, &text, "z"]);
            prop_assert_eq!(read.encoded(), path);
        }
    }

    /// Two values side by side make no segment that neither makes alone.
    #[test]
    fn two_values_fill_one_segment(one in "[.;%2e/a]{0,3}", other in "[.;%2e/a]{0,3}") {
        let mut given = given(&one);
        given.parts = vec![Some(json!({ "v": other }).to_string().into())];
        if let Ok(path) = given.path("/a/{query.v}{user.v}/z") {
            let read = CanonicalPath::from_encoded(&path).expect("a canonical path");
            prop_assert_eq!(read.segments().collect::<Vec<_>>(), ["a", &format!("{one}{other}"), "z"]);
        }
    }

    #[test]
    fn a_path_parameter_is_the_segment_that_was_matched(id in hostile()) {
        let Ok(path) = CanonicalPath::from_decoded(&format!("/api/{id}/of/b")) else { return Ok(()) };
        if !PathPattern::parse(PATTERN).unwrap().matches(&path) {
            return Ok(());
        }
        let mut given = usual();
        given.request.path = path.clone();
        let expected: Vec<&str> = path.segments().collect();
        let filled = given.path("/api/{id}/of/{kind}").expect("what was canonical stays so");
        let filled = CanonicalPath::from_encoded(&filled).expect("a canonical path");
        prop_assert_eq!(filled.segments().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_value_fills_one_query_value(text in hostile()) {
        let given = given(&text);
        for name in NAMES {
            let Ok(target) = given.target(&format!("/a?first=1&v={{{name}}}&last=2")) else { continue };
            let uri: http::Uri = target.parse().expect("a request target");
            prop_assert_eq!(uri.path(), "/a");
            let pairs: Vec<(String, String)> = url::form_urlencoded::parse(uri.query().expect("a query").as_bytes())
                .into_owned()
                .collect();
            let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
            if names.len() == 2 {
                prop_assert_eq!(names, ["first", "last"]);
                prop_assert!(name == "header.x-v" && given.request.headers.is_empty());
            } else {
                prop_assert_eq!(names, ["first", "v", "last"]);
                prop_assert_eq!(&pairs[1].1, &text);
            }
        }
    }

    #[test]
    fn a_value_fills_one_header_value(text in hostile()) {
        let given = given(&text);
        for name in NAMES {
            let Some(header) = given.header(&format!("<{{{name}}}>")) else { continue };
            prop_assert!(header.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            let inner = header.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).expect("what stands around it");
            prop_assert_eq!(percent_decode_str(inner).decode_utf8().expect("UTF-8"), text.as_str());
        }
    }

    #[test]
    fn a_value_fills_one_json_value(text in hostile()) {
        let given = given(&text);
        for name in NAMES {
            for (template, expected) in [(format!("{{{name}}}"), text.clone()), (format!("\"{{{name}}}\\"), format!("\"{text}\\"))] {
                let Ok(Some(json)) = given.json(&template) else { continue };
                prop_assert_eq!(serde_json::from_str::<Value>(&json).expect("JSON"), Value::String(expected));
            }
        }
    }

    /// Nothing of what a part answers makes a look-up fail in another way than finding nothing.
    #[test]
    fn any_bytes_of_a_part_are_looked_into_safely(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut given = usual();
        given.parts = vec![Some(bytes.into())];
        let _ = given.path("/{user.a.b}");
    }

    /// A member is found by its path, with the very text it has.
    #[test]
    fn members_are_found_by_their_paths(names in prop::collection::vec("[^\\s]{1,6}", 1..5), number in "-?[1-9][0-9]{0,30}(\\.[0-9]{1,20})?") {
        let json = names.iter().rev().fold(number.clone(), |inner, name| {
            let name = serde_json::to_string(name).expect("a string");
            format!("{{\"_\": [{{}}], {name}: {inner}}}")
        });
        let path: Vec<String> = names.iter().map(|name| name.replace('\\', r"\\").replace('.', r"\.")).collect();
        let path = MemberPath::parse(&path.join(".")).expect("a path");
        let found = path.find(json.as_bytes()).map(|found| found.get().to_owned());
        prop_assert_eq!(found, Some(number));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[/{}?&=a.%\\\\*# ]{0,24}") {
        let mut any = |name: &str| Ok(Source::Query(name.into()));
        let _ = PathTemplate::parse(&text, &mut any);
        let _ = TargetTemplate::parse(&text, &mut any);
        let _ = HeaderTemplate::parse(&text, &mut any);
        let doubled = text.replace('{', "{{").replace('}', "}}");
        let plain = JsonTemplate::parse(&doubled, &mut any).expect("no placeholder in it");
        let filled = plain.fill(&usual().values()).expect("nothing to fill").expect("a value");
        prop_assert_eq!(serde_json::from_str::<String>(&filled).expect("a string"), text);
    }
}

/// Nesting costs neither the stack nor the square of its depth.
#[test]
fn deep_answers_are_looked_into() {
    let deep = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    let mut given = usual();
    given.parts = vec![Some(deep.into())];
    assert!(given.path("/{user.a.a.a.b}").is_err());
    let beside = format!(
        r#"{{"deep":{}{},"id":9007199254740993}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    given.parts = vec![Some(beside.into())];
    assert_eq!(given.path("/{user.id}").as_deref(), Ok("/9007199254740993"));
}
