//! How answers become one, and what later stages make of it.

use super::*;

const TWO: &str = "    aggregate:\n      a: { upstream: s, path: /a }\n      b: { upstream: s, path: /b }\n";

async fn spread(on_conflict: &str, a: &str, b: &str) -> Came {
    let served = served(&format!("{TWO}    merge: spread\n{on_conflict}"));
    served.services.json("/a", 2, a);
    served.services.json("/b", 1, b);
    served.get().await
}

#[tokio::test(start_paused = true)]
async fn members_of_one_name() {
    let (a, b) = (r#"{"x":1,"id":1.0,"y":2}"#, r#"{"z":3,"\u0069d":2.00}"#);
    let first = spread("    on_conflict: first\n", a, b).await;
    assert_eq!(first.body, r#"{"x":1,"id":1.0,"y":2,"z":3}"#);
    let last = spread("    on_conflict: last\n", a, b).await;
    assert_eq!(last.body, r#"{"x":1,"\u0069d":2.00,"y":2,"z":3}"#);
    let error = spread("", a, b).await;
    assert_eq!(
        (error.status, &error.json()["error"]),
        (502, &json!("upstream_invalid_response"))
    );
    assert_eq!(
        error.log["detail"],
        "the parts a and b both have a member \"id\", and on_conflict does not say which counts"
    );
    assert_eq!(spread("", r#"{"x":1}"#, r#"{"y":2}"#).await.body, r#"{"x":1,"y":2}"#);
    assert_eq!(spread("", "{}", "{}").await.body, "{}");
}

#[tokio::test(start_paused = true)]
async fn of_two_members_in_one_part_the_last_counts() {
    let twice = r#"{"x":1,"y":0,"x":2}"#;
    assert_eq!(spread("", twice, "{}").await.body, r#"{"x":2,"y":0}"#);
    let first = spread("    on_conflict: first\n", r#"{"x":0}"#, twice).await;
    assert_eq!(first.body, r#"{"x":0,"y":0}"#);
    let last = spread("    on_conflict: last\n", r#"{"x":0}"#, twice).await;
    assert_eq!(last.body, r#"{"x":2,"y":0}"#);
}

#[tokio::test(start_paused = true)]
async fn only_objects_are_spread() {
    for body in ["[]", "1", "null", "\"{}\""] {
        let came = spread("", "{}", body).await;
        assert_eq!(
            (came.status, came.header("x-partial"), came.body.as_str()),
            (200, Some("b"), "{}"),
            "{body}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_cannot_say_that_others_failed() {
    let errors = "    partial_errors: true\n";
    let came = spread(errors, r#"{"_errors":"mine","\u005ferrors":2,"x":1}"#, "{}").await;
    assert_eq!((came.body.as_str(), came.header("x-partial")), (r#"{"x":1}"#, None));
    let without = spread("", r#"{"_errors":"mine"}"#, "{}").await;
    assert_eq!(without.body, r#"{"_errors":"mine"}"#);
}

#[tokio::test(start_paused = true)]
async fn lists_keep_their_places() {
    let served = served(&format!("{TWO}    merge: list\n"));
    served.services.set("/a", 2, Err(CallError::Connect("x".into())));
    served.services.json("/b", 1, "[1.0]");
    let came = served.get().await;
    assert_eq!(
        (came.body.as_str(), came.header("x-partial")),
        ("[null,[1.0]]", Some("a"))
    );
}

/// The answer is reshaped like a single service's; an error of the gateway is not.
#[tokio::test(start_paused = true)]
async fn transformations_hold_for_the_answer_as_a_whole() {
    let route = format!(
        "{TWO}transformations:\n  - path: /home/**\n    response: {{ remove_fields: [a.secret], rename_fields: {{ b: orders }} }}\n"
    );
    let served = served(&route);
    served
        .services
        .json("/a", 2, r#"{"secret":1,"n":12345678901234567890123.0}"#);
    served.services.json("/b", 1, "[1.0]");
    let came = served.get().await;
    assert_eq!(came.body, r#"{"a":{"n":12345678901234567890123.0},"orders":[1.0]}"#);
}
