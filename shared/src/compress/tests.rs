use std::io::Read as _;

use flate2::read::GzDecoder;
use proptest::prelude::*;

use super::*;
use crate::testing::headers;

fn rules() -> CompressRules {
    let mut types = MediaTypes::default();
    for text in ["text/*", "application/json", "+json"] {
        types.add(text).expect("a media type");
    }
    CompressRules { types, min_size: 100 }
}

fn applied(wish: &Wish, answer: Response<Bytes>) -> Response<Bytes> {
    rules().apply(wish, answer, || true)
}

const TAKES: Wish = Wish {
    gzip: true,
    head: false,
    known: Vec::new(),
};

fn answer(status: u16, lines: &[(&str, &str)], body: &[u8]) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::copy_from_slice(body));
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    *answer.headers_mut() = headers(lines);
    answer
}

fn is_compressed(answer: &Response<Bytes>) -> bool {
    answer
        .headers()
        .get(CONTENT_ENCODING)
        .is_some_and(|coding| coding == "gzip")
}

fn header<'a>(answer: &'a Response<Bytes>, name: &str) -> Option<&'a str> {
    answer.headers().get(name).map(|value| value.to_str().expect("text"))
}

fn decoded(answer: &Response<Bytes>) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(&answer.body()[..])
        .read_to_end(&mut bytes)
        .expect("gzip");
    bytes
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn what_is_worth_it_is_compressed() {
    let body = [b'a'; 1000];
    let lines = [
        JSON,
        ("content-length", "1000"),
        ("etag", "\"v1\""),
        ("accept-ranges", "bytes"),
        ("content-digest", "sha-256=:AA==:"),
        ("repr-digest", "sha-256=:AA==:"),
        ("digest", "md5=AA=="),
        ("content-md5", "AA=="),
        ("vary", "Accept"),
        ("x-kept", "1"),
    ];
    let answer = applied(&TAKES, answer(200, &lines, &body));
    assert_eq!(decoded(&answer), body);
    let mut said: Vec<String> = answer
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    said.sort();
    let expected = [
        "content-encoding: gzip",
        "content-type: application/json",
        "etag: W/\"v1\"",
        "vary: Accept",
        "vary: Accept-Encoding",
        "x-kept: 1",
    ];
    assert_eq!(said, expected);
}

#[test]
fn errors_are_compressed_like_any_answer() {
    for status in [200, 201, 404, 500, 503] {
        assert!(
            is_compressed(&applied(&TAKES, answer(status, &[JSON], &[b'a'; 1000]))),
            "{status}"
        );
    }
}

/// Byte for byte, and nothing is said to caches that is not so.
#[test]
fn what_is_not_to_be_compressed_stays_as_it_is() {
    let body = [b'a'; 1000];
    for (status, lines, body) in [
        (200, vec![JSON], &body[..99]),
        (200, vec![("content-type", "image/png")], &body),
        (200, vec![], &body),
        (200, vec![JSON, ("content-encoding", "br")], &body),
        (200, vec![JSON, ("content-encoding", "identity")], &body),
        (200, vec![JSON, ("content-range", "bytes 0-999/2000")], &body),
        (200, vec![JSON, ("cache-control", "public, No-Transform")], &body),
        (206, vec![JSON], &body),
        (204, vec![JSON], &[]),
        (205, vec![JSON], &[]),
        (304, vec![("content-type", "image/png"), ("etag", "\"v1\"")], &[]),
    ] {
        let lines: Vec<_> = lines
            .into_iter()
            .chain([("etag", "\"v1\""), ("content-length", "7")])
            .collect();
        let before = answer(status, &lines, body);
        let (headers, bytes) = (before.headers().clone(), before.body().clone());
        let after = applied(&TAKES, before);
        assert_eq!(
            (after.headers(), after.body()),
            (&headers, &bytes),
            "{status} {lines:?}"
        );
    }
}

#[test]
fn who_does_not_take_it_is_told_that_others_do() {
    let refuses = Wish {
        gzip: false,
        head: false,
        known: Vec::new(),
    };
    let answer = applied(
        &refuses,
        answer(
            200,
            &[JSON, ("etag", "\"v1\""), ("content-length", "1000")],
            &[b'a'; 1000],
        ),
    );
    assert!(!is_compressed(&answer) && answer.body().len() == 1000);
    assert_eq!(header(&answer, "vary"), Some("Accept-Encoding"));
    assert_eq!(
        (header(&answer, "etag"), header(&answer, "content-length")),
        (Some("\"v1\""), Some("1000"))
    );
}

/// HEAD and 304 say what the answer with the body would have said, as far as that can be known without it.
#[test]
fn answers_about_a_body_speak_of_the_compressed_one() {
    let lines = [JSON, ("etag", "\"v1\""), ("content-length", "1000")];
    let head = Wish { head: true, ..TAKES };
    for (wish, status) in [(&head, 200), (&TAKES, 304)] {
        let answer = applied(wish, answer(status, &lines, b""));
        assert_eq!(
            (header(&answer, "etag"), header(&answer, "vary")),
            (Some("W/\"v1\""), Some("Accept-Encoding"))
        );
        assert_eq!(
            (header(&answer, "content-length"), header(&answer, "content-encoding")),
            (None, None)
        );
    }
    let typeless = applied(&TAKES, answer(304, &[("etag", "\"v1\"")], b""));
    assert_eq!(header(&typeless, "etag"), Some("W/\"v1\""));
    let refuses = Wish {
        gzip: false,
        head: true,
        known: Vec::new(),
    };
    let answer = applied(&refuses, answer(200, &lines, b""));
    assert_eq!(
        (header(&answer, "etag"), header(&answer, "content-length")),
        (Some("\"v1\""), Some("1000"))
    );
}

