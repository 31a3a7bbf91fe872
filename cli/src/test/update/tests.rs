use super::*;

#[test]
fn what_is_not_set_keeps_its_text() {
    let text = r#"{
  "about": "odd \u0020 escapes",
  "status": 200,
  "headers": { "a": "1",   "b": null },
  "body": {
    "x": 1.50
  }
}"#;
    let mut draft = Draft::read(text);
    draft.set("headers", &json!({ "a": "1", "b": null }));
    draft.set("status", &json!(201));
    assert_eq!(draft.render(0), text.replace("200", "201"));
    draft.remove("headers");
    draft.set("response_event", &json!({ "isBase64Encoded": true }));
    draft.set_list("upstream", &[Draft::read(r#"{"request": "GET http://a/"}"#)]);
    insta::assert_snapshot!(draft.render(0), @r#"
    {
      "about": "odd \u0020 escapes",
      "upstream": [
        {
          "request": "GET http://a/"
        }
      ],
      "status": 201,
      "body": {
        "x": 1.50
      },
      "response_event": {
        "isBase64Encoded": true
      }
    }
    "#);
}
