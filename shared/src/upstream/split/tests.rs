use http::{HeaderValue, Method};
use proptest::prelude::*;

use super::*;
use crate::testing::{call, request};
use crate::upstream::Upstream;

fn split(weights: &[u32], sticky: Option<Sticky>) -> Split {
    let share = |(index, weight): (usize, &u32)| {
        let url = "http://u".parse().expect("a URL");
        let upstream = Upstream::plain(index.to_string().into(), url, std::time::Duration::from_secs(1));
        Share {
            call: UpstreamCall {
                upstream: Arc::new(upstream),
                ..call("http://u", None)
            },
            weight: *weight,
        }
    };
    Split {
        shares: weights.iter().enumerate().map(share).collect(),
        sticky,
        seed: "search".into(),
    }
}

fn chosen(split: &Split, request: &Request) -> usize {
    split.choose(request, None).upstream.name.parse().expect("a number")
}

fn with(name: &str, value: &str) -> Request {
    let mut request = request(Method::GET, "/v1/search");
    let name: HeaderName = name.parse().expect("a header name");
    request
        .headers
        .append(name, HeaderValue::from_str(value).expect("a value"));
    request
}

fn by_header() -> Option<Sticky> {
    Some(Sticky::Header(HeaderName::from_static("x-user-id")))
}

fn user(number: u32) -> Request {
    with("x-user-id", &format!("usr_{number}"))
}

#[test]
fn by_chance_each_gets_its_share() {
    let split = split(&[95, 5], None);
    let canary = (0..10_000).filter(|_| chosen(&split, &user(1)) == 1).count();
    // 500 are expected, with a deviation of 22.
    assert!((350..650).contains(&canary), "{canary}");
}

#[test]
fn the_same_value_goes_to_the_same_service_and_all_values_by_their_shares() {
    let (one, other) = (split(&[95, 5], by_header()), split(&[95, 5], by_header()));
    let canary = (0..10_000).filter(|number| {
        let first = chosen(&one, &user(*number));
        assert_eq!(first, chosen(&one, &user(*number)));
        assert_eq!(first, chosen(&other, &user(*number)), "in every environment");
        first == 1
    });
    let canary = canary.count();
    assert!((400..600).contains(&canary), "{canary}");
}

/// What other environments, and older versions, made of the same values.
#[test]
fn places_never_change() {
    let places: Vec<u64> = (0..8)
        .map(|number| place_of("search", format!("usr_{number}").as_bytes(), 100))
        .collect();
    assert_eq!(places, [30, 12, 90, 21, 78, 43, 72, 64]);
}

proptest! {
    #[test]
    fn a_canary_that_grows_keeps_who_is_in_it(
        number in any::<u32>(), small in 1..50_u32, more in 0..50_u32, scale in 1..1000_u32,
    ) {
        let at = |share: u32, of: u32| chosen(&split(&[of - share, share], by_header()), &user(number));
        if at(small, 100) == 1 {
            prop_assert_eq!(at(small + more, 100), 1);
            prop_assert_eq!(at(small * scale, 100 * scale), 1, "in other numbers");
        }
    }

    #[test]
    fn any_value_goes_somewhere(value in prop::collection::vec(any::<u8>(), 0..200), weights in prop::collection::vec(1..=u32::MAX, 1..5)) {
        let all = weights.iter().map(|weight| u64::from(*weight)).sum();
        prop_assert!(place_of("r", &value, all) < all);
    }
}

#[test]
fn routes_have_canaries_of_their_own() {
    let one = split(&[50, 50], by_header());
    let other = Split {
        seed: "orders".into(),
        ..one.clone()
    };
    let differ = (0..1000).filter(|number| chosen(&one, &user(*number)) != chosen(&other, &user(*number)));
    assert!((400..600).contains(&differ.count()));
}

#[test]
fn each_kind_of_value_counts() {
    let groups = |sticky: Sticky, requests: &[Request]| {
        let split = split(&[1; 1000], Some(sticky));
        requests
            .iter()
            .map(|request| chosen(&split, request))
            .collect::<Vec<_>>()
    };
    let addressed = |address: &str| {
        let mut request = request(Method::GET, "/v1/search");
        request.client_ip = address.parse().expect("an address");
        request
    };
    let addresses = [
        "192.0.2.7",
        "::ffff:192.0.2.7",
        "2001:db8::1",
        "2001:db8::2",
        "2001:db8:0:1::1",
    ];
    let found = groups(Sticky::ClientIp, &addresses.map(addressed));
    assert!(
        found[0] == found[1] && found[2] == found[3] && found[3] != found[4],
        "{found:?}"
    );

    let cookies = ["sid=a; ab=x", "ab=x", "ab=y; sid=a"].map(|line| with("cookie", line));
    let found = groups(Sticky::Cookie("ab".into()), &cookies);
    assert!(found[0] == found[1] && found[1] != found[2], "{found:?}");
}

#[test]
fn without_a_value_it_is_chance() {
    let requests = [
        request(Method::GET, "/"),
        with("x-user-id", ""),
        with("cookie", "ab="),
        with("cookie", "sid=x"),
    ];
    for sticky in [by_header(), Some(Sticky::Cookie("ab".into())), Some(Sticky::User)] {
        let split = split(&[1, 1], sticky);
        for request in &requests {
            let first = (0..200).filter(|_| chosen(&split, request) == 0).count();
            assert!((1..200).contains(&first), "always the same for {:?}", split.sticky);
        }
    }
}
