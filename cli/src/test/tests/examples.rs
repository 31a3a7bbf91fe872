//! The events of the examples: each has the outcome that its README tells of.

use std::path::Path;

use super::{cases, said};

#[tokio::test(flavor = "multi_thread")]
async fn every_event_of_an_example_has_its_outcome() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut failures = String::new();
    let mut found = 0;
    for entry in std::fs::read_dir(examples).unwrap() {
        let folder = entry.unwrap().path().join("events");
        if !folder.is_dir() {
            continue;
        }
        for case in &cases(&folder) {
            found += 1;
            match case.text {
                Some(_) => failures += &said(case).await,
                None => failures += &format!("{}: nothing is expected of it\n", case.name),
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
    assert!(found >= 8, "only {found} events");
}
