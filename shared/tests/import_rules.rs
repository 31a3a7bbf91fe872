//! The two import rules of the crate, which the compiler does not keep: only `store/dynamodb` names AWS crates, and
//! only `config` knows the mirror of the document.

use std::fs;
use std::path::{Path, PathBuf};

/// The lines of product code that hold one of these words, outside the given folder and the file beside it.
fn found(words: &[&str], allowed: &str) -> Vec<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for file in files(&source) {
        let name = file
            .strip_prefix(&source)
            .expect("below src")
            .to_string_lossy()
            .replace('\\', "/");
        if name == format!("{allowed}.rs") || name.starts_with(&format!("{allowed}/")) {
            continue;
        }
        let text = fs::read_to_string(&file).expect("readable");
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let hits = code.filter(|line| words.iter().any(|word| line.contains(word)));
        found.extend(hits.map(|line| format!("{name}: {}", line.trim())));
    }
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn only_the_dynamodb_store_names_aws_crates() {
    let words = ["aws_sdk", "aws_smithy", "aws_config", "aws_credential"];
    assert_eq!(found(&words, "store/dynamodb"), Vec::<String>::new());
    assert!(!found(&words, "nowhere").is_empty(), "the search finds what is there");
}

#[test]
fn only_config_knows_the_mirror_of_the_document() {
    let words = ["raw::", "config::raw", "mod raw"];
    assert_eq!(found(&words, "config"), Vec::<String>::new());
    assert!(!found(&words, "nowhere").is_empty(), "the search finds what is there");
}
