//! What finishes first makes no difference: the same outcomes give the same bytes.

use std::collections::BTreeMap;

use super::*;

/// All orders of four.
fn orders() -> Vec<[u64; 4]> {
    let mut orders = Vec::new();
    for order in 0..256_u64 {
        let ranks = [order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6];
        if (0..4).all(|rank| ranks.contains(&rank)) {
            orders.push(ranks);
        }
    }
    assert_eq!(orders.len(), 24);
    orders
}

/// What a client sees of an answer, without the time that it took.
fn seen(came: &Came) -> String {
    let mut headers: BTreeMap<String, Value> = serde_json::from_value(came.headers.clone()).expect("headers");
    headers.remove("x-response-time");
    format!("{} {headers:?} {}", came.status, came.body)
}

/// Each part answers with a number of its own, or fails in a way of its own.
fn end(part: usize, fails: bool) -> Result<Response<Bytes>, CallError> {
    match (fails, part) {
        (false, part) => Ok(answer(200, &format!("{{\"id\":{part}, \"p{part}\" : 1.{part}0}}"))),
        (true, 0) => Ok(answer(404, "{}")),
        (true, 1) => Err(CallError::Connect("s.internal refused".into())),
        (true, 2) => Ok(answer(200, "<html>")),
        (true, _) => Err(CallError::Timeout(Duration::from_secs(2))),
    }
}

/// Runs every failure pattern in every order; the answers by pattern.
async fn run(route: &str, targets: [&str; 4]) -> Vec<String> {
    let served = served(route);
    let mut answers = Vec::new();
    for pattern in 0..16_u32 {
        let mut first: Option<String> = None;
        for order in orders() {
            for (part, rank) in order.into_iter().enumerate() {
                served
                    .services
                    .set(targets[part], 100 + 10 * rank, end(part, pattern >> part & 1 == 1));
            }
            let seen = seen(&served.get().await);
            let first = first.get_or_insert_with(|| seen.clone());
            assert_eq!(*first, seen, "failures {pattern:04b}, ranks {order:?}");
        }
        answers.extend(first);
    }
    answers
}

const PARTS: &str = "    aggregate:
      a: { upstream: s, path: /a, required: true }
      b: { upstream: s, path: /b, required: true }
      c: { upstream: s, path: /c }
      d: { upstream: s, path: /d, fallback: { stood: in } }
    partial_errors: true
";

#[tokio::test(start_paused = true)]
async fn every_order_gives_the_same_bytes_for_the_same_outcomes() {
    let answers = run(PARTS, ["/a", "/b", "/c", "/d"]).await;
    let status = |pattern: usize| answers[pattern].split(' ').next().expect("a status").to_owned();
    // Bits: a and b are required.
    assert_eq!(
        (0..16).map(status).collect::<Vec<_>>().join(" "),
        "200 404 502 404 200 404 502 404 200 404 502 404 200 404 502 404"
    );
    assert!(
        answers[0b1111]
            .contains("The part `a` of this answer is missing. The service behind this path answered 404 Not Found.")
    );
    assert!(
        answers[0b0010]
            .contains("The part `b` of this answer is missing. The service behind this path cannot be reached.")
    );
    let body = |pattern: usize| answers[pattern].split_once("} ").expect("a body").1;
    assert_eq!(
        body(0),
        r#"{"a":{"id":0, "p0" : 1.00},"b":{"id":1, "p1" : 1.10},"c":{"id":2, "p2" : 1.20},"d":{"id":3, "p3" : 1.30}}"#
    );
    assert_eq!(
        body(0b1100),
        concat!(
            r#"{"a":{"id":0, "p0" : 1.00},"b":{"id":1, "p1" : 1.10},"d":{"stood":"in"},"_errors":{"#,
            r#""c":{"error":"upstream_invalid_response","message":"The service behind this path gave an invalid answer."},"#,
            r#""d":{"error":"upstream_timeout","message":"The service behind this path did not answer in time."}}}"#
        )
    );
    assert!(
        answers[0b1100].contains(r#""x-partial": String("c, d")"#),
        "{}",
        answers[0b1100]
    );
    assert!(answers[0b1100].contains(r#""cache-control": String("no-store")"#));
    assert!(!answers[0].contains("x-partial") && !answers[0].contains("cache-control"));
}

#[tokio::test(start_paused = true)]
async fn the_other_ways_to_merge_hang_on_no_order_either() {
    let list = PARTS.replace("partial_errors: true", "merge: list");
    let answers = run(&list, ["/a", "/b", "/c", "/d"]).await;
    assert!(answers[0b0100].ends_with(r#"[{"id":0, "p0" : 1.00},{"id":1, "p1" : 1.10},null,{"id":3, "p3" : 1.30}]"#));

    let last = format!("{PARTS}    merge: spread\n    on_conflict: last\n");
    let answers = run(&last, ["/a", "/b", "/c", "/d"]).await;
    assert!(
        answers[0].ends_with(r#"{"id":3,"p0":1.00,"p1":1.10,"p2":1.20,"p3":1.30}"#),
        "{}",
        answers[0]
    );
    assert!(answers[0b1000].contains(r#"{"id":2,"p0":1.00,"p1":1.10,"p2":1.20,"stood":"in","_errors":{"d":"#));

    let error = format!("{PARTS}    merge: spread\n");
    let answers = run(&error, ["/a", "/b", "/c", "/d"]).await;
    assert!(answers[0].starts_with("502 ") && answers[0b0001].starts_with("404 "));
}

/// `b` and `c` wait for `a`, `d` for both.
const DIAMOND: &str = "    aggregate:
      d: { upstream: s, path: \"/d?b={b.p1}&c={c.p2}\" }
      b: { upstream: s, path: \"/b/{a.id}\" }
      c: { upstream: s, path: \"/c/{a.id}\", fallback: { p2: x } }
      a: { upstream: s, path: /a }
    on_partial: 207
";

#[tokio::test(start_paused = true)]
async fn parts_that_wait_hang_on_no_order_either() {
    let served = served(DIAMOND);
    for pattern in 0..16_u32 {
        let fails = |part: usize| pattern >> part & 1 == 1;
        let mut first: Option<String> = None;
        for order in orders() {
            let after = |part: usize| 100 + 10 * order[part];
            served.services.set("/a", after(0), end(0, fails(0)));
            served.services.set("/b/0", after(1), end(1, fails(1)));
            served.services.set("/c/0", after(2), end(2, fails(2)));
            for c in ["1.20", "x"] {
                served
                    .services
                    .set(&format!("/d?b=1.10&c={c}"), after(3), end(3, fails(3)));
            }
            let came = served.get().await;
            let seen = seen(&came);
            let before = first.get_or_insert_with(|| seen.clone());
            assert_eq!(*before, seen, "failures {pattern:04b}, ranks {order:?}");
            // What needs a part that failed was not called: it fails with it, or has its own stand-in.
            let failed = [
                fails(0),
                fails(0) || fails(1),
                fails(0) || fails(2),
                fails(0) || fails(1) || fails(3),
            ];
            let said = came.header("x-partial").unwrap_or_default();
            let expected: Vec<&str> = [("d", 3), ("b", 1), ("c", 2), ("a", 0)]
                .into_iter()
                .filter(|(_, part)| failed[*part])
                .map(|(name, _)| name)
                .collect();
            assert_eq!(said, expected.join(", "));
            assert_eq!(came.status, if expected.is_empty() { 200 } else { 207 });
        }
    }
}
