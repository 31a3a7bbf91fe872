use http::HeaderValue;
use proptest::prelude::*;

use super::*;
use crate::cache::Tier;
use crate::testing::headers;

const NOW: Timestamp = Timestamp::from_secs(784_111_777);
const EXCHANGE: Exchange = Exchange {
    requested_at: NOW,
    received_at: NOW,
};

fn rules() -> CacheRules {
    CacheRules {
        ttl: None,
        negative_ttl: None,
        vary: Vec::new(),
        forward: Vec::new(),
        tier: Tier::Memory,
        public: true,
        stale_while_revalidate: Duration::ZERO,
        stale_if_error: Duration::ZERO,
        max_size: 1024,
        client_control: false,
    }
}

fn with_ttl() -> CacheRules {
    CacheRules {
        ttl: Some(Duration::from_secs(10)),
        negative_ttl: Some(Duration::from_secs(5)),
        stale_while_revalidate: Duration::from_secs(20),
        stale_if_error: Duration::from_secs(30),
        ..rules()
    }
}

fn of(rules: &CacheRules, status: u16, lines: &[(&str, &str)]) -> Option<Freshness> {
    let status = StatusCode::from_u16(status).expect("a status");
    let none = HeaderMap::new();
    Freshness::of(rules, (&none, &none), |_| false, (status, &headers(lines)), EXCHANGE)
}

fn lifetime(rules: &CacheRules, lines: &[(&str, &str)]) -> Option<u64> {
    of(rules, 200, lines).map(|freshness| freshness.lifetime.as_secs())
}

#[test]
fn the_answer_says_how_long_it_is_fresh_the_most_shared_word_first() {
    let (date, later) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:37 GMT");
    for (lines, seconds) in [
        (&[("cache-control", "s-maxage=1, max-age=2"), ("expires", later)][..], 1),
        (&[("cache-control", "max-age=2"), ("expires", later)], 2),
        (&[("expires", later), ("date", date)], 60),
        (&[("expires", later)], 60),
        (&[("cache-control", "max-age=2"), ("expires", "0")], 2),
        (&[("cache-control", "public"), ("etag", "\"a\"")], 10),
        (&[], 10),
    ] {
        assert_eq!(lifetime(&with_ttl(), lines), Some(seconds), "{lines:?}");
    }
    for passed in [
        &[("cache-control", "max-age=0")][..],
        &[("cache-control", "s-maxage=0, max-age=60")],
        &[("cache-control", "max-age=x")],
        &[("expires", "0")],
        &[("expires", date), ("date", later)],
        &[("expires", later), ("expires", later)],
        &[("cache-control", "max-age=60"), ("age", "60")],
        &[("cache-control", "max-age=60"), ("age", "old")],
        &[("cache-control", "no-cache, max-age=60")],
    ] {
        assert_eq!(
            lifetime(
                &CacheRules {
                    ttl: Some(Duration::from_secs(10)),
                    ..rules()
                },
                passed
            ),
            None,
            "{passed:?}"
        );
    }
}

#[test]
fn ttl_is_for_usual_statuses_and_negative_ttl_for_what_is_not_there() {
    for (status, seconds) in [
        (200, Some(10)),
        (203, Some(10)),
        (204, Some(10)),
        (301, Some(10)),
        (308, Some(10)),
        (404, Some(5)),
        (410, Some(5)),
        (206, None),
        (302, None),
        (304, None),
        (400, None),
        (401, None),
        (403, None),
        (500, None),
        (503, None),
    ] {
        let found = of(&with_ttl(), status, &[]).map(|freshness| freshness.lifetime.as_secs());
        assert_eq!(found, seconds, "{status}");
        assert_eq!(of(&rules(), status, &[]), None, "{status}");
    }
    // Its own word counts whatever the status, but for a part and for what is no answer by itself.
    for (status, kept) in [
        (302, true),
        (404, true),
        (500, true),
        (599, true),
        (206, false),
        (304, false),
    ] {
        let said = [("cache-control", "max-age=60")];
        assert_eq!(of(&rules(), status, &said).is_some(), kept, "{status}");
    }
}

#[test]
fn must_understand_keeps_out_what_nobody_here_understands() {
    let said = [("cache-control", "max-age=60, must-understand")];
    assert!(of(&rules(), 200, &said).is_some());
    assert!(of(&rules(), 599, &said).is_none());
    let both = [("cache-control", "max-age=60, must-understand, no-store")];
    assert!(of(&rules(), 200, &both).is_none());
}

#[test]
fn an_answer_that_is_fresh_for_no_time_is_of_use_with_a_validator() {
    for lines in [
        &[("cache-control", "no-cache"), ("etag", "\"a\"")][..],
        &[
            ("cache-control", "max-age=0"),
            ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ],
    ] {
        assert!(of(&rules(), 200, lines).is_some(), "{lines:?}");
    }
    let always = of(
        &rules(),
        200,
        &[("cache-control", "no-cache=\"x-a\", max-age=9"), ("etag", "\"a\"")],
    );
    assert!(always.expect("kept").always_asked);
}

