//! The two import rules of the crate, which the compiler does not keep: only `store/dynamodb` and `aws` name AWS crates, and
//! only `config` knows the mirror of the document.

use std::fs;
use std::path::{Path, PathBuf};

/// The lines of product code that hold one of these words, outside the given folders and the files beside them.
fn found(words: &[&str], allowed: &[&str]) -> Vec<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for file in files(&source) {
        let name = file
            .strip_prefix(&source)
            .expect("below src")
            .to_string_lossy()
            .replace('\\', "/");
        let is_in = |allowed: &&str| name == format!("{allowed}.rs") || name.starts_with(&format!("{allowed}/"));
        if allowed.iter().any(is_in) {
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
fn only_who_calls_aws_names_its_crates() {
    let words = ["aws_sdk", "aws_smithy", "aws_config", "aws_credential", "aws_sigv4"];
    assert_eq!(found(&words, &["store/dynamodb", "aws"]), Vec::<String>::new());
    assert!(!found(&words, &[]).is_empty(), "the search finds what is there");
}

#[test]
fn only_config_knows_the_mirror_of_the_document() {
    let words = ["raw::", "config::raw", "mod raw"];
    assert_eq!(found(&words, &["config"]), Vec::<String>::new());
    assert!(!found(&words, &[]).is_empty(), "the search finds what is there");
}
