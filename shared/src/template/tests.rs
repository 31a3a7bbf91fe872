//! What texts come to, and that no value leaves its place.

mod hostile;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::*;
use crate::auth::testing::proven;
use crate::path::PathPattern;
use crate::testing::{headers, request};

/// What the names of these tests mean: parameters of this pattern, one part `user`, and the words for the rest.
const PATTERN: &str = "/api/{id}/of/{kind}";

fn resolve(name: &str) -> Result<Source, String> {
    let pattern = PathPattern::parse(PATTERN).expect("a pattern");
    let found = pattern.parameters().find(|(parameter, _)| *parameter == name);
    if let Some((name, segment)) = found {
        let name = name.into();
        return Ok(Source::PathParameter { name, segment });
    }
    match name.split_once('.') {
        Some(("claims", rest)) => ClaimPath::parse(rest).map(Source::Claim),
        Some(("query", rest)) => Ok(Source::Query(rest.into())),
        Some(("header", rest)) => Ok(Source::Header(rest.parse().expect("a header name"))),
        Some(("user", rest)) => Ok(Source::Part {
            part: 0,
            name: "user".into(),
            member: MemberPath::parse(rest)?,
        }),
        _ => Err(format!("no {name}")),
    }
}

/// Somebody's request.
struct Given {
    request: Request,
    identity: Identity,
    parts: Vec<Option<Bytes>>,
}

impl Given {
    fn new(path: &str, query: &str, claims: Value, part: &str) -> Self {
        let mut request = request(Method::GET, path);
        request.query = query.to_owned();
        request.headers = headers(&[("x-a", "one"), ("x-a", "two"), ("x-odd", "ä b%20"), ("x-blank", "")]);
        Self {
            request,
            identity: proven(claims),
            parts: vec![Some(Bytes::copy_from_slice(part.as_bytes()))],
        }
    }

    fn values(&self) -> Values<'_> {
        Values {
            request: &self.request,
            identity: Some(&self.identity),
            parts: &self.parts,
        }
    }

    fn path(&self, text: &str) -> Result<String, String> {
        let template = PathTemplate::parse(text, &mut resolve).expect("a path");
        template.fill(&self.values()).map_err(|unfilled| unfilled.to_string())
    }

    fn target(&self, text: &str) -> Result<String, String> {
        let template = TargetTemplate::parse(text, &mut resolve).expect("a target");
        template.fill(&self.values()).map_err(|unfilled| unfilled.to_string())
    }

    fn query(&self, text: &str) -> Result<Option<String>, String> {
        let template = QueryTemplate::parse(text, &mut resolve).expect("a value");
        template.fill(&self.values()).map_err(|unfilled| unfilled.to_string())
    }

    fn header(&self, text: &str) -> Option<String> {
        let template = HeaderTemplate::parse(text, &mut resolve).expect("a header value");
        let value = template.fill(&self.values())?;
        Some(value.to_str().expect("visible ASCII").to_owned())
    }

    fn json(&self, text: &str) -> Result<Option<String>, String> {
        let template = JsonTemplate::parse(text, &mut resolve).expect("a string");
        template.fill(&self.values()).map_err(|unfilled| unfilled.to_string())
    }
}

fn usual() -> Given {
    let claims = json!({ "sub": "u 1/ä", "n": 7, "yes": true, "roles": ["a b", "c"], "deep": { "er": "x" }, "none": null, "empty": "" });
    let part = r#"{"id": 12345678901234567890123456789.10, "id2": "a\u0062&c=d", "list": [1.0, {"sku": "s\/1"}], "no": null, "obj": {"a": 1.0}, "twice": 1, "tw\u0069ce": 2, "e": ""}"#;
    Given::new("/api/o 1/of/b+c", "q=a%26b%2B+c&q=2&empty=", claims, part)
}

