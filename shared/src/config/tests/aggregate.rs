//! `aggregate`: what becomes of parts that stand in the document.

use std::time::Duration;

use http::{Method, StatusCode};

use super::{mistakes, right};
use crate::aggregate::{Aggregate, Merge, Need, OnConflict};
use crate::config::Target;

/// One open route with these parts, and what else it says; each line indented by four blanks.
fn document(route: &str) -> String {
    format!(
        "upstreams:\n  s: {{ url: \"http://s:1\", timeout: 3s }}\nroutes:\n  - path: /home/{{id}}\n    auth: none\n{route}"
    )
}

#[track_caller]
fn aggregate(route: &str) -> Aggregate {
    match &right(&document(route)).config.routes[0].target {
        Target::Aggregate(aggregate) => Aggregate::clone(aggregate),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_left_out_has_its_default() {
    let aggregate = aggregate("    aggregate:\n      a: { upstream: s, path: /a }\n");
    assert_eq!((aggregate.merge, aggregate.on_partial), (Merge::Name, StatusCode::OK));
    assert_eq!((aggregate.partial_errors, aggregate.timeout), (false, None));
    let [part] = aggregate.parts.as_slice() else {
        panic!("one part")
    };
    assert_eq!((&*part.name, part.pointer.as_str()), ("a", "/routes/0/aggregate/a"));
    assert_eq!(
        (&part.method, part.call.timeout),
        (&Method::GET, Duration::from_secs(3))
    );
    assert_eq!(
        (&part.need, part.inputs.len(), part.headers.len()),
        (&Need::Optional, 0, 0)
    );
}

#[test]
fn parts_stand_in_the_order_of_the_document_and_know_what_they_wait_for() {
    let aggregate = aggregate(
        "    timeout: 1s\n    merge: spread\n    on_conflict: last\n    on_partial: 207\n    partial_errors: true\n    aggregate:\n      \
         z: { upstream: s, path: \"/z?x={a.id}&y={m.id}&z={a.b}\", method: POST, timeout: 2s }\n      \
         m: { upstream: \"http://m:2\", path: /m, fallback: { n: [1.0, null] }, headers: { X-A: \"{a.id}\" } }\n      \
         a: { upstream: s, path: \"/a/{id}\", required: true }\n",
    );
    let names: Vec<&str> = aggregate.parts.iter().map(|part| &*part.name).collect();
    assert_eq!(names, ["z", "m", "a"]);
    let inputs: Vec<&[usize]> = aggregate.parts.iter().map(|part| &*part.inputs).collect();
    assert_eq!(inputs, [&[1, 2][..], &[2], &[]]);
    assert_eq!(aggregate.merge, Merge::Spread(OnConflict::Last));
    assert_eq!(
        (aggregate.timeout, aggregate.partial_errors),
        (Some(Duration::from_secs(1)), true)
    );
    assert_eq!(aggregate.parts[1].need, Need::Fallback(r#"{"n":[1.0,null]}"#.into()));
    assert_eq!(
        (&aggregate.parts[0].method, &aggregate.parts[2].need),
        (&Method::POST, &Need::Required)
    );
}

#[test]
fn any_json_may_stand_in_for_a_part() {
    for (written, json) in [
        ("[]", "[]"),
        ("null", "null"),
        ("\"x\"", "\"x\""),
        ("12345678901234567890.10", "12345678901234567890.10"),
        ("false", "false"),
        ("\"${A_HOST}\"", "\"a.internal\""),
        ("\"${RPS}\"", "100"),
    ] {
        let parts = aggregate(&format!(
            "    aggregate:\n      a: {{ upstream: s, path: /a, fallback: {written} }}\n"
        ))
        .parts;
        assert_eq!(parts[0].need, Need::Fallback(json.into()), "{written}");
    }
}

/// One mistake hides no other, and a circle is told once.
#[test]
fn every_mistake_of_every_part_is_told() {
    let text = document(
        "    merge: list\n    on_conflict: first\n    partial_errors: true\n    on_partial: 206\n    aggregate:\n      \
         a: { upstream: s, path: \"/{b.x}/{nope}\" }\n      b: { upstream: s, path: \"/{c.x}{a.x}\" }\n      \
         c: { upstream: s, path: \"/{b.x}/{d.x}\" }\n      d: { upstream: s, path: \"/{d.x}\" }\n      \
         e: { upstream: nobody, path: x, method: get, fallback: 0x1F }\n",
    );
    insta::assert_snapshot!(mistakes(&text), @r#"
    gateway.yaml:7: /routes/0/on_conflict: goes with merge: spread: otherwise no part can take another's place
    gateway.yaml:8: /routes/0/partial_errors: a list has no place for _errors: merge by name, or spread
    gateway.yaml:9: /routes/0/on_partial: 206 answers a request for a range of bytes (RFC 9110 section 15.3.7): caches and clients would take it for that; X-Partial says that parts are missing
    gateway.yaml:11: /routes/0/aggregate/a/path: "/{b.x}/{nope}": nothing is called `{nope}` here: there are {name} of the route's path, {claims.x}, {query.x}, {header.x}, {part.x} of another part
    gateway.yaml:12: /routes/0/aggregate/b: waits for itself: b -> c -> b
    gateway.yaml:14: /routes/0/aggregate/d: waits for itself: d -> d
    gateway.yaml:15: /routes/0/aggregate/e/upstream: "nobody" is not an upstream: name one of upstreams, or write a URL such as http://orders:3002
    gateway.yaml:15: /routes/0/aggregate/e/path: "x": a path begins with `/`
    gateway.yaml:15: /routes/0/aggregate/e/method: "get" is not a method: methods are upper-case (did you mean "GET"?)
    gateway.yaml:15: /routes/0/aggregate/e/fallback: must be a number as JSON writes it, not 0x1F
    "#);
}
