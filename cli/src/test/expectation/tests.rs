use proptest::prelude::*;

use super::*;
use std::path::Path;

use tollgate::api_key::KeyStatus;

fn right(text: &str) -> Expectation {
    read(Path::new("one.expect.json"), text, false).unwrap_or_else(|mistakes| panic!("{}", mistakes.join("\n")))
}

fn wrong(text: &str) -> String {
    let mistakes = read(Path::new("one.expect.json"), text, false).expect_err("a mistake");
    mistakes.join("\n")
}

#[test]
fn everything_can_be_said() {
    let expectation = right(
        r#"{
            "about": "All of it.",
            "config": "../gateway.yaml",
            "variables": { "A": "1" },
            "gateway_event": "url",
            "authorizer_response": "policy",
            "at": "2026-03-12T19:03:58Z",
            "sent_before": [
                { "times": 3, "upstream": [{ "request": "GET http://a.internal", "answer": { "fails": "connect" } }] },
                { "at": "2026-03-12T19:00:00Z" }
            ],
            "upstream": [
                {
                    "request": "GET http://a.internal/x?y=1",
                    "headers": { "X-A": ["1", "2"], "X-B": null, "x-c": { "like": "a*b" } },
                    "body_base64": "AAE=",
                    "answer": { "status": 200, "headers": { "set-cookie": ["a=1", "b=2"] }, "body": { "b": 1.50, "a": 2 } }
                },
                { "request": "POST http://a.internal", "body_length": 3, "answer": { "status": 204, "body_length": 2 } }
            ],
            "status": 200,
            "body": "text",
            "response_event": { "isBase64Encoded": false }
        }"#,
    );
    assert_eq!(
        expectation.setting.config.as_deref(),
        Some(Path::new("../gateway.yaml"))
    );
    assert_eq!(expectation.setting.kind, Some(EventKind::Url));
    assert_eq!(expectation.setting.form, Some(ResponseForm::Policy));
    assert_eq!(expectation.setting.function, TestedFunction::Gateway);
    assert_eq!(expectation.setting.at, Some(Timestamp::from_secs(1_773_342_238)));
    let times: Vec<u32> = expectation.setting.before.iter().map(|before| before.times).collect();
    assert_eq!(times, [3, 1]);
    let step = &expectation.setting.before[0].exchanges[0];
    assert_eq!(step.request, "GET http://a.internal/");
    assert!(matches!(step.answer, Answer::Fails(Failing::Connect)));
    let [first, second] = &expectation.exchanges[..] else {
        panic!("two exchanges")
    };
    assert_eq!(first.headers[2], ("x-c".to_owned(), HeaderRule::Like("a*b".to_owned())));
    assert_eq!(first.body, Some(Body::Bytes(Bytes::from_static(&[0, 1]))));
    let Answer::Response(answer) = &first.answer else {
        panic!("an answer")
    };
    assert_eq!(answer.body(), r#"{ "b": 1.50, "a": 2 }"#, "the text as it is written");
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers().get_all("set-cookie").iter().count(), 2);
    // As the gateway's own calls are written.
    assert_eq!(second.request, "POST http://a.internal/");
    let Answer::Response(answer) = &second.answer else {
        panic!("an answer")
    };
    assert_eq!(answer.body(), "xx");
}

