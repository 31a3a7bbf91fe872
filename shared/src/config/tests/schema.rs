//! `docs/config.schema.json` is what the types say, and says what the loader does.

use crate::config::schema;

/// Write it anew with `UPDATE_SCHEMA=1 cargo test -p tollgate --features schema`.
#[test]
fn the_committed_schema_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/config.schema.json");
    let current = format!("{:#}\n", schema());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(path, &current).expect("a writable schema");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == current,
        "docs/config.schema.json is not current: UPDATE_SCHEMA=1 cargo test -p tollgate --features schema"
    );
}

#[test]
fn every_object_with_fixed_keys_refuses_others_and_names_what_it_needs() {
    let schema = schema();
    let route = &schema["properties"]["routes"]["items"];
    assert_eq!(route["additionalProperties"], false);
    assert_eq!(route["required"], serde_json::json!(["path"]));
    assert_eq!(
        route["oneOf"],
        serde_json::json!([{ "required": ["upstream"] }, { "required": ["split"] }, { "required": ["aggregate"] }, { "required": ["respond"] }])
    );
    assert_eq!(schema["required"], serde_json::json!(["routes"]));
    let auth = &schema["properties"]["auth"]["anyOf"];
    assert_eq!(auth[0]["required"], serde_json::json!(["methods", "default"]));
    let required = serde_json::json!(["type", "issuer", "audiences"]);
    let method = &auth[0]["properties"]["methods"]["additionalProperties"]["anyOf"][0];
    for short_or_named in [&auth[1], method] {
        assert_eq!(short_or_named["required"], required);
        assert_eq!(
            short_or_named["properties"]["type"],
            serde_json::json!({ "const": "jwt" })
        );
    }
    assert!(auth[1]["properties"]["failures"].is_object() && method["properties"]["failures"].is_null());
    let section = &schema["properties"]["rate_limiting"]["properties"]["overrides"]["items"];
    assert!(section["properties"]["path"].is_object() && section["properties"]["burst"].is_object());
}

#[test]
fn every_key_stands_in_the_documentation_and_in_the_example_of_all_keys() {
    let documentation = include_str!("../../../../docs/configuration.md");
    let example = include_str!("../../../../examples/all.yaml");
    let mut keys = std::collections::BTreeSet::new();
    collect_keys(&schema(), &mut keys);
    assert!(keys.len() > 40, "{keys:?}");
    for key in keys {
        assert!(
            documentation.contains(&format!("`{key}`")),
            "docs/configuration.md does not tell of {key}"
        );
        assert!(
            example.contains(&format!("{key}:")),
            "examples/all.yaml does not have {key}"
        );
    }
}

fn collect_keys(schema: &serde_json::Value, keys: &mut std::collections::BTreeSet<String>) {
    let properties = schema["properties"].as_object();
    keys.extend(properties.into_iter().flat_map(|properties| properties.keys().cloned()));
    let parts: Vec<&serde_json::Value> = match schema {
        serde_json::Value::Object(members) => members.values().collect(),
        serde_json::Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    parts.into_iter().for_each(|part| collect_keys(part, keys));
}
