//! Field paths and lists of rules: what is read, and what is refused with which words.

use super::super::{FieldPath, FieldStep, MAX_STEPS};
use super::{path, try_rules};

fn name(text: &str) -> FieldStep {
    FieldStep::Name(text.into())
}

#[test]
fn paths_are_read() {
    let cases: &[(&str, &[FieldStep])] = &[
        ("a", &[name("a")]),
        ("user.email", &[name("user"), name("email")]),
        ("*", &[FieldStep::Any]),
        ("items.*.id", &[name("items"), FieldStep::Any, name("id")]),
        (r"a\.b.c", &[name("a.b"), name("c")]),
        (r"\*", &[name("*")]),
        (r"a\*b", &[name("a*b")]),
        (r"a\\.b", &[name(r"a\"), name("b")]),
        (r"a\\\.b", &[name(r"a\.b")]),
        ("with space.größe", &[name("with space"), name("größe")]),
        ("0.1", &[name("0"), name("1")]),
    ];
    for (text, steps) in cases {
        let read = path(text);
        assert_eq!(read.steps(), *steps, "{text}");
        assert_eq!(read.to_string(), *text, "a path is shown as it is written");
    }
}

#[test]
fn paths_that_would_match_nothing_are_refused() {
    let deep = vec!["a"; MAX_STEPS + 1].join(".");
    let refusals: Vec<String> = [
        "", ".", "a.", ".a", "a..b", "a*", "**", "a.b*c", r"*\*", r"a\b", r"a\", &deep,
    ]
    .iter()
    .map(|text| FieldPath::parse(text).expect_err(text))
    .collect();
    insta::assert_snapshot!(refusals.join("\n"), @r"
    the field path is empty: name a member, such as `user.email`
    `.` has an empty name; write `\.` for a dot that belongs to a name
    `a.` has an empty name; write `\.` for a dot that belongs to a name
    `.a` has an empty name; write `\.` for a dot that belongs to a name
    `a..b` has an empty name; write `\.` for a dot that belongs to a name
    `a*`: `*` stands for a whole name; write `\*` for a star in a name
    `**`: `*` stands for a whole name; write `\*` for a star in a name
    `a.b*c`: `*` stands for a whole name; write `\*` for a star in a name
    `*\*`: `*` stands for a whole name; write `\*` for a star in a name
    `a\b`: `\b` means nothing; known are `\.`, `\*` and `\\`
    `a\` ends in a lone `\`; write `\\` for a backslash
    `a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a` has 33 steps; at most 32 are followed
    ");
    assert!(FieldPath::parse(&vec!["*"; MAX_STEPS].join(".")).is_ok());
}

#[test]
fn rules_that_cannot_hold_are_refused() {
    let cases: &[&[(&str, &str)]] = &[
        &[("a.b", "c"), ("a.b", "d")],
        &[("a.*", "c")],
        &[("a", "*")],
        &[("a", "b.c")],
        &[("a", "")],
        &[("a", r"b\c")],
    ];
    let refusals: Vec<String> = cases
        .iter()
        .map(|rename| try_rules(&[], &[], rename).map(drop).expect_err("cannot hold"))
        .collect();
    insta::assert_snapshot!(refusals.join("\n"), @r"
    `a.b` is renamed twice, to `c` and to `d`
    `a.*` ends in `*`: a rename needs the name of one member
    `a` cannot become `*`: give the new name
    `a` cannot become `b.c`: a rename changes the last name only, so give one name (`\.` for a dot in it)
    `a` cannot become ``: the field path is empty: name a member, such as `user.email`
    `a` cannot become `b\c`: `b\c`: `\c` means nothing; known are `\.`, `\*` and `\\`
    ");
}

#[test]
fn no_rules_are_empty() {
    assert!(try_rules(&[], &[], &[]).unwrap().is_empty());
    assert!(!try_rules(&["a"], &[], &[]).unwrap().is_empty());
    assert!(!try_rules(&[], &["a"], &[]).unwrap().is_empty());
    assert!(!try_rules(&[], &[], &[("a", "b")]).unwrap().is_empty());
}
