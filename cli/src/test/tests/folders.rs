//! What a folder of events may look like.

use super::*;
use tollgate::config::Target;

/// The host that a case's first route calls.
fn service(case: &Case) -> String {
    match &case.config.routes[0].target {
        Target::Call(call) => call.upstream.targets[0].url.host_str().unwrap().to_owned(),
        own => panic!("{own:?}"),
    }
}

#[test]
fn events_come_in_the_order_of_their_names_and_can_be_chosen() {
    let folder = one("/api/x", &json!({ "status": 404 }));
    for name in ["b-two", "a-two"] {
        std::fs::write(folder.path().join(format!("{name}.json")), event("/api/x").to_string()).unwrap();
    }
    let names = |only: &[&str]| {
        let only: Vec<String> = only.iter().map(|text| (*text).to_owned()).collect();
        let cases = folder::read(folder.path(), None, &only).unwrap();
        cases.into_iter().map(|case| case.name).collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["a-two", "b-two", "one"]);
    assert_eq!(names(&["two"]), ["a-two", "b-two"]);
    assert_eq!(names(&["a-", "one"]), ["a-two", "one"]);
    let none = folder::read(folder.path(), None, &["three".to_owned()]);
    let Err(Failure::Usage(why)) = none else {
        panic!("{none:?}")
    };
    assert!(
        why.ends_with("no event's name holds three; there are a-two, b-two, one"),
        "{why}"
    );
}

#[test]
fn a_config_is_found_in_this_order() {
    let other = |host: &str| config().replace("service.internal", host);
    let folder = folder_with(&[("one.json", event("/api/x").to_string())]);
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
    let host = |by_command: Option<&str>| {
        let by_command = by_command.map(|name| folder.path().join(name));
        let cases = folder::read(folder.path(), by_command.as_ref(), &[]);
        cases.map(|cases| service(&cases[0]))
    };
    let Err(Failure::Usage(why)) = host(None) else {
        panic!("there is no config")
    };
    assert!(
        why.contains("give --config FILE, or put gateway.yaml or gateway.json there"),
        "{why}"
    );
    write("gateway.json", other("of-the-folder"));
    assert_eq!(host(None).unwrap(), "of-the-folder");
    write("shared.yaml", other("of-the-defaults"));
    write("defaults.expect.json", json!({ "config": "shared.yaml" }).to_string());
    assert_eq!(host(None).unwrap(), "of-the-defaults");
    write("given.yaml", other("of-the-command"));
    assert_eq!(host(Some("given.yaml")).unwrap(), "of-the-command");
    write("own.yaml", other("of-the-case"));
    write(
        "one.expect.json",
        json!({ "config": "own.yaml", "status": 200 }).to_string(),
    );
    assert_eq!(host(Some("given.yaml")).unwrap(), "of-the-case");
    std::fs::remove_file(folder.path().join("one.expect.json")).unwrap();
    std::fs::remove_file(folder.path().join("defaults.expect.json")).unwrap();
    write("gateway.yaml", config());
    assert!(refused(folder.path()).contains("has both gateway.yaml and gateway.json"));
}

#[test]
fn variables_of_a_case_win_over_those_of_the_folder() {
    let folder = one("/api/x", &json!({ "status": 200 }));
    let host = || service(&cases(folder.path())[0]);
    assert_eq!(host(), "service.internal");
    let shared = json!({ "variables": { "SERVICE": "http://shared" } }).to_string();
    std::fs::write(folder.path().join("defaults.expect.json"), shared).unwrap();
    assert_eq!(host(), "shared");
    let own = json!({ "variables": { "SERVICE": "http://own" }, "status": 200 }).to_string();
    std::fs::write(folder.path().join("one.expect.json"), own).unwrap();
    assert_eq!(host(), "own");
}

#[test]
fn all_files_are_looked_at_before_anything_runs() {
    let folder = folder_with(&[
        (
            "gateway.json",
            r#"{ "routes": [{ "path": "/a", "upstreem": "http://a", "auth": "none" }] }"#.to_owned(),
        ),
        ("a.json", "{".to_owned()),
        ("b.json", "{}".to_owned()),
        ("b.expect.json", "{\n  \"staus\": 200 }".to_owned()),
        ("c.json", "{}".to_owned()),
        ("d.json", "{}".to_owned()),
    ]);
    insta::assert_snapshot!(refused(folder.path()), @r#"
    a.json:1: is no JSON: EOF while parsing an object at line 1 column 1
    b.expect.json:1: needs either "status" (an answer) or "error" (a Lambda error)
    b.expect.json:2: /staus: "staus" is not a member here (did you mean "status"?)
    gateway.json:1: /routes/0/upstreem: "upstreem" is not a key here (did you mean "upstream"?)
    "#);
}

#[test]
fn expectations_without_an_event_and_an_event_that_nobody_can_expect_are_told() {
    let folder = one("/api/x", &json!({ "status": 200 }));
    std::fs::write(folder.path().join("gone.expect.json"), "{}").unwrap();
    assert_eq!(
        refused(folder.path()),
        "gone.expect.json: there is no gone.json beside it"
    );
    std::fs::remove_file(folder.path().join("gone.expect.json")).unwrap();
    std::fs::write(folder.path().join("defaults.json"), "{}").unwrap();
    assert!(refused(folder.path()).starts_with("defaults.json: is the name of what all expectations share"));
}

#[test]
fn a_folder_that_is_none_or_empty_is_told() {
    let folder = folder_with(&[]);
    assert!(refused(folder.path()).contains("has no events"));
    let Err(Failure::Usage(why)) = folder::read(&folder.path().join("nowhere"), None, &[]) else {
        panic!("there is no such folder")
    };
    assert!(why.contains("nowhere: "), "{why}");
}