#[test]
fn paths() {
    let given = usual();
    for (text, expected) in [
        ("/", "/"),
        ("/plain/a b/", "/plain/a%20b/"),
        ("/x/{id}", "/x/o%201"),
        ("/x/{id}.json/{kind}/y", "/x/o%201.json/b+c/y"),
        ("/{claims.n}-{claims.yes}/{claims.deep.er}", "/7-true/x"),
        ("/{user.id}/{user.list.0}", "/12345678901234567890123456789.10/1.0"),
        ("/{user.id2}", "/ab&c=d"),
        ("/{user.twice}", "/2"),
        ("/{query.q}", "/a&b+%20c"),
        ("/{header.x-a}", "/one"),
        ("/{{id}}/{id}", "/%7Bid%7D/o%201"),
    ] {
        assert_eq!(given.path(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn a_path_needs_every_value_and_takes_none_that_makes_another_path() {
    let given = usual();
    for (text, why) in [
        ("/{query.none}", "the query parameter `none` is missing"),
        ("/{query.empty}", "the query parameter `empty` is empty"),
        ("/{header.x-none}", "the header `x-none` is missing"),
        ("/a{header.x-blank}b", "the header `x-blank` is empty"),
        (
            "/{header.x-odd}",
            "the header `x-odd` holds a percent-encoded character",
        ),
        ("/{claims.none}", "the claim `none` is missing"),
        ("/{claims.roles}", "the claim `roles` is missing"),
        ("/{claims.empty}", "the claim `empty` is missing"),
        ("/{claims.sub}", "the claim `sub` holds a slash"),
        ("/{user.no}", "`no` of the part `user` is missing"),
        ("/{user.obj}", "`obj` of the part `user` is missing"),
        ("/{user.list.2}", "`list.2` of the part `user` is missing"),
        ("/{user.list.00}", "`list.00` of the part `user` is missing"),
        ("/{user.list.1.sku}", "`list.1.sku` of the part `user` holds a slash"),
    ] {
        assert_eq!(given.path(text), Err(why.to_owned()), "{text}");
    }
}

#[test]
fn targets() {
    let given = usual();
    for (text, expected) in [
        ("/a?x=%20+b&flag&y=", "/a?x=%20+b&flag&y="),
        ("/a/{id}?q={query.q}&n={claims.n}", "/a/o%201?q=a%26b%2B%20c&n=7"),
        ("/a?q={query.none}&n={claims.n}", "/a?n=7"),
        ("/a?n={claims.n}&q={query.none}", "/a?n=7"),
        ("/a?q={query.none}", "/a"),
        ("/a?q={query.empty}", "/a?q="),
        ("/a?q=x-{user.id2}-{claims.sub}", "/a?q=x-ab%26c%3Dd-u%201%2F%C3%A4"),
        ("/a?f=a=b?c/d", "/a?f=a=b?c/d"),
    ] {
        assert_eq!(given.target(text).as_deref(), Ok(expected), "{text}");
    }
    let missing = Err("the claim `gone` is missing".to_owned());
    assert_eq!(given.target("/orders?user={claims.gone}"), missing);
    let missing = Err("`e` of the part `user` is missing".to_owned());
    assert_eq!(given.target("/orders?user={user.e}"), missing);
}

#[test]
fn query_values() {
    let given = usual();
    let some = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(given.query("a b+{claims.sub}"), some("a%20b%2Bu%201%2F%C3%A4"));
    assert_eq!(given.query(""), some(""));
    assert_eq!(given.query("x{header.x-none}"), Ok(None));
    assert_eq!(given.query("{claims.gone}"), Err("the claim `gone` is missing".into()));
}

#[test]
fn header_values() {
    let given = usual();
    for (text, expected) in [
        ("plain text", Some("plain text")),
        ("t={claims.n}; {header.x-a}", Some("t=7; one")),
        ("{claims.roles}", Some("a%20b,c")),
        ("{header.x-odd}", Some("%C3%A4 b%2520")),
        ("{id}", Some("o 1")),
        ("{user.id2}", Some("ab&c=d")),
        ("x{claims.gone}", None),
        ("{claims.deep}", None),
        ("{user.obj}", None),
        ("{header.x-blank}", None),
        ("{query.none}", None),
    ] {
        assert_eq!(given.header(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn json_values_keep_their_type_where_they_stand_alone() {
    let given = usual();
    for (text, expected) in [
        ("{user.id}", Some("12345678901234567890123456789.10")),
        ("{user.obj}", Some(r#"{"a": 1.0}"#)),
        ("{user.list.0}", Some("1.0")),
        ("{user.e}", Some(r#""""#)),
        ("{claims.n}", Some("7")),
        ("{claims.roles}", Some(r#"["a b","c"]"#)),
        ("{claims.empty}", Some(r#""""#)),
        ("{query.empty}", Some(r#""""#)),
        ("{id}", Some(r#""o 1""#)),
        ("n: {user.id}", Some(r#""n: 12345678901234567890123456789.10""#)),
        (r#"a"b\ {{{id}}}"#, Some(r#""a\"b\\ {o 1}""#)),
        ("", Some(r#""""#)),
        ("{query.none}", None),
        ("x{query.none}", None),
    ] {
        assert_eq!(given.json(text), Ok(expected.map(str::to_owned)), "{text}");
    }
    assert_eq!(
        given.json("{user.no}"),
        Err("`no` of the part `user` is missing".into())
    );
    assert_eq!(
        given.json("a{claims.roles}"),
        Err("the claim `roles` is missing".into())
    );
}

/// 2^53 and more is not known exactly once it was read as a floating-point number.
#[test]
fn a_number_that_is_known_only_nearly_is_none() {
    let given = Given::new("/", "", json!({ "big": 1e300, "exact": u64::MAX }), "{}");
    assert_eq!(given.json("{claims.big}"), Err("the claim `big` is missing".into()));
    assert_eq!(given.json("{claims.exact}"), Ok(Some("18446744073709551615".into())));
}

#[test]
fn whose_fault_it_is() {
    let given = usual();
    let at = Pointer::new("/routes/0/aggregate/a/path");
    let error = |text: &str| {
        let template = PathTemplate::parse(text, &mut resolve).expect("a path");
        template.fill(&given.values()).expect_err("unfilled").into_error(&at)
    };
    let refused = error("/{query.none}");
    assert_eq!(refused.status(), 400);
    assert_eq!(
        refused.message(),
        "This request cannot be forwarded: the query parameter `none` is missing."
    );
    let forbidden = error("/{claims.sub}");
    assert_eq!((forbidden.status().as_u16(), forbidden.at()), (403, Some(&at)));
    assert_eq!(error("/{user.no}").status(), 502);
}

#[test]
fn a_part_that_is_not_there_has_no_members() {
    let mut given = usual();
    given.parts = vec![None];
    assert!(given.path("/{user.id}").is_err());
    given.parts = Vec::new();
    assert!(given.path("/{user.id}").is_err());
    given.parts = vec![Some(Bytes::from_static(b"[{\"id\": 5}]"))];
    assert!(given.path("/{user.id}").is_err());
    assert_eq!(given.path("/{user.0.id}").as_deref(), Ok("/5"));
}

#[test]
fn texts_that_say_nothing_are_refused() {
    let path = |text: &str| PathTemplate::parse(text, &mut resolve).map(|_| ()).unwrap_err();
    let target = |text: &str| TargetTemplate::parse(text, &mut resolve).map(|_| ()).unwrap_err();
    let header = |text: &str| HeaderTemplate::parse(text, &mut resolve).map(|_| ()).unwrap_err();
    insta::assert_snapshot!(path(""), @r#""": a path begins with `/`"#);
    insta::assert_snapshot!(path("a/b"), @r#""a/b": a path begins with `/`"#);
    insta::assert_snapshot!(path("{id}"), @r#""{id}": a path begins with `/`"#);
    insta::assert_snapshot!(path("/a//b"), @r#""/a//b": slashes are merged: write one where `//` stands"#);
    insta::assert_snapshot!(path("/a/../b"), @r#""/a/../b": a segment is `.` or `..`: services read such paths differently"#);
    insta::assert_snapshot!(path("/%2e%2e"), @r#""/%2e%2e": a segment holds a percent-encoded character: services read such paths differently"#);
    insta::assert_snapshot!(path("/a/**"), @r#""/a/**": nothing fills a `*`: name the segment in the route's path, and write `{name}` here"#);
    insta::assert_snapshot!(path("/a?b=c"), @r#""/a?b=c": no query has its place in this path"#);
    insta::assert_snapshot!(path("/a#b"), @r##""/a#b": `#` begins a fragment, which is never sent"##);
    insta::assert_snapshot!(path("/{id"), @r#""/{id": `{` begins a placeholder that does not end: write `{{` for the brace itself"#);
    insta::assert_snapshot!(path("/{a{id}}"), @r#""/{a{id}}": `{` begins a placeholder that does not end: write `{{` for the brace itself"#);
    insta::assert_snapshot!(path("/id}"), @r#""/id}": `}` closes nothing: write `}}` for the brace itself"#);
    insta::assert_snapshot!(path("/{}"), @r#""/{}": `{}` names nothing to fill in"#);
    insta::assert_snapshot!(path("/{idd}"), @r#""/{idd}": no idd"#);
    insta::assert_snapshot!(path("/{user.}"), @r#""/{user.}": "" is not a path to a member: a name in it is empty"#);
    insta::assert_snapshot!(path(r"/{user.a\b}"), @r#""/{user.a\\b}": "a\\b" has a backslash before neither a dot nor a backslash"#);
    insta::assert_snapshot!(target("/a?{id}=b"), @r#""/a?{id}=b": a placeholder fills the value of a query parameter, not its name"#);
    insta::assert_snapshot!(target("/a?x{id}"), @r#""/a?x{id}": a placeholder fills the value of a query parameter, not its name"#);
    insta::assert_snapshot!(target("/a?x=a b"), @r#""/a?x=a b": ' ' cannot stand in a query as it is: percent-encode it"#);
    insta::assert_snapshot!(target("/a?x=#"), @r##""/a?x=#": '#' cannot stand in a query as it is: percent-encode it"##);
    insta::assert_snapshot!(target("/a?x=5%"), @r#""/a?x=5%": a `%` in a query begins an escape of two hexadecimal digits: write `%25` for the sign itself"#);
    insta::assert_snapshot!(target("/a?x=%{id}"), @r#""/a?x=%{id}": a `%` in a query begins an escape of two hexadecimal digits: write `%25` for the sign itself"#);
    insta::assert_snapshot!(target("/a?=b"), @r#""/a?=b": a query parameter without a name"#);
    insta::assert_snapshot!(target("/a?b&&c"), @r#""/a?b&&c": a query parameter without a name"#);
    insta::assert_snapshot!(header("ä"), @r#""ä": not a header value: visible ASCII characters with blanks between them"#);
    insta::assert_snapshot!(header(" a"), @r#"" a": not a header value: visible ASCII characters with blanks between them"#);
    insta::assert_snapshot!(header("a\r\nb: c"), @r#""a\r\nb: c": not a header value: visible ASCII characters with blanks between them"#);
}

#[test]
fn sources_are_told_in_their_order() {
    let template = TargetTemplate::parse("/{id}/{user.a}?x={query.q}&y={claims.sub}", &mut resolve).expect("a target");
    let told: Vec<String> = template.sources().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "the path parameter `id`",
            "`a` of the part `user`",
            "the query parameter `q`",
            "the claim `sub`"
        ]
    );
    let json = JsonTemplate::parse("{id} {claims.n}", &mut resolve).expect("a string");
    assert_eq!(json.sources().count(), 2);
    let header = HeaderTemplate::parse("{id} {{ {claims.n}", &mut resolve).expect("a header value");
    assert_eq!(header.sources().count(), 2);
}
