//! A bare `tollgate` serves the example store and prints curl lines; each does what it says.

use std::path::Path;
use std::process::Command;

use tollgate_tests::running::{Finished, Running, function_binary, tollgate};

/// Stands in for `curl` on the path: runs the real one and, whatever the pasted line does with the output, also
/// notes the status and the body of each transfer.
const SHIM: &str = r#"#!/bin/sh
here=$(dirname "$0")
"REAL" "$@" --silent --output "$here/body" --write-out '%{http_code}\n' >> "$here/statuses"
cat "$here/body"
"#;

/// Where `curl` is, if this machine has it.
fn curl() -> Option<String> {
    let found = Command::new("sh").args(["-c", "command -v curl"]).output().ok()?;
    let path = String::from_utf8(found.stdout).ok()?.trim().to_owned();
    (!path.is_empty()).then_some(path)
}

fn install_shim(folder: &Path, real: &str) {
    let shim = folder.join("curl");
    std::fs::write(&shim, SHIM.replace("REAL", real)).expect("the shim can be written");
    let status = Command::new("chmod").arg("+x").arg(&shim).status();
    assert!(status.is_ok_and(|status| status.success()));
}

/// The statuses that a description names: numbers of three digits from 200 to 599.
fn statuses(text: &str) -> Vec<u16> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let numbers = words
        .filter(|word| word.len() == 3)
        .filter_map(|word| word.parse().ok());
    numbers.filter(|status| (200..600).contains(status)).collect()
}

/// The lines that set a shell variable, such as `TOKEN=...`: a user pastes them first.
fn assignments(output: &[String]) -> String {
    let sets = |line: &&String| {
        let name = line.split('=').next().unwrap_or_default();
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        is_name && line.contains('=') && !line.contains(' ')
    };
    output.iter().filter(sets).map(|line| format!("{line}\n")).collect()
}

/// Each curl line with what is said about it: on the same line behind `#`, else on the line before.
fn pasted(output: &[String]) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut before = "";
    for line in output.iter().map(|line| line.trim()) {
        if let Some(start) = command_start(line) {
            let (command, said) = line[start..].rsplit_once(" # ").unwrap_or((&line[start..], before));
            lines.push((command.trim().to_owned(), said.to_owned()));
        }
        before = line;
    }
    lines
}

fn command_start(line: &str) -> Option<usize> {
    let begins = |word: &str| {
        line.find(word)
            .filter(|at| *at == 0 || line[..*at].ends_with(['$', ' ', ':']))
    };
    if line.starts_with('#') {
        return None;
    }
    // A loop is pasted as a whole.
    begins("for ").or_else(|| begins("curl "))
}

#[tokio::test]
async fn every_printed_curl_line_does_what_it_says() {
    let Some(curl) = curl() else {
        assert!(
            std::env::var_os("CI").is_none(),
            "there is no curl, and CI is to show the printed lines at work"
        );
        println!("skipped: there is no curl on this machine");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    install_shim(folder.path(), &curl);
    let mut command = tollgate();
    command.args(function_binary()).current_dir(folder.path());
    let process = Running::start(command);
    let address = process.address("listening on").await;
    // The line to 429 comes last, on the same line as the number or after it.
    let mut announced = false;
    let printed = process.stdout().find(|line| {
        announced |= line.contains("429");
        (announced && line.contains("curl ")).then_some(())
    });
    printed
        .await
        .unwrap_or_else(|| panic!("no curl line leads to 429\n{}", process.output()));
    let printed = process.stdout().all();
    let variables = assignments(&printed);
    let lines = pasted(&printed);

    let mut shown = Vec::new();
    for (line, said) in &lines {
        assert!(
            line.contains(&address.to_string()),
            "{line} goes elsewhere than {address}"
        );
        let wanted = statuses(said);
        assert_eq!(wanted.len(), 1, "{line} should say what comes of it, but says {said:?}");
        let got = run(folder.path(), &format!("{variables}{line}")).await;
        assert_eq!(got.last(), wanted.first(), "{said}: {line}\n{}", process.output());
        let body = std::fs::read_to_string(folder.path().join("body")).expect("a body");
        if line.contains("/api/users/") && wanted == [200] {
            assert!(body.contains("\"email\":"), "{line}: {body}");
            for hidden in ["internal_id", "db_shard", "email_address"] {
                assert!(!body.contains(hidden), "{line}: {body}");
            }
        }
        if wanted == [429] {
            assert!(body.contains("\"error\":\"rate_limit_exceeded\""), "{line}: {body}");
        }
        shown.extend(wanted);
    }
    for status in [200, 401, 404, 405, 429] {
        assert!(shown.contains(&status), "no curl line leads to {status}: {lines:?}");
    }
}

/// Pastes a line into a shell and tells the statuses that its transfers ended with.
async fn run(folder: &Path, line: &str) -> Vec<u16> {
    let notes = folder.join("statuses");
    std::fs::write(&notes, "").expect("the notes can be written");
    let mut command = Command::new("sh");
    let path = std::env::var("PATH").unwrap_or_default();
    command
        .args(["-c", line])
        .env("PATH", format!("{}:{path}", folder.display()))
        .current_dir(folder);
    Finished::of(command).await;
    let notes = std::fs::read_to_string(&notes).expect("the notes can be read");
    notes.lines().filter_map(|status| status.trim().parse().ok()).collect()
}

#[test]
fn descriptions_are_found_beside_and_before_a_line() {
    let output = [
        "# a user, 200",
        "curl -i http://a/1",
        "$ curl http://a/2 # 404: no route",
        "nothing",
    ];
    let output: Vec<String> = output.map(str::to_owned).to_vec();
    let lines = pasted(&output);
    assert_eq!(lines[0], ("curl -i http://a/1".into(), "# a user, 200".into()));
    assert_eq!(lines[1], ("curl http://a/2".into(), "404: no route".into()));
    let output = ["TOKEN=a.b", "A=b aws x", "x=1"].map(str::to_owned);
    assert_eq!(assignments(&output), "TOKEN=a.b\n");
    assert_eq!(statuses("200 and then 429, port 9000, 127.0.0.1, id 42"), [200, 429]);
}
