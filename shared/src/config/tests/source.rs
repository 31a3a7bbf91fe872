//! What `GATEWAY_CONFIG` may hold.

use std::io::Write as _;

use super::Checked;
use crate::config::{MAX_DOCUMENT, Mistakes, Origin};

fn load(config: Option<&str>, root: Option<&std::path::Path>) -> Result<Checked, Mistakes> {
    let variable = |name: &str| match name {
        "GATEWAY_CONFIG" => config.map(ToOwned::to_owned),
        "LAMBDA_TASK_ROOT" => root.map(|root| root.display().to_string()),
        _ => super::variable(name),
    };
    match Origin::from_environment(&variable)? {
        Origin::Here(document) => document.check(&variable),
        elsewhere => panic!("{elsewhere:?} is not here"),
    }
}

fn told(config: Option<&str>) -> String {
    load(config, None).expect_err("no config").to_string()
}

#[test]
fn without_a_document_it_says_what_to_set() {
    insta::assert_snapshot!(told(None), @r"
    GATEWAY_CONFIG is not set: give it the document itself as JSON, beginning with {, or packed:... as `tollgate pack` prints it, or file:PATH, or ssm:NAME for a parameter of Parameter Store, or s3://BUCKET/KEY
    ");
    assert_eq!(told(Some(" \n")), told(None));
}

#[test]
fn an_inline_document_is_named_after_the_variable() {
    let inline = r#" { "routes": [ { "path": "/a", "upstream": "http://${A_HOST}", "auth": "none" } ] } "#;
    assert_eq!(load(Some(inline), None).expect("it is right").config.routes.len(), 1);
    assert_eq!(
        told(Some("{ \"routes\": [] }")),
        "GATEWAY_CONFIG:1: /routes: at least one route is needed: there is nothing to serve"
    );
}

#[test]
fn other_forms_are_refused_without_showing_what_they_hold() {
    insta::assert_snapshot!(told(Some("vault:/gateway/secret-name")), @r#"
    GATEWAY_CONFIG begins with "vault:", which is not known: give it the document itself as JSON, beginning with {, or packed:... as `tollgate pack` prints it, or file:PATH, or ssm:NAME for a parameter of Parameter Store, or s3://BUCKET/KEY
    "#);
    insta::assert_snapshot!(told(Some("hunter2-hunter2")), @r"
    GATEWAY_CONFIG is not a config: give it the document itself as JSON, beginning with {, or packed:... as `tollgate pack` prints it, or file:PATH, or ssm:NAME for a parameter of Parameter Store, or s3://BUCKET/KEY
    ");
    assert!(!told(Some("user hunter2:x")).contains("hunter2"));
}

#[test]
fn a_file_is_looked_for_where_the_bundle_is_unpacked() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut file = std::fs::File::create(folder.path().join("gateway.yaml")).expect("a file");
    file.write_all(super::OPEN_ROUTE.as_bytes()).expect("a written file");
    assert_eq!(
        load(Some("file:gateway.yaml"), Some(folder.path()))
            .expect("it is right")
            .config
            .routes
            .len(),
        1
    );
    let absolute = format!("file:{}", folder.path().join("gateway.yaml").display());
    assert_eq!(load(Some(&absolute), None).expect("it is right").config.routes.len(), 1);
    let missing = load(Some("file:other.yaml"), Some(folder.path()))
        .expect_err("it is missing")
        .to_string();
    assert!(missing.starts_with("other.yaml: cannot be opened: "), "{missing}");
}

#[test]
fn a_file_that_is_no_document_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).expect("a written file");
        load(Some(&format!("file:{name}")), Some(folder.path()))
            .expect_err("it is wrong")
            .to_string()
    };
    assert_eq!(told("latin.yaml", b"routes: [\xfc]"), "latin.yaml: is not UTF-8 text");
    let large = vec![b' '; MAX_DOCUMENT * 3];
    assert_eq!(
        told("large.yaml", &large),
        "large.yaml:1: larger than 1048576 bytes, the most that is read"
    );
    assert_eq!(told("empty.yaml", b""), "empty.yaml:1: there is no document");
    assert_eq!(
        told("bad.yaml", b"routes: 5"),
        "bad.yaml:1: /routes: must be a list, not 5"
    );
}
