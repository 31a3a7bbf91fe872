use proptest::prelude::*;

use super::*;

fn encoded(raw: &str) -> Result<CanonicalPath, String> {
    CanonicalPath::from_encoded(raw)
}

fn path(text: &str) -> CanonicalPath {
    CanonicalPath::from_decoded(text).unwrap()
}

const DOT_SEGMENT: &str = "The path holds a segment `.` or `..`.";
const ENCODED_SLASH: &str = "The path holds an encoded slash.";
const BACKSLASH: &str = "The path holds a backslash.";
const CONTROL: &str = "The path holds a control character.";
const NOT_UTF8: &str = "The path is not valid UTF-8 once decoded.";
const MALFORMED: &str = "The path holds a `%` that is not followed by two hexadecimal digits.";
const TWICE: &str = "The path is percent-encoded twice.";
const NO_SLASH: &str = "The path does not begin with a slash.";

/// Spellings that try to mean one path to the gateway and another to an upstream, by the sentence they get.
#[rustfmt::skip]
const HOSTILE_ENCODED: &[(&str, &[&str])] = &[
    (DOT_SEGMENT, &[
        "/..", "/.", "/../", "/./", "/a/..", "/a/../b", "/a/./b", "/a/.", "//..//a", "/%2e%2e", "/%2e%2e/admin",
        "/%2E%2E/admin", "/.%2e/admin", "/%2e./admin", "/%2e/admin", "/a/%2E", "/..;/admin", "/..;a=b/admin", "/..;",
        "/.;/admin", "/a/.;x/admin", "/a/..;x;y", "/%2e%2e;/admin", "/%2e%2e%3b/admin", "/..%3B/admin",
        "/.%2e;jsessionid=1/admin", "/a/..;%2e", "/;/../admin", "/a;/..;/b",
    ]),
    (ENCODED_SLASH, &[
        "/a%2fb", "/a%2Fb", "/%2f", "/..%2fadmin", "/..%2Fadmin", "/%2e%2e%2fadmin", "/a/..%2f..%2fadmin", "%2fadmin",
        "%2Fadmin", "/%2f%2fevil.example", "/..;%2fadmin",
    ]),
    (BACKSLASH, &[
        "/a\\b", "/a\\..\\b", "/..\\admin", "/a%5cb", "/a%5Cb", "/..%5cadmin", "/..%5C..%5Cadmin", "/%5c",
        "/%5c%5cevil.example", "/..;\\admin",
    ]),
    (CONTROL, &[
        "/%00", "/a%00.json", "/admin%00", "/a\0b", "/a%0ab", "/a%0d%0aX-User-Id:1", "/a\r\nb", "/%09", "/a\tb",
        "/%1f", "/%7f", "/\u{7f}", "/%c2%80", "/%c2%85", "/%C2%9F", "/\u{85}", "/..%00/admin", "/%08", "/..\u{9f}",
    ]),
    (NOT_UTF8, &[
        "/%c0%ae%c0%ae/admin", "/%c0%af", "/..%c0%afadmin", "/%c1%9c", "/%e0%80%ae", "/%e0%80%af", "/%f0%80%80%ae",
        "/%f8%80%80%80%ae", "/%ff", "/%fe%fe", "/%80", "/%bf", "/%ed%a0%80", "/%ed%b0%80", "/%f4%90%80%80", "/%c3",
        "/%c3/b", "/%e2%82", "/%c3é",
    ]),
    (MALFORMED, &[
        "/%", "/a%", "/%2", "/%zz", "/%2g", "/%g2", "/%u002e%u002e/admin", "/% 2e", "/%-1", "/%+1", "/%%", "/%%2e",
        "/%%32%65", "/%é0", "/100%/b", "/%\u{662}\u{660}", "/%\u{ff12}\u{ff25}",
    ]),
    (TWICE, &[
        "/%252e%252e/admin", "/%252e", "/%252f", "/..%252fadmin", "/%255c", "/%2500", "/%2541", "/%25%32%65",
        "/%25%35%63", "/%25252e", "/a%252Fb", "/%25c0%25ae", "/%2525", "/%252E;/a",
    ]),
    (NO_SLASH, &[
        "a", "admin/../b", "*", "http://evil.example/", "?a", "%61", " /a", ";/a", "\\admin", "%00", "\u{2215}a",
    ]),
];

