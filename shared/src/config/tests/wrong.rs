//! `wrong/NAME.{json,yaml}`: one mistake each. `wrong/NAME.expect` holds the exact message.

use std::fmt::Write as _;
use std::path::Path;

use super::parse;

/// Write the expectations anew with `UPDATE_EXPECT=1 cargo test -p tollgate`, then read them.
#[test]
fn every_way_to_be_wrong_has_its_exact_message() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/wrong");
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = String::new();
    let mut fixtures = 0;
    for entry in std::fs::read_dir(folder).expect("the folder of fixtures") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "expect") {
            continue;
        }
        fixtures += 1;
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a plain file name");
        let text = std::fs::read_to_string(&path).expect("a readable fixture");
        let found = match parse(name, &text, &super::variable) {
            Ok(_) => "nothing wrong\n".to_owned(),
            Err(mistakes) => format!("{mistakes}\n"),
        };
        let expect = path.with_extension("expect");
        if update {
            std::fs::write(&expect, &found).expect("a writable expectation");
        }
        let expected =
            std::fs::read_to_string(&expect).unwrap_or_else(|_| "(no expectation beside the fixture)\n".into());
        if found != expected {
            write!(wrong, "\n{name}\n  expected: {expected}  found:    {found}").expect("a String takes all");
        }
        if found.lines().count() != 1 || found == "nothing wrong\n" {
            write!(wrong, "\n{name} is to have one mistake, it has:\n{found}").expect("a String takes all");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(fixtures >= 25, "only {fixtures} fixtures were found");
}