#[test]
fn all_mistakes_are_told_with_their_places() {
    let text = r#"{
  "staus": 200,
  "at": "12 March",
  "about": "",
  "sent_before": 0,
  "variables": { "A": 1 },
  "upstream": [
    { "request": "GET /users", "answer": { "status": 99 } },
    { "request": "GET http://a/", "answer": { "fails": "time-out" }, "body": "", "body_length": 0 },
    { "request": "GET http://a/", "answer": { "status": 200, "body_file": "nowhere.json", "headers": { "a b": "1" } } },
    { "answers": {} }
  ],
  "headers": { "a": { "liek": "*" }, "b": 1 },
  "body": null,
  "upstream": []
}"#;
    insta::assert_snapshot!(wrong(text), @r#"
    one.expect.json:1: needs either "status" (an answer) or "error" (a Lambda error)
    one.expect.json:2: /staus: "staus" is not a member here (did you mean "status"?)
    one.expect.json:3: /at: "12 March" is no time in UTC since 1970; write it like 2026-03-12T19:03:58Z
    one.expect.json:5: /sent_before: is not a whole number from 1 to 10000
    one.expect.json:6: /variables/A: is not a string
    one.expect.json:8: /upstream/0/request: "GET /users" is no request; write the method and the whole URL, like GET http://users.internal/users/42
    one.expect.json:8: /upstream/0/answer/status: is not a whole number from 200 to 599
    one.expect.json:9: /upstream/1/body_length: "body_length" and "body" say the same thing twice
    one.expect.json:9: /upstream/1/answer/fails: "time-out" is not known (did you mean "timeout"?)
    one.expect.json:10: /upstream/2/answer/headers/a b: is not a header name
    one.expect.json:10: /upstream/2/answer/body_file: nowhere.json: No such file or directory (os error 2)
    one.expect.json:11: /upstream/3: has no "request"
    one.expect.json:11: /upstream/3: has no "answer"
    one.expect.json:11: /upstream/3/answers: "answers" is not a member here (did you mean "answer"?)
    one.expect.json:13: /headers/a: has no "like"
    one.expect.json:13: /headers/a/liek: "liek" is not a member here (did you mean "like"?)
    one.expect.json:13: /headers/b: is neither a string nor a list of strings
    one.expect.json:14: /body: is no body; an empty one is ""
    one.expect.json:15: /upstream: is here twice
    "#);
}

#[test]
fn records_stand_as_callers_show_them() {
    let records = right(
        r#"{
            "records": {
                "api_keys": [
                    { "key": "tg_0123456789AB_abcdefghijklmnopqrstuvwxyzABCDEF_hLSfXg", "owner": "ann", "status": "revoked",
                      "scopes": ["b", "a", "b"], "expires_at": "2026-03-12T19:03:58Z", "plan": "gold", "name": "nightly",
                      "plan_expires_at": "2026-03-12T20:00:00Z", "limits": { "quota": { "requests": 5, "per": "day" } } }
                ],
                "plans": [{ "name": "gold", "limits": { "rate_limit": { "requests_per_second": 5 } } }],
                "sessions": [
                    { "id": "abc", "claims": { "sub": "ann" }, "created_at": "2026-03-12T19:00:00Z", "expires_at": "2026-03-12T20:00:00Z" }
                ]
            },
            "status": 200
        }"#,
    )
    .setting
    .records;
    let key = &records.api_keys[0];
    assert_eq!((key.id.as_str(), key.owner.as_str()), ("0123456789AB", "ann"));
    assert_eq!(key.status, KeyStatus::Revoked);
    assert_eq!(key.scopes, ["a", "b"]);
    assert_eq!(key.expires_at, Some(Timestamp::from_secs(1_773_342_238)));
    assert_eq!(
        (key.plan.as_deref(), key.name.as_deref()),
        (Some("gold"), Some("nightly"))
    );
    assert_eq!(key.plan_expires_at, Some(Timestamp::from_secs(1_773_345_600)));
    assert_eq!(key.limits.as_ref().unwrap().rules().quotas.len(), 1);
    let (name, limits) = &records.plans[0];
    assert_eq!((&**name, limits.rules().rate.unwrap().requests.get()), ("gold", 5));
    let (hash, session) = &records.sessions[0];
    assert_eq!(*hash, SessionHash::of("abc"));
    assert_eq!(session.claims["sub"], "ann");
    assert_eq!(session.seen_at, session.created_at, "not used since");
}

#[test]
fn a_wrong_record_is_told_without_the_key() {
    let text = r#"{
  "records": {
    "api_keys": [
      { "key": "tg_0123456789AB_abcdefghijklmnopqrstuvwxyzABCDEF_hLSfXh", "owner": "ann" },
      { "kee": "tg", "status": "gone" }
    ],
    "sessions": [{ "id": "abc", "claims": [], "seen_at": "now" }],
    "plan": [],
    "plans": [{ "name": "gold", "limits": { "quota": 5 } }]
  },
  "status": 200
}"#;
    insta::assert_snapshot!(wrong(text), @r#"
    one.expect.json:4: /records/api_keys/0/key: is no API key (its checksum is wrong: a typo, or made up); `tollgate keys create` makes one
    one.expect.json:5: /records/api_keys/1: has no "key"
    one.expect.json:5: /records/api_keys/1: has no "owner"
    one.expect.json:5: /records/api_keys/1/status: "gone" is not known; there are active, revoked
    one.expect.json:5: /records/api_keys/1/kee: "kee" is not a member here (did you mean "key"?)
    one.expect.json:7: /records/sessions/0/claims: is not an object
    one.expect.json:7: /records/sessions/0: has no "created_at"
    one.expect.json:7: /records/sessions/0: has no "expires_at"
    one.expect.json:7: /records/sessions/0/seen_at: "now" is no time in UTC since 1970; write it like 2026-03-12T19:03:58Z
    one.expect.json:8: /records/plan: "plan" is not a member here (did you mean "plans"?)
    one.expect.json:9: /records/plans/0/limits: is not right: PLAN#gold:1: /quota: must be an object, not 5
    "#);
}