#[test]
fn stale_answers_are_given_by_the_answers_word_or_the_configs_unless_it_forbids() {
    let stale = |lines: &[(&str, &str)]| {
        let freshness = of(&with_ttl(), 200, lines).expect("kept");
        let seconds = |duration: Duration| duration.as_secs();
        (
            seconds(freshness.stale_while_revalidate),
            seconds(freshness.stale_if_error),
            freshness.may_be_stale,
        )
    };
    assert_eq!(stale(&[]), (20, 30, true));
    assert_eq!(
        stale(&[("cache-control", "max-age=1, stale-while-revalidate=2")]),
        (2, 30, true)
    );
    assert_eq!(
        stale(&[("cache-control", "max-age=1, stale-if-error=0")]),
        (20, 0, true)
    );
    assert_eq!(stale(&[("cache-control", "s-maxage=1")]), (0, 0, false));
    assert_eq!(
        stale(&[("cache-control", "s-maxage=1, stale-if-error=3")]),
        (0, 3, false)
    );
    for word in ["must-revalidate", "proxy-revalidate", "Must-Revalidate=\"x\""] {
        let line = format!("max-age=1, {word}, stale-while-revalidate=9, stale-if-error=9");
        assert_eq!(stale(&[("cache-control", &line)]), (0, 0, false), "{word}");
    }
}

#[test]
fn an_unkeyed_credential_makes_an_answer_nobody_elses_unless_it_says_so() {
    let sent = headers(&[("authorization", "Basic eA==")]);
    let none = HeaderMap::new();
    let kept = |keyed: bool, said: &str| {
        let answer = headers(&[("cache-control", said)]);
        let head = (StatusCode::OK, &answer);
        Freshness::of(&rules(), (&none, &sent), |_| keyed, head, EXCHANGE).is_some()
    };
    assert!(!kept(false, "max-age=60"));
    assert!(kept(true, "max-age=60"));
    for said in ["public, max-age=60", "s-maxage=60", "max-age=60, must-revalidate"] {
        assert!(kept(false, said), "{said}");
    }
}

#[test]
fn a_client_may_ask_that_its_answer_is_not_kept() {
    let asked = headers(&[("cache-control", "No-Store")]);
    let answer = headers(&[("cache-control", "max-age=60")]);
    let none = HeaderMap::new();
    let head = (StatusCode::OK, &answer);
    assert_eq!(Freshness::of(&rules(), (&asked, &none), |_| true, head, EXCHANGE), None);
}

/// What forbids, in some spelling.
fn forbidding() -> impl Strategy<Value = (&'static str, String)> {
    let directive = prop_oneof!["[Nn][Oo]-[Ss][Tt][Oo][Rr][Ee]", "[Pp][Rr][Ii][Vv][Aa][Tt][Ee]"];
    let value = prop_oneof![
        Just(""),
        Just("=\"x, y\""),
        Just("=x"),
        Just("="),
        Just(" "),
        Just(" =1"),
        Just("=\"")
    ];
    let around = prop_oneof![
        Just(""),
        Just("max-age=60, "),
        Just("x=\"a\\\"b\", "),
        Just(",, "),
        Just("\tpublic ,"),
    ];
    let line = (
        around,
        directive,
        value,
        prop_oneof![Just(""), Just(", s-maxage=60"), Just(",public")],
    );
    prop_oneof![
        line.prop_map(|(before, directive, value, after)| (
            "cache-control",
            format!("{before}{directive}{value}{after}")
        )),
        "[ -~]{0,20}".prop_map(|cookie| ("set-cookie", cookie)),
        "[ -~]{0,20}".prop_map(|cookie| ("Set-Cookie2", cookie)),
        "(x, ?)?[*]( ?, y)?".prop_map(|names| ("vary", names)),
    ]
}

proptest! {
    #[test]
    fn nothing_that_is_forbidden_is_kept(
        (name, value) in forbidding(),
        others in prop::collection::vec(("[ -~]{0,30}", any::<bool>()), 0..3),
        status in prop_oneof![Just(200), Just(404), Just(500), Just(302)],
    ) {
        let mut answer = headers(&[("cache-control", "public, s-maxage=600, must-understand"), ("etag", "\"a\"")]);
        for (other, before) in others {
            let value = HeaderValue::try_from(other).expect("visible");
            if before { answer.append("cache-control", value); }
        }
        let name: HeaderName = name.parse().expect("a name");
        answer.append(name, HeaderValue::try_from(value).expect("visible"));
        let status = StatusCode::from_u16(status).expect("a status");
        let none = HeaderMap::new();
        prop_assert_eq!(Freshness::of(&with_ttl(), (&none, &none), |_| true, (status, &answer), EXCHANGE), None);
    }
}
