//! `docs/admin.openapi.json` is what the code says.

use serde_json::Value;

use super::*;

/// Write it anew with `UPDATE_OPENAPI=1 cargo test -p admin`.
#[test]
fn the_committed_document_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/admin.openapi.json");
    let current = format!("{:#}\n", document());
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(path, &current).expect("a writable document");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == current,
        "docs/admin.openapi.json is not current: UPDATE_OPENAPI=1 cargo test -p admin"
    );
}

fn each_operation(look: impl Fn(&str, &str, &Value)) {
    let document = super::document();
    let paths = document["paths"].as_object().expect("paths");
    for (path, item) in paths {
        let operations = item.as_object().expect("operations");
        operations
            .iter()
            .for_each(|(method, operation)| look(path, method, operation));
    }
}

#[test]
fn it_is_openapi_3_1_with_one_way_to_sign() {
    let document = super::document();
    assert_eq!(document["openapi"], "3.1.0");
    let scheme = &document["components"]["securitySchemes"][SIGNATURE];
    assert_eq!(scheme["x-amazon-apigateway-authtype"], "awsSigv4");
    assert_eq!(document["security"], serde_json::json!([{ SIGNATURE: [] }]));
}

#[test]
fn every_operation_says_what_it_is_and_how_it_fails() {
    each_operation(|path, method, operation| {
        let at = format!("{method} {path}");
        assert!(
            operation["operationId"].is_string() && operation["summary"].is_string(),
            "{at}"
        );
        let responses = operation["responses"].as_object().expect("responses");
        for (status, _) in OF_EVERY_REQUEST {
            assert!(responses.contains_key(status.as_str()), "{at} {status}");
        }
        assert_eq!(
            operation["requestBody"].is_object(),
            responses.contains_key("413"),
            "{at}"
        );
        for (status, response) in responses {
            assert!(
                !response["description"].as_str().expect("text").is_empty(),
                "{at} {status}"
            );
            if status.as_str() >= "400" {
                for media_type in ["application/json", "application/problem+json"] {
                    let schema = &response["content"][media_type]["schema"];
                    assert_eq!(schema["$ref"], "#/components/schemas/Error", "{at} {status}");
                }
            }
        }
    });
}

#[test]
fn every_reference_leads_somewhere() {
    fn look(document: &Value, place: &Value) {
        if let Some(reference) = place["$ref"].as_str() {
            let pointer = reference.strip_prefix('#').expect("a reference within the document");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        match place {
            Value::Object(members) => members.values().for_each(|member| look(document, member)),
            Value::Array(items) => items.iter().for_each(|item| look(document, item)),
            _ => {}
        }
    }
    let document = super::document();
    look(&document, &document);
}