#[rustfmt::skip]
const HOSTILE_DECODED: &[(&str, &[&str])] = &[
    (DOT_SEGMENT, &["/..", "/.", "/a/../b", "/a/./b", "/..;/admin", "/.;x", "/a//..", "/;/.."]),
    (BACKSLASH, &["/a\\b", "/..\\admin", "/\\\\evil.example"]),
    (CONTROL, &["/a\0b", "/\u{1}", "/a\r\nb", "/\t", "/\u{7f}", "/\u{80}", "/\u{9f}"]),
    // What the service decoded once and still has escapes was encoded twice by the client.
    (TWICE, &["/%2e%2e/admin", "/a%2fb", "/a%5cb", "/%00", "/%41", "/%ff", "/%c0%ae", "/%25", "/a%2F%zz"]),
    (NO_SLASH, &["a", "*", "http://evil.example/", " /a", "%2fa", "\\a", "\0"]),
];

#[test]
fn hostile_spellings_are_refused() {
    type Table = &'static [(&'static str, &'static [&'static str])];
    type Read = fn(&str) -> Result<CanonicalPath, String>;
    let tables: [(Table, Read); 2] = [
        (HOSTILE_ENCODED, CanonicalPath::from_encoded),
        (HOSTILE_DECODED, CanonicalPath::from_decoded),
    ];
    for (table, read) in tables {
        for (sentence, spellings) in table {
            for spelling in *spellings {
                assert_eq!(read(spelling), Err((*sentence).to_owned()), "{spelling:?}");
            }
        }
    }
}

#[test]
fn odd_but_legal_paths_are_kept_as_they_are() {
    #[rustfmt::skip]
    let table = [
        // (Function URL, HTTP API, canonical, forwarded)
        ("", "", "/", "/"),
        ("/", "/", "/", "/"),
        ("//", "///", "/", "/"),
        ("//a///b//", "/a//b/", "/a/b/", "/a/b/"),
        ("/a", "/a", "/a", "/a"),
        ("/a/", "/a/", "/a/", "/a/"),
        ("/A/b", "/A/b", "/A/b", "/A/b"),
        ("/%61%62", "/ab", "/ab", "/ab"),
        ("/a%20b", "/a b", "/a b", "/a%20b"),
        ("/a+b", "/a+b", "/a+b", "/a+b"),
        ("/caf%C3%A9", "/café", "/café", "/caf%C3%A9"),
        ("/café", "/café", "/café", "/caf%C3%A9"),
        ("/cafe%cc%81", "/cafe\u{301}", "/cafe\u{301}", "/cafe%CC%81"),
        ("/%f0%9f%a6%80", "/🦀", "/🦀", "/%F0%9F%A6%80"),
        // Look-alikes of dots and slashes are letters like any other: nothing here normalises.
        ("/%ef%bc%8e%ef%bc%8e/a", "/\u{ff0e}\u{ff0e}/a", "/\u{ff0e}\u{ff0e}/a", "/%EF%BC%8E%EF%BC%8E/a"),
        ("/a%e2%88%95b", "/a\u{2215}b", "/a\u{2215}b", "/a%E2%88%95b"),
        ("/%e2%80%ae", "/\u{202e}", "/\u{202e}", "/%E2%80%AE"),
        ("/%EF%BB%BFa", "/\u{feff}a", "/\u{feff}a", "/%EF%BB%BFa"),
        ("/a%3Fb", "/a?b", "/a?b", "/a%3Fb"),
        ("/a?b", "/a?b", "/a?b", "/a%3Fb"),
        ("/a/..%3Fb", "/a/..?b", "/a/..?b", "/a/..%3Fb"),
        ("/a%23b", "/a#b", "/a#b", "/a%23b"),
        ("/100%25", "/100%", "/100%", "/100%25"),
        ("/%25zz", "/%zz", "/%zz", "/%25zz"),
        ("/a%25/2e", "/a%/2e", "/a%/2e", "/a%25/2e"),
        ("/%25//2e", "/%//2e", "/%/2e", "/%25/2e"),
        ("/%25u002e", "/%u002e", "/%u002e", "/%25u002e"),
        ("/...", "/...", "/...", "/..."),
        ("/..a/.b/c..", "/..a/.b/c..", "/..a/.b/c..", "/..a/.b/c.."),
        ("/.well-known/x", "/.well-known/x", "/.well-known/x", "/.well-known/x"),
        ("/a;v=1/b;", "/a;v=1/b;", "/a;v=1/b;", "/a%3Bv=1/b%3B"),
        ("/;..", "/;..", "/;..", "/%3B.."),
        ("/..%20", "/.. ", "/.. ", "/..%20"),
        ("/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,%3B=:@"),
        ("/%22<>[]^`{|}", "/\"<>[]^`{|}", "/\"<>[]^`{|}", "/%22%3C%3E%5B%5D%5E%60%7B%7C%7D"),
        ("/http://evil.example", "/http://evil.example", "/http:/evil.example", "/http:/evil.example"),
        ("//evil.example/a", "//evil.example/a", "/evil.example/a", "/evil.example/a"),
    ];
    for (raw, decoded, canonical, forwarded) in table {
        for read in [CanonicalPath::from_encoded(raw), CanonicalPath::from_decoded(decoded)] {
            let read = read.unwrap_or_else(|why| panic!("{raw}: {why}"));
            assert_eq!(read.as_str(), canonical, "{raw}");
            assert_eq!(read.encoded(), forwarded, "{raw}");
        }
    }
}

