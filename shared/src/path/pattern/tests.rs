use proptest::prelude::*;

use super::*;

fn pattern(text: &str) -> PathPattern {
    PathPattern::parse(text).unwrap()
}

fn path(text: &str) -> CanonicalPath {
    CanonicalPath::from_decoded(text).unwrap()
}

fn prefix(text: &str) -> PathPrefix {
    PathPrefix::parse(text).unwrap()
}

#[test]
fn patterns_match_whole_paths() {
    #[rustfmt::skip]
    let table: &[(&str, &[&str], &[&str])] = &[
        // (pattern, matched, not matched)
        ("/", &["/"], &["/a", "/a/"]),
        ("/**", &["/", "/a", "/a/", "/a/b/c"], &[]),
        ("/*", &["/a", "/a b", "/**"], &["/", "/a/", "/a/b"]),
        ("/a", &["/a"], &["/", "/a/", "/A", "/a/b", "/ab", "/a;v=1"]),
        ("/a/", &["/a/"], &["/a", "/a/b"]),
        ("/a/**", &["/a", "/a/", "/a/b", "/a/b/c/"], &["/ab", "/", "/b/a", "/A/b"]),
        ("/a/*", &["/a/b"], &["/a", "/a/", "/a/b/", "/a/b/c"]),
        ("/a/{id}", &["/a/b", "/a/é", "/a/{id}"], &["/a", "/a/", "/a/b/"]),
        ("/a/*/", &["/a/b/"], &["/a/b", "/a/"]),
        ("/a/{id}/**", &["/a/b", "/a/b/", "/a/b/c"], &["/a", "/a/"]),
        ("/*/b", &["/a/b", "/b/b"], &["/b", "/a/c", "/a/b/"]),
        ("/a b/café", &["/a b/café"], &["/a b/cafe"]),
        ("/100%", &["/100%"], &["/100"]),
        ("/.well-known/x:y", &["/.well-known/x:y"], &["/xwell-known/x:y"]),
    ];
    for (text, matched, not_matched) in table {
        for matched in *matched {
            assert!(pattern(text).matches(&path(matched)), "{text} should match {matched}");
        }
        for other in *not_matched {
            assert!(!pattern(text).matches(&path(other)), "{text} should not match {other}");
        }
    }
}

#[test]
fn the_more_specific_comes_first() {
    let mut patterns = [
        "/**", "/*", "/a/**", "/{x}/b", "/a/*", "/a/b", "/a", "/a/b/**", "/a/*/c", "/a/",
    ]
    .map(pattern);
    patterns.sort_by(|a, b| a.segments().cmp(b.segments()));
    let sorted = patterns.each_ref().map(PathPattern::as_str);
    assert_eq!(
        sorted,
        [
            "/a", "/a/", "/a/b", "/a/b/**", "/a/*", "/a/*/c", "/a/**", "/*", "/{x}/b", "/**"
        ]
    );
}

#[test]
fn overlaps_are_told() {
    for (one, other, overlap) in [
        ("/a", "/a", true),
        ("/a", "/b", false),
        ("/a", "/a/", false),
        ("/a/**", "/a", true),
        ("/a/**", "/a/", true),
        ("/a/**", "/b/**", false),
        ("/a/**", "/{x}/b", true),
        ("/*/b", "/a/*", true),
        ("/*/b", "/a/c", false),
        ("/a/*", "/a/", false),
        ("/a/*", "/a/b/c", false),
        ("/*/**", "/", false),
        ("/**", "/", true),
        ("/a/b/**", "/a", false),
    ] {
        assert_eq!(pattern(one).overlaps(&pattern(other)), overlap, "{one} and {other}");
        assert_eq!(pattern(other).overlaps(&pattern(one)), overlap, "{other} and {one}");
    }
}

#[test]
fn a_prefix_covers_what_always_begins_with_it() {
    for (text, of, covered) in [
        ("/api", "/api/**", true),
        ("/api", "/api", true),
        ("/api", "/api/", true),
        ("/api", "/api/users/{id}", true),
        ("/api/v1", "/api/v1/**", true),
        ("/api/v1", "/api/**", false),
        ("/api/v1", "/api/{version}/x", false),
        ("/api/v1", "/api", false),
        ("/api", "/apis/**", false),
        ("/api", "/**", false),
        ("/api", "/API/x", false),
        ("/api", "/*", false),
    ] {
        assert_eq!(prefix(text).covers(&pattern(of)), covered, "{text} of {of}");
    }
}

