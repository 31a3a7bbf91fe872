use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::cache::Tier;

fn rules() -> CacheRules {
    CacheRules {
        ttl: Some(Duration::from_secs(60)),
        negative_ttl: None,
        vary: Vec::new(),
        forward: Vec::new(),
        tier: Tier::Table,
        public: true,
        stale_while_revalidate: Duration::ZERO,
        stale_if_error: Duration::ZERO,
        max_size: 1024,
        client_control: false,
    }
}

fn entry(lines: &[(String, Vec<u8>)], body: &[u8], selection: Selection) -> Option<Entry> {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(name.parse::<HeaderName>().ok()?, HeaderValue::from_bytes(value).ok()?);
    }
    let exchange = Exchange {
        requested_at: Timestamp::from_micros(1_800_000_000_000_001),
        received_at: Timestamp::from_micros(1_800_000_001_000_002),
    };
    let none = HeaderMap::new();
    let freshness = Freshness::of(
        &rules(),
        (&none, &none),
        |_| false,
        (StatusCode::OK, &headers),
        exchange,
    )?;
    let parts = (StatusCode::OK, headers, Bytes::copy_from_slice(body));
    Some(Entry::new(parts, exchange, freshness, selection))
}

#[test]
fn what_is_no_such_answer_is_none() {
    let good = written(&entry(&[], b"body", Selection::default()).expect("kept"));
    assert!(read(&rules(), &good).is_some());
    let head = |text: &str| {
        let length = u32::try_from(text.len()).expect("short").to_be_bytes();
        Bytes::from([&length[..], text.as_bytes()].concat())
    };
    let json = |form: &str, status: &str, headers: &str, selection: &str| {
        head(&format!(
            r#"{{"form":"{form}","status":{status},"headers":{headers},"requested_at":1,"received_at":1,"age":0,"selection":{selection}}}"#
        ))
    };
    assert!(read(&rules(), &json(FORM, "200", "[]", "[]")).is_some());
    for bad in [
        Bytes::new(),
        Bytes::from_static(b"\xff\xff\xff\xff{}"),
        head(""),
        head("[]"),
        json("0 0.0.0", "200", "[]", "[]"),
        json(FORM, "1", "[]", "[]"),
        json(FORM, "200", r#"[["a b","x"]]"#, "[]"),
        json(FORM, "200", r#"[["a","\n"]]"#, "[]"),
        json(FORM, "200", r#"[["a","\u2713"]]"#, "[]"),
        json(FORM, "200", "[]", r#"[["","x"]]"#),
        // What is forbidden stays so, whoever wrote it.
        json(FORM, "200", r#"[["set-cookie","a=b"]]"#, "[]"),
        json(FORM, "200", r#"[["cache-control","Private"]]"#, "[]"),
        json(FORM, "206", "[]", "[]"),
    ] {
        assert!(read(&rules(), &bad).is_none(), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        lines in prop::collection::vec(("x-[a-z]{1,5}", prop::collection::vec(0x20..=0xff_u8, 0..9)), 0..6),
        stated in prop::option::of(("[0-9a]{1,2}", 0..2_u8)),
        body in prop::collection::vec(any::<u8>(), 0..99),
        selected in prop::option::of(prop::collection::vec(any::<u8>(), 0..9)),
    ) {
        let selection = Selection::from_pairs(vec![(http::header::ACCEPT, selected)]);
        let mut lines = lines;
        if let Some((age, max_age)) = stated {
            lines.push(("age".into(), age.into_bytes()));
            lines.push(("cache-control".into(), if max_age > 0 { b"max-age=60".to_vec() } else { b"x".to_vec() }));
        }
        let Some(entry) = entry(&lines, &body, selection) else { return Ok(()) };
        let again = read(&rules(), &written(&entry)).expect("an answer");
        prop_assert_eq!(&again.headers, &entry.headers);
        prop_assert_eq!((&again.body, again.exchange, &again.selection), (&entry.body, entry.exchange, &entry.selection));
        prop_assert_eq!(again.freshness, entry.freshness);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), cut in 0..300_usize) {
        _ = read(&rules(), &Bytes::from(bytes));
        let good = written(&entry(&[], b"body", Selection::default()).expect("kept"));
        _ = read(&rules(), &good.slice(..cut.min(good.len())));
    }
}