#[test]
fn nothing_is_said_that_would_not_be_looked_at() {
    let text = r#"{
  "error": { "type": "NotHttp" },
  "headers": { "a b": null },
  "body": {}, "body_length": 0,
  "response_event": {},
  "upstream": [{ "request": "GET http://a/", "headers": { "x-user-id:": null }, "answer": { "status": 200 } }]
}"#;
    insta::assert_snapshot!(wrong(text), @r#"
    one.expect.json:3: /headers: a Lambda error has no "headers": that is of an answer
    one.expect.json:3: /headers/a b: is not a header name
    one.expect.json:4: /body: a Lambda error has no "body": that is of an answer
    one.expect.json:4: /body_length: a Lambda error has no "body_length": that is of an answer
    one.expect.json:4: /body_length: "body_length" and "body" say the same thing twice
    one.expect.json:5: /response_event: a Lambda error has no "response_event": that is of an answer
    one.expect.json:6: /upstream/0/headers/x-user-id:: is not a header name
    "#);
}

#[test]
fn what_is_no_object_or_no_json_is_told() {
    for (text, said) in [
        (
            "",
            "one.expect.json:1: is no JSON: EOF while parsing a value at line 1 column 0",
        ),
        ("{\n \"status\": 200,\n}", "one.expect.json:3: is no JSON: "),
        ("[]", "one.expect.json:1: is not an object"),
        (
            r#"{"status":200,"gateway_event":"sqs"}"#,
            r#"one.expect.json:1: /gateway_event: GATEWAY_EVENT: "sqs" is no kind"#,
        ),
        (
            "{}",
            r#"one.expect.json:1: needs either "status" (an answer) or "error" (a Lambda error)"#,
        ),
        (
            r#"{"status":200,"error":{"type":"a"}}"#,
            r#"one.expect.json:1: needs either "status" (an answer) or "error" (a Lambda error)"#,
        ),
        (
            r#"{"status":200,"about":"\ud800"}"#,
            "one.expect.json:1: /about: is not a string",
        ),
        (
            r#"{"status":200.5}"#,
            "one.expect.json:1: /status: is not a whole number from 100 to 599",
        ),
        (
            r#"{"status":200,"at":"1969-12-31T23:59:59Z"}"#,
            "one.expect.json:1: /at: ",
        ),
        (
            r#"{"status":200,"a/~\n":1}"#,
            r"one.expect.json:1: /a~1~0\n: is not a member here; there are ",
        ),
    ] {
        assert!(wrong(text).starts_with(said), "{text}: {}", wrong(text));
    }
}

#[test]
fn what_the_folder_shares_says_nothing_of_an_outcome() {
    let shared = |text| read(Path::new("defaults.expect.json"), text, true);
    assert!(shared("{}").is_ok());
    for text in [
        r#"{"status":200}"#,
        r#"{"sent_before":1}"#,
        r#"{"upstream":[{"request":"GET http://a/","headers":{},"answer":{"status":200}}]}"#,
    ] {
        assert!(shared(text).unwrap_err()[0].contains("is not a member here"), "{text}");
    }
    let step = r#"{"status":200,"sent_before":[{"upstream":[{"request":"GET http://a/","body":"","answer":{"status":200}}]}]}"#;
    assert!(
        wrong(step).contains("is not a member here"),
        "nothing is compared of what is sent before"
    );
}

