use http::header::{ACCEPT, LINK};

use super::*;
use crate::clock::Timestamp;

fn entry(headers: HeaderMap, selection: Selection) -> Entry {
    let at = Timestamp::from_secs(1_800_000_000);
    let exchange = Exchange {
        requested_at: at,
        received_at: at,
    };
    let freshness = Freshness {
        lifetime: Duration::from_secs(60),
        age_on_arrival: Duration::ZERO,
        always_asked: false,
        stale_while_revalidate: Duration::ZERO,
        stale_if_error: Duration::ZERO,
        may_be_stale: true,
    };
    Entry::new((StatusCode::OK, headers, Bytes::new()), exchange, freshness, selection)
}

#[test]
fn what_tells_requests_apart_has_its_weight() {
    let of = |value: Option<Vec<u8>>| entry(HeaderMap::new(), Selection::from_pairs(vec![(ACCEPT, value)])).weight();
    assert_eq!(of(Some(vec![b'a'; 8000])) - of(None), 8000);
}

#[test]
fn headers_do_not_hold_on_to_what_they_were_read_from() {
    let read = Bytes::from(vec![b'a'; 400_000]);
    let mut headers = HeaderMap::new();
    headers.append(LINK, HeaderValue::from_maybe_shared(read.slice(..5)).expect("a value"));
    headers.append(LINK, HeaderValue::from_maybe_shared(read.slice(5..9)).expect("a value"));
    let kept = entry(headers, Selection::default());
    assert!(read.is_unique(), "the copies are their own");
    let values: Vec<&HeaderValue> = kept.headers.get_all(LINK).iter().collect();
    assert_eq!(values, ["aaaaa", "aaaa"]);
}