#[test]
fn segments_tell_a_slash_at_the_end() {
    let segments = |text| path(text).segments().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(segments("/"), [""]);
    assert_eq!(segments("/a"), ["a"]);
    assert_eq!(segments("/a/"), ["a", ""]);
    assert_eq!(segments("/a/b c"), ["a", "b c"]);
}

#[test]
fn the_stage_goes_as_a_whole_segment() {
    for (text, stage, left) in [
        ("/prod/a", "prod", "/a"),
        ("/prod/", "prod", "/"),
        ("/prod", "prod", "/"),
        ("/prod/prod/a", "prod", "/prod/a"),
        ("/product", "prod", "/product"),
        ("/Prod/a", "prod", "/Prod/a"),
        ("/a/prod", "prod", "/a/prod"),
        ("/a", "", "/a"),
        ("/", "", "/"),
        ("/", "prod", "/"),
    ] {
        let whole = path(text);
        let rest = whole.without_stage(stage).unwrap_or(whole);
        assert_eq!(rest.as_str(), left, "{text} without {stage}");
    }
}

#[test]
fn a_prefix_goes_as_whole_segments() {
    for (text, prefix, left) in [
        ("/api/users", "/api", "/users"),
        ("/api/users/", "/api", "/users/"),
        ("/api/", "/api", "/"),
        ("/api", "/api", "/"),
        ("/api/v1/x", "/api/v1", "/x"),
        ("/api/api/x", "/api", "/api/x"),
        ("/apis/x", "/api", "/apis/x"),
        ("/API/x", "/api", "/API/x"),
        ("/x", "/api", "/x"),
        ("/a b/x", "/a b", "/x"),
    ] {
        assert_eq!(
            path(text).strip(&PathPrefix::parse(prefix).unwrap()).as_str(),
            left,
            "{text} strip {prefix}"
        );
    }
}

