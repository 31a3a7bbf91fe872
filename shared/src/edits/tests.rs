//! What is told of a change, and that nothing is where nobody asks.

use http::header::{ACCEPT, COOKIE, SERVER, VARY};

use super::*;
use crate::testing::headers;

fn value(text: &'static str) -> HeaderValue {
    HeaderValue::from_static(text)
}

fn change(headers: &mut HeaderMap) {
    headers.remove(SERVER);
    headers.insert(ACCEPT, value("b"));
    headers.append(VARY, value("Origin"));
    headers.append(COOKIE, value("c=1"));
}

#[test]
fn each_header_that_differs_is_told_once() {
    let mut edits = Edits::kept();
    let at = Pointer::new("/routes/0");
    let mut map = headers(&[
        ("server", "s"),
        ("accept", "a"),
        ("vary", "Accept"),
        ("host", "h"),
        ("server", "t"),
    ]);
    edits.headers(Stage::Answer, Some(&at), &mut map, change);
    edits.headers(Stage::Seal, None, &mut map, |_| ());
    let list = edits.into_list();
    assert!(
        list.iter()
            .all(|edit| edit.stage == Stage::Answer && edit.at.as_ref() == Some(&at))
    );
    let operations: Vec<Operation> = list.into_iter().map(|edit| edit.operation).collect();
    assert_eq!(operations.len(), 4, "{operations:?}");
    for expected in [
        Operation::RemoveHeader(SERVER),
        Operation::SetHeader(ACCEPT, vec![value("b")]),
        Operation::AddHeader(VARY, vec![value("Origin")]),
        Operation::SetHeader(COOKIE, vec![value("c=1")]),
    ] {
        assert!(operations.contains(&expected), "{expected:?} in {operations:?}");
    }
}

#[test]
fn a_header_with_fewer_values_is_set_anew() {
    let mut edits = Edits::kept();
    let mut map = headers(&[("vary", "a"), ("vary", "b")]);
    edits.headers(Stage::Answer, None, &mut map, |map| _ = map.insert(VARY, value("a")));
    let operation = Operation::SetHeader(VARY, vec![value("a")]);
    assert_eq!(edits.into_list()[0].operation, operation);
}

#[test]
fn where_nobody_asks_the_change_is_made_and_nothing_is_kept() {
    let mut edits = Edits::default();
    let mut map = headers(&[("server", "s")]);
    edits.headers(Stage::Answer, None, &mut map, change);
    edits.tell(Stage::Answer, None, || panic!("nobody asked"));
    assert!(!map.contains_key(SERVER));
    assert_eq!(edits.into_list(), Vec::new());
}

#[test]
fn a_body_is_told_where_it_differs() {
    let mut edits = Edits::kept();
    let (one, two) = (Bytes::from_static(b"1"), Bytes::from_static(b"22"));
    edits.body(Stage::TransformResponse, None, &one, &one.clone());
    edits.body(Stage::TransformResponse, None, &one, &two);
    let list = edits.into_list();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].operation, Operation::Body { from: 1, to: 2 });
}
