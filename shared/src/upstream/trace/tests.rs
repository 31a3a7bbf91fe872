use std::collections::HashSet;

use super::*;
use crate::testing::headers;

const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn a_well_formed_trace_is_continued_under_a_new_span() {
    let trace = TraceParent::of(&headers(&[("traceparent", GIVEN)]));
    let header = trace.header();
    let header = header.to_str().expect("text");
    assert!(trace.continues());
    assert_eq!(trace.trace_id(), "0af7651916cd43dd8448eb211c80319c");
    assert!(
        header.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && header.ends_with("-01"),
        "{header}"
    );
    assert_ne!(header, GIVEN, "the span id is ours");
    assert_eq!(header.len(), 55);
}

#[test]
fn a_later_version_is_read_like_this_one() {
    let later = format!("cc-{}-what-else", &GIVEN[3..]);
    assert!(TraceParent::of(&headers(&[("traceparent", &later)])).continues());
}

#[test]
fn a_malformed_or_doubled_trace_begins_anew() {
    for given in [
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333g-01",
    ] {
        let trace = TraceParent::of(&headers(&[("traceparent", given)]));
        assert!(!trace.continues(), "{given}");
        assert_eq!(trace.header().len(), 55, "{given}");
    }
    assert!(!TraceParent::of(&headers(&[("traceparent", GIVEN), ("traceparent", GIVEN)])).continues());
}

#[test]
fn two_new_traces_differ() {
    let none = HeaderMap::new();
    assert_ne!(TraceParent::of(&none).trace_id(), TraceParent::of(&none).trace_id());
}

/// Over many fetches of random bytes, and with ids that end anywhere in one.
#[test]
fn no_id_comes_twice() {
    let of_one_length: HashSet<[u8; 20]> = (0..1000).map(|_| random_hex()).collect();
    let of_another: HashSet<[u8; 33]> = (0..1000).map(|_| random_hex()).collect();
    assert_eq!((of_one_length.len(), of_another.len()), (1000, 1000));
    let digits: HashSet<u8> = of_one_length.iter().flatten().copied().collect();
    assert_eq!(digits, b"0123456789abcdef".iter().copied().collect());
}

#[test]
fn only_flags_that_are_defined_go_on() {
    for (given, sent) in [
        ("00", "00"),
        ("01", "01"),
        ("02", "02"),
        ("03", "03"),
        ("ff", "03"),
        ("fc", "00"),
    ] {
        let trace = TraceParent::of(&headers(&[("traceparent", &format!("{}{given}", &GIVEN[..53]))]));
        assert!(
            trace.header().as_bytes().ends_with(format!("-{sent}").as_bytes()),
            "{given}"
        );
    }
}