/// Bytes as a raw path could have them: half of them pieces that are worth trying.
fn soup() -> impl Strategy<Value = String> {
    let pieces = proptest::sample::select(vec![
        "/",
        "/",
        ".",
        "..",
        ";",
        "%",
        "%2",
        "%2e",
        "%2E",
        "%2f",
        "%5c",
        "%25",
        "25",
        "2e",
        "%00",
        "%c0",
        "%ae",
        "%c3",
        "%a9",
        "\\",
        "?",
        "#",
        "a",
        "é",
        "\u{85}",
        " ",
        "%0d",
        "%3b",
        "%3f",
        "%7f",
        "%e2%80%ae",
        "//",
    ]);
    proptest::collection::vec(
        prop_oneof![3 => pieces.prop_map(str::to_owned), 1 => any::<String>()],
        0..12,
    )
    .prop_map(|pieces| format!("/{}", pieces.concat()))
}

/// Any canonical path, by whichever way it comes.
fn canonical() -> impl Strategy<Value = CanonicalPath> {
    soup().prop_filter_map("refused", |text| {
        CanonicalPath::from_decoded(&text)
            .or_else(|_| CanonicalPath::from_encoded(&text))
            .ok()
    })
}

/// What no upstream may ever be sent, told without the code under test.
fn assert_harmless(path: &CanonicalPath) {
    let text = path.as_str();
    assert!(
        text.starts_with('/') && !text.contains("//") && !text.contains('\\'),
        "{text:?}"
    );
    assert!(
        !text.chars().any(|c| matches!(c, '\0'..='\x1f' | '\x7f'..='\u{9f}')),
        "{text:?}"
    );
    for segment in text.split('/') {
        let name = segment.split(';').next().unwrap();
        assert!(name != "." && name != "..", "{text:?}");
    }
    for (at, _) in text.match_indices('%') {
        let digits = text[at + 1..].chars().take_while(char::is_ascii_hexdigit).count();
        assert!(digits < 2, "{text:?}");
    }
    let forwarded = path.encoded();
    assert!(
        forwarded
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(&b)),
        "{forwarded:?}"
    );
    let lower = forwarded.to_ascii_lowercase();
    assert!(
        !["%2f", "%5c", "%2e", "%00"].iter().any(|escape| lower.contains(escape)),
        "{forwarded:?}"
    );
}

proptest! {
    #[test]
    fn whatever_comes_is_refused_or_harmless(text in soup()) {
        for path in [CanonicalPath::from_encoded(&text), CanonicalPath::from_decoded(&text)].into_iter().flatten() {
            assert_harmless(&path);
            assert_harmless(&path.without_stage("a").unwrap_or_else(|| path.clone()));
            assert_harmless(&path.strip(&PathPrefix::parse("/a").unwrap()));
        }
    }

    #[test]
    fn a_path_has_one_reading(path in canonical()) {
        prop_assert_eq!(CanonicalPath::from_encoded(&path.encoded()), Ok(path.clone()));
        prop_assert_eq!(CanonicalPath::from_decoded(path.as_str()), Ok(path));
    }

    #[test]
    fn both_front_doors_read_one_path_alike(path in canonical()) {
        // An HTTP API decodes once what a Function URL passes on.
        let raw = path.encoded();
        let decoded = percent_encoding::percent_decode_str(&raw).decode_utf8().unwrap();
        prop_assert_eq!(CanonicalPath::from_decoded(&decoded), encoded(&raw));
    }

    #[test]
    fn every_escape_of_one_character_means_that_character(path in canonical(), upper: bool) {
        let escaped: String = path.as_str().bytes().map(|byte| match byte {
            b'/' => "/".to_owned(),
            byte if upper => format!("%{byte:02X}"),
            byte => format!("%{byte:02x}"),
        }).collect();
        prop_assert_eq!(encoded(&escaped), Ok(path));
    }

    #[test]
    fn a_prefix_put_in_front_comes_off_again(path in canonical(), prefix in "(/[a-z:.][a-z ]{1,3}){1,3}") {
        let prefix = PathPrefix::parse(&prefix);
        prop_assume!(prefix.is_ok());
        let prefix = prefix.unwrap();
        let joined = CanonicalPath::from_decoded(&format!("/{}{}", prefix.segments(), path.as_str())).unwrap();
        prop_assert_eq!(joined.strip(&prefix), path);
    }
}