#[test]
fn wrong_patterns_say_what_is_wrong() {
    let wrong = [
        "",
        "a/b",
        "*",
        "https://example.com/a",
        "/**/a",
        "/a/**/",
        "/a**",
        "/a*b",
        "/*.json",
        "/***",
        "//a",
        "/a//b",
        "/a//",
        "/./a",
        "/a/..",
        "/a/..;x",
        "/a\\b",
        "/a\nb",
        "/a?x=1",
        "/a#b",
        "/a%20b",
        "/a%2Fb",
        "/{}",
        "/{1a}",
        "/{a-b}",
        "/{é}",
        "/a/{proxy+}",
        "/{id}.json",
        "/v{n}",
        "/{a",
        "/a}",
        "/{a}/{a}",
        "/{claims}",
        "/{query}",
        "/{header}",
        "/{part}",
        "/{a}{b}",
    ];
    let messages: Vec<String> = wrong
        .iter()
        .map(|text| PathPattern::parse(text).expect_err(text))
        .collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn wrong_prefixes_say_what_is_wrong() {
    let wrong = [
        "", "/", "//", "api", "/api/", "/api//", "/api//v1", "/api/*", "/api/**", "/{x}", "/a/../b", "/a%20b", "/a?b",
        "/a{b}",
    ];
    let messages: Vec<String> = wrong
        .iter()
        .map(|text| PathPrefix::parse(text).expect_err(text))
        .collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn right_names_are_taken() {
    for text in ["/{a}/{b}", "/{_}", "/{userId2}/**", "/{claim}", "/{Claims}", "/{x}/"] {
        assert_eq!(PathPattern::parse(text).map(|p| p.to_string()), Ok(text.to_owned()));
    }
}

/// Patterns over two literals, so that they often meet.
fn small_pattern() -> impl Strategy<Value = PathPattern> {
    let middle = proptest::sample::select(vec!["a", "b", "*", "{x}"]);
    let last = proptest::sample::select(vec!["a", "b", "*", "**", ""]);
    (proptest::collection::vec(middle, 0..3), last).prop_map(|(mut segments, last)| {
        let mut seen = false;
        segments.retain(|segment| *segment != "{x}" || !std::mem::replace(&mut seen, true));
        segments.push(last);
        pattern(&format!("/{}", segments.join("/")))
    })
}

/// Every path of up to five segments over `a`, `b`, `c`, with and without a slash at the end. One more segment than a
/// pattern has is enough to tell every overlap, and `c` is a word that no pattern has.
fn small_paths() -> Vec<CanonicalPath> {
    let mut texts = vec![String::new()];
    let mut all = vec!["/".to_owned()];
    for _ in 0..4 {
        texts = texts
            .iter()
            .flat_map(|text| ["a", "b", "c"].map(|segment| format!("{text}/{segment}")))
            .collect();
        all.extend(texts.iter().flat_map(|text| [text.clone(), format!("{text}/")]));
    }
    all.iter().map(|text| path(text)).collect()
}

/// A second opinion, by recursion over text where the code walks iterators.
fn model(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        (["**"], _) | ([], []) => true,
        (["*", pattern @ ..], [first, path @ ..]) => !first.is_empty() && model(pattern, path),
        ([name, pattern @ ..], [first, path @ ..]) if name.starts_with('{') => {
            !first.is_empty() && model(pattern, path)
        }
        ([literal, pattern @ ..], [first, path @ ..]) => literal == first && model(pattern, path),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn matching_agrees_with_the_model(pattern in small_pattern()) {
        let split: Vec<&str> = pattern.as_str()[1..].split('/').collect();
        for path in small_paths() {
            let segments: Vec<&str> = path.as_str()[1..].split('/').collect();
            prop_assert_eq!(pattern.matches(&path), model(&split, &segments), "{} {}", pattern, path.as_str());
        }
    }

    #[test]
    fn overlap_is_exact(one in small_pattern(), other in small_pattern()) {
        let meets = small_paths().iter().any(|path| one.matches(path) && other.matches(path));
        prop_assert_eq!(one.overlaps(&other), meets, "{} {}", one, other);
    }

    #[test]
    fn covering_is_exact(pattern in small_pattern(), prefix in "/[ab](/[ab])?") {
        let prefix = PathPrefix::parse(&prefix).unwrap();
        let start = format!("/{}/", prefix.segments());
        let begins = |path: &CanonicalPath| format!("{}/", path.as_str()).starts_with(&start);
        let always = small_paths().iter().filter(|path| pattern.matches(path)).all(begins);
        prop_assert_eq!(prefix.covers(&pattern), always, "/{} {}", prefix.segments(), pattern);
    }

    #[test]
    fn whatever_parses_as_literal_matches_itself(text in "/[ -~é]{0,12}") {
        if let Ok(pattern) = PathPattern::parse(&text) {
            let literal = pattern.segments().iter().all(|segment| matches!(segment, Segment::Literal(_)));
            prop_assert!(!literal || pattern.matches(&path(&text)));
        }
    }

    #[test]
    fn every_refusal_is_one_line(text in any::<String>()) {
        let texts = [text.clone(), format!("/{text}"), format!("/{{{text}}}"), format!("/{{{text}+}}")];
        let refusals = texts.iter().flat_map(|text| [PathPattern::parse(text).err(), PathPrefix::parse(text).err()]);
        for refusal in refusals.flatten() {
            prop_assert!(!refusal.contains(char::is_control), "{refusal:?}");
        }
    }
}