#[test]
fn forms_of_header_values() {
    for (text, form, fits) in [
        ("abc", "abc", true),
        ("abc", "a*", true),
        ("abc", "*", true),
        ("", "*", true),
        ("abc", "*c", true),
        ("abc", "a*c", true),
        ("a", "a*a", false),
        ("abab", "*ab", true),
        ("abcabd", "a*b*d", true),
        ("abc", "a", false),
        ("abc", "*b", false),
        ("", "", true),
    ] {
        assert_eq!(is_like(text, form), fits, "{text} {form}");
    }
    let like = HeaderRule::Like("*".to_owned());
    assert!(!like.holds(&[]), "a header that is not there");
    assert!(!like.holds(&["a".to_owned(), "b".to_owned()]), "two values");
}

proptest! {
    /// The obvious way to tell, letter by letter.
    #[test]
    fn forms_are_found_as_by_trying_everything(text in "[ab]{0,8}", form in "[ab*]{0,6}") {
        fn fits(text: &[u8], form: &[u8]) -> bool {
            match form.split_first() {
                None => text.is_empty(),
                Some((b'*', rest)) => (0..=text.len()).any(|skip| fits(&text[skip..], rest)),
                Some((letter, rest)) => text.first() == Some(letter) && fits(&text[1..], rest),
            }
        }
        prop_assert_eq!(is_like(&text, &form), fits(text.as_bytes(), form.as_bytes()));
    }

    #[test]
    fn no_text_is_too_odd_to_be_read(text in r#"[\[\]{}:,"a-z0-9 \\\n*]{0,200}"#) {
        if let Err(mistakes) = read(Path::new("x"), &text, false) {
            prop_assert!(!mistakes.is_empty());
        }
    }

    /// A right file with one value replaced is right, or every mistake has a place.
    #[test]
    fn no_value_is_too_odd_to_be_read(
        member in prop::sample::select(vec!["about", "config", "variables", "gateway_event", "at", "sent_before", "upstream", "status", "headers", "body", "body_base64", "body_length", "response_event", "error", "function", "authorizer_response", "decision"]),
        value in prop::sample::select(vec!["null", "true", "-1", "1e999", "18446744073709551616", "\"\"", "\"\\ud800\"", "[]", "[null]", "[[]]", "{}", "{\"\":null}", "{\"like\":1}", "[{\"request\":\"x\"}]", "[{\"answer\":[]}]"]),
    ) {
        if let Err(mistakes) = read(Path::new("x"), &format!("{{\"{member}\": {value}}}"), false) {
            for mistake in mistakes {
                prop_assert!(mistake.starts_with("x:1: "), "{}", mistake);
            }
        }
    }
}

#[test]
fn a_decision_is_the_authorizer_s_and_nothing_stands_beside_it() {
    let expectation = right(r#"{ "function": "authorizer", "decision": { "isAuthorized": true } }"#);
    assert_eq!(expectation.setting.function, TestedFunction::Authorizer);
    assert!(matches!(expectation.outcome, Some(Expected::Decision(decision)) if decision["isAuthorized"] == true));
    let expectation = right(r#"{ "function": "authorizer", "error": { "type": "Unauthorized" } }"#);
    assert!(matches!(expectation.outcome, Some(Expected::Error { .. })));
    let mistakes = [
        r#"{ "function": "admin", "status": 200 }"#,
        r#"{ "function": "authorizer" }"#,
        r#"{ "function": "authorizer", "status": 200, "headers": {}, "decision": {} }"#,
        r#"{ "function": "authorizer", "decision": {}, "error": { "type": "a" } }"#,
        r#"{ "status": 200, "decision": {} }"#,
        r#"{ "function": "authorizer", "authorizer_response": "iam", "decision": {} }"#,
    ];
    insta::assert_snapshot!(mistakes.map(wrong).join("\n"), @r#"
    one.expect.json:1: /function: "admin" works on a database, and these tests have none: `tollgate invoke` has one
    one.expect.json:1: needs either "decision" (the authorizer's answer) or "error" (a Lambda error)
    one.expect.json:1: /status: the authorizer gives no "status": that is of the gateway's answer
    one.expect.json:1: /headers: the authorizer gives no "headers": that is of the gateway's answer
    one.expect.json:1: needs either "decision" (the authorizer's answer) or "error" (a Lambda error)
    one.expect.json:1: /decision: is the authorizer's: it goes with "function": "authorizer"
    one.expect.json:1: /authorizer_response: AUTHORIZER_RESPONSE: "iam" is no form of an answer; it is simple or policy
    "#);
}
