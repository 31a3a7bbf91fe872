use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn accept(lines: &[&str]) -> Accept {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(ACCEPT, HeaderValue::from_str(line).expect("a header value"));
    }
    Accept::of(&headers)
}

fn weight(lines: &[&str], media: &str) -> Weight {
    accept(lines).weight(&MediaType::parse(media).expect("a media type"))
}

#[test]
fn the_example_of_the_rfc() {
    let line = "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5";
    for (media, expected) in [
        ("text/plain;format=flowed", 1000),
        ("text/plain", 700),
        ("text/html", 300),
        ("image/jpeg", 500),
        ("text/plain;format=fixed", 400),
        ("text/html;level=3", 300),
    ] {
        assert_eq!(weight(&[line], media), expected, "{media}");
    }
}

#[test]
fn versions() {
    let (v1, v2) = ("application/vnd.example.v1+json", "application/vnd.example.v2+json");
    assert_eq!(weight(&[v2], v2), 1000);
    assert_eq!(weight(&[v2], v1), 0);
    assert_eq!(weight(&["application/json"], v2), 0, "a suffix is part of the name");
    assert_eq!(weight(&["Application/VND.Example.V2+JSON"], v2), 1000);
    assert_eq!(weight(&["application/vnd.example.v1+json;q=0.9", v2], v1), 900);
    assert_eq!(
        weight(&["application/json;version=2"], "application/json;version=2"),
        1000
    );
    assert_eq!(
        weight(&["application/json; Version=\"2\""], "application/json;version=2"),
        1000
    );
    assert_eq!(weight(&["application/json;version=1"], "application/json;version=2"), 0);
    assert_eq!(weight(&["application/json"], "application/json;version=2"), 1000);
    assert_eq!(
        weight(&["*/*", "application/json;version=2;q=0"], "application/json;version=2"),
        0
    );
}

#[test]
fn without_a_word_everything_is_liked() {
    for lines in [&[][..], &[""], &[" , ,"], &["garbage"], &["/"], &["a/b/c"], &["*/json"]] {
        assert_eq!(weight(lines, "application/json"), 1000, "{lines:?}");
    }
}

#[test]
fn what_is_refused_is_refused() {
    for line in [
        "*/*;q=0",
        "application/*;q=0, text/html",
        "application/json;q=0.0, */*",
        "text/html",
        "application/json, application/json;q=0",
    ] {
        assert_eq!(weight(&[line], "application/json"), 0, "{line}");
    }
}

/// What clients in the world send: not all of it is what the grammar has.
#[test]
fn weights_as_they_are_written() {
    for (line, expected) in [
        ("text/html, image/gif, *; q=.2, */*; q=.2", 200),
        ("application/json;q=1.000", 1000),
        ("application/json;q=0.001", 1),
        ("application/json;q=0.0004", 0),
        ("application/json;Q=0.5", 500),
        ("application/json ; q = 0.5", 500),
        ("application/json;q=2", 1000),
        ("application/json;q=", 1000),
        ("application/json;q=high", 1000),
        ("application/json;q=1e-3", 1000),
        ("application/json;q=0.5;ext=1", 500),
        ("application/json;q=\"0.5\"", 500),
        ("text/x;a=\"b,application/json;q=0\", application/*;q=0.3", 300),
        ("text/x;a=\"\\\"\", application/json;q=0.4", 400),
    ] {
        assert_eq!(weight(&[line], "application/json"), expected, "{line}");
    }
}

#[test]
fn a_route_names_types() {
    for (text, why) in [
        ("json", "is not"),
        ("", "is not"),
        ("a/", "is not"),
        ("a b/c", "is not"),
        ("a/b/c", "is not"),
        ("*/*", "is a range"),
        ("*", "is a range"),
        ("text/*", "is a range"),
        ("a/b;q=1", "has a weight"),
    ] {
        let refused = MediaType::parse(text).expect_err(text);
        assert!(refused.starts_with(why), "{text}: {refused}");
    }
    for text in ["application/json", "a/b;v=2", "a/b;x=\"1 2\""] {
        assert_eq!(MediaType::parse(text).expect(text).to_string(), text);
    }
}

proptest! {
    #[test]
    fn any_line_gives_an_answer(line in "[ -~]{0,60}") {
        prop_assert!(weight(&[&line], "application/json") <= FULL);
        prop_assert!(MediaType::parse(&line).is_ok_and(|media| MediaType::parse(&media.to_string()) == Ok(media.clone())) || MediaType::parse(&line).is_err());
    }

    /// A closer range decides, wherever it stands.
    #[test]
    fn the_order_of_ranges_does_not_matter(weights in prop::array::uniform3(0_u16..=1000), swap in 0_usize..3) {
        let ranges = ["*/*", "application/*", "application/json"];
        let mut lines: Vec<String> =
            ranges.iter().zip(weights).map(|(range, weight)| format!("{range};q={:.3}", f64::from(weight) / 1000.0)).collect();
        lines.rotate_left(swap);
        prop_assert_eq!(weight(&[&lines.join(", ")], "application/json"), weights[2]);
        prop_assert_eq!(weight(&[&lines.join(", ")], "application/xml"), weights[1]);
        prop_assert_eq!(weight(&[&lines.join(", ")], "text/html"), weights[0]);
    }
}
