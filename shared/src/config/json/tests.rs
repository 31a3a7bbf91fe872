//! The two readers of JSON: where the quick one gives a tree, the one with lines gives the same.

use proptest::prelude::*;

use super::{quick, read};
use crate::config::MAX_DEPTH;
use crate::config::report::Report;
use crate::config::tree::{Node, Value};

/// Every value with its pointer, in the tree's order.
fn shown(node: &Node, report: &Report) -> String {
    let pointer = report.pointer(node.place);
    let (value, inside) = match &node.value {
        Value::List(items) => ("list".to_owned(), &items[..]),
        Value::Map(members) => ("map".to_owned(), &members[..]),
        scalar => (format!("{scalar:?}"), &[][..]),
    };
    let mut text = format!("{:?} {value}\n", pointer.as_str());
    text.extend(inside.iter().map(|node| shown(node, report)));
    text
}

/// What the quick reader alone makes of a text.
fn quickly(text: &str) -> Option<String> {
    let mut report = Report::without_lines("x");
    quick::read(text, &mut report).map(|tree| shown(&tree, &report))
}

/// The tree, or the mistakes without their lines.
fn told(text: &str, mut report: Report) -> Result<String, Vec<String>> {
    match read(text, &mut report) {
        Some(tree) => Ok(shown(&tree, &report)),
        None => {
            let mistakes = report.finish().expect_err("no tree without a mistake").0;
            Err(mistakes.iter().map(|line| reason(line)).collect())
        }
    }
}

/// A message behind its file and line.
fn reason(line: &str) -> String {
    line.split_once(": ").map_or(line, |(_, reason)| reason).to_owned()
}

fn with_lines(text: &str) -> Result<String, Vec<String>> {
    told(text, Report::new("x"))
}

fn without_lines(text: &str) -> Result<String, Vec<String>> {
    told(text, Report::without_lines("x"))
}

#[test]
fn what_is_plain_needs_no_second_reading() {
    for text in [
        r#" { "a" : [ 1 , -1 , 0 , true , false , null , "" , { } , [ ] ] , "a" : { "b/~c" : 18446744073709551615 } } "#,
        "{\"\\u0061\\n\\\"\\ud834\\udd1e\\u0000\":\"\\/\u{7f}\u{2028}\u{1d11e}\"}\r\n\t",
        "{\"a\":-9223372036854775808}",
    ] {
        let quickly = quickly(text);
        assert!(quickly.is_some(), "{text}");
        assert_eq!(quickly, with_lines(text).ok(), "{text}");
    }
}

#[test]
fn what_the_quick_reader_cannot_say_it_leaves_to_the_other() {
    for (text, is_json) in [
        ("{\"a\":1.0}", true),
        ("{\"a\":1e2}", true),
        ("{\"a\":-0}", true),
        ("{\"a\":18446744073709551616}", true),
        ("{\"a\":1e999}", true),
        ("{\"a\":01}", false),
        ("{\"a\":\"\\ud834\"}", false),
        ("{\"a\":\"\u{1}\"}", false),
        ("{\"a\":1,}", false),
        ("{\"a\":1} {}", false),
        ("{\"a\":1}\u{a0}", false),
        ("\u{feff}{}", false),
        ("", false),
    ] {
        assert_eq!(quickly(text), None, "{text}");
        assert_eq!(without_lines(text), with_lines(text), "{text}");
        assert_eq!(with_lines(text).is_ok(), is_json, "{text}");
    }
}

#[test]
fn both_go_as_deep() {
    for depth in 0..MAX_DEPTH + 4 {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            for inmost in ["1", "[]", "{}", "[1]"] {
                let text = open.repeat(depth) + inmost + &close.repeat(depth);
                assert_eq!(without_lines(&text), with_lines(&text), "{text}");
                assert_eq!(
                    quickly(&text).or(with_lines(&text).ok()),
                    with_lines(&text).ok(),
                    "{text}"
                );
            }
        }
    }
}

/// JSON in all its spellings, now and then with something in it that is none.
fn json() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => "[ -!#-\\[\\]-~é🦀]{0,4}",
        4 => prop::sample::select(vec!["\\n", "\\\"", "\\\\", "\\/", "\\u0000", "\\u00e9", "\\uD834\\uDD1E", "\\b"])
            .prop_map(str::to_owned),
        1 => prop::sample::select(vec!["\\ud834", "\\udd1e", "\\ud834\\u0061", "\\x", "\\u12", "\u{1}", "\t", "\n"])
            .prop_map(str::to_owned),
    ];
    let text = prop::collection::vec(piece, 0..3).prop_map(|pieces| format!("\"{}\"", pieces.concat()));
    let leaf = prop_oneof![
        8 => text.clone(),
        4 => any::<i64>().prop_map(|number| number.to_string()),
        2 => any::<u64>().prop_map(|number| number.to_string()),
        2 => "-?(0|[1-9][0-9]{0,22})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?",
        1 => "[-+.0-9eE]{1,5}",
        4 => prop::sample::select(vec!["true", "false", "null"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["True", "nul", "NaN", "'a'", "/**/1", ""]).prop_map(str::to_owned),
    ];
    let blank = || {
        prop_oneof![
            20 => "[ \\t\\r\\n]{0,2}",
            1 => prop::sample::select(vec!["\u{a0}", "\u{b}", "\u{feff}", "//\n", ","]).prop_map(str::to_owned),
        ]
    };
    // Few names, so that some stand twice.
    let name = prop_oneof![
        6 => prop::sample::select(vec!["\"a\"", "\"\\u0061\"", "\"\"", "\"b/~\""]).prop_map(str::to_owned),
        2 => text,
        1 => Just("a".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let item = (blank(), inner.clone(), blank()).prop_map(|(before, value, after)| before + &value + &after);
        let member = (blank(), name.clone(), blank(), inner)
            .prop_map(|(before, name, after, value)| format!("{before}{name}{after}:{value}"));
        prop_oneof![
            prop::collection::vec(item, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn both_read_the_same_tree_or_refuse_the_same(text in json()) {
        let known = with_lines(&text);
        if let Some(tree) = quickly(&text) {
            prop_assert_eq!(Ok(&tree), known.as_ref());
        }
        prop_assert_eq!(without_lines(&text), known);
    }

    #[test]
    fn any_characters_are_read_the_same(text in "[ \\n:\\[\\]{},\"\\\\u0-9.eE+a\u{1}\u{feff}-]{0,24}") {
        prop_assert_eq!(without_lines(&text), with_lines(&text));
        prop_assert!(quickly(&text).is_none_or(|tree| Ok(tree) == with_lines(&text)));
    }
}