#[test]
fn the_answer_to_head_knows_what_is_too_small() {
    let head = Wish { head: true, ..TAKES };
    for (length, tag) in [("99", "\"v1\""), ("100", "W/\"v1\"")] {
        let lines = [JSON, ("etag", "\"v1\""), ("content-length", length)];
        let answer = applied(&head, answer(200, &lines, b""));
        assert_eq!(header(&answer, "etag"), Some(tag), "{length}");
        assert_eq!(header(&answer, "content-length").is_some(), length == "99");
        assert_eq!(header(&answer, "vary").is_some(), length == "100");
    }
}

/// Else a cache would not know that it is about what it has (RFC 9111 section 4.3.4).
#[test]
fn a_304_has_the_tag_by_which_the_client_has_the_body() {
    let tag = |known: &[&str], theirs: &str| {
        let wish = Wish {
            known: known.iter().map(|line| HeaderValue::from_str(line).unwrap()).collect(),
            ..TAKES
        };
        let answer = applied(&wish, answer(304, &[("etag", theirs)], b""));
        header(&answer, "etag").map(str::to_owned)
    };
    let (strong, weak) = (Some("\"v,1\"".to_owned()), Some("W/\"v,1\"".to_owned()));
    assert_eq!(tag(&["\"v,1\""], "\"v,1\""), strong);
    assert_eq!(tag(&["\"a\"", "\"b\", \"v,1\""], "\"v,1\""), strong);
    assert_eq!(tag(&["W/\"v,1\""], "\"v,1\""), weak);
    assert_eq!(tag(&["W/\"v,1\", \"v,1\""], "\"v,1\""), strong);
    assert_eq!(tag(&["*"], "\"v,1\""), weak);
    assert_eq!(tag(&["\"v,1\""], "W/\"v,1\""), weak);
    assert_eq!(tag(&[], "\"v,1\""), weak);
}

#[test]
fn what_does_not_gain_as_base64_stays_text() {
    let mut random = 1_u64;
    let mut letter = || {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[(random >> 58) as usize]
    };
    // Six bits in a byte: three quarters at best, and a third comes on top.
    let body: Vec<u8> = (0..10_000).map(|_| letter()).collect();
    let answer = applied(&TAKES, answer(200, &[JSON, ("etag", "\"v1\"")], &body));
    assert!(!is_compressed(&answer) && *answer.body() == body);
    assert_eq!(
        (header(&answer, "etag"), header(&answer, "vary")),
        (Some("\"v1\""), Some("Accept-Encoding"))
    );
}

/// As large an answer as there is takes a small function seconds.
#[test]
fn what_takes_too_long_stays_as_it_is() {
    let body = vec![b'a'; 3 * PIECE];
    for pieces in 0..=3 {
        let looks = std::cell::Cell::new(0);
        let in_time = || looks.replace(looks.get() + 1) < pieces;
        let answer = rules().apply(&TAKES, answer(200, &[JSON, ("etag", "\"v1\"")], &body), in_time);
        assert_eq!(is_compressed(&answer), pieces == 3, "{pieces}");
        if pieces < 3 {
            assert_eq!(
                (answer.body().len(), header(&answer, "etag")),
                (body.len(), Some("\"v1\""))
            );
        }
        assert_eq!(header(&answer, "vary"), Some("Accept-Encoding"));
    }
}

#[test]
fn what_is_no_entity_tag_goes() {
    for (tag, left) in [
        ("\"a\"", Some("W/\"a\"")),
        ("W/\"a\"", Some("W/\"a\"")),
        ("a", None),
        ("", None),
    ] {
        let answer = applied(&TAKES, answer(200, &[JSON, ("etag", tag)], &[b'a'; 1000]));
        assert_eq!(header(&answer, "etag"), left, "{tag}");
    }
}

#[test]
fn a_request_may_forbid_it() {
    let wish = |lines: &[(&str, &str)]| Wish::of(&Method::GET, &headers(lines)).gzip;
    assert!(
        wish(&[("accept-encoding", "gzip")]) && wish(&[("accept-encoding", "gzip"), ("cache-control", "no-cache")])
    );
    assert!(!wish(&[
        ("accept-encoding", "gzip"),
        ("cache-control", "no-cache, no-transform")
    ]));
    assert!(!wish(&[]));
    assert!(Wish::of(&Method::HEAD, &HeaderMap::new()).head);
}

proptest! {
    /// Whatever the body: it comes back as it was, and takes no more of an event than before.
    #[test]
    fn nothing_is_lost_and_nothing_grows(body in proptest::collection::vec(any::<u8>(), 0..2000), repeated in 1_usize..20) {
        let body = body.repeat(repeated);
        let answer = applied(&TAKES, answer(200, &[JSON], &body));
        if is_compressed(&answer) {
            prop_assert_eq!(decoded(&answer), body.clone());
            prop_assert!(answer.body().len().div_ceil(3) * 4 < body.len());
        } else {
            prop_assert_eq!(&answer.body()[..], &body[..]);
        }
    }
}
