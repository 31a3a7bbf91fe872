//! "Transformation".

use std::io::Write;

use serde_json::{Value, json};
use tollgate_tests::{Answer, Api, Event, Stage, get, method};

crate::for_each_event_kind!(
    fields,
    exact_texts,
    media_types,
    unparsable_bodies,
    codings,
    headers_of_the_answer,
    what_is_asked
);
crate::for_event_kinds!(any_front_door: Http, codings_that_cannot_be_undone);

/// A public gateway where `/t/<n>` has the n-th of these rules; `/plain` has none.
async fn with_rules(event: Event, rules: &[Value]) -> Api {
    let stage = Stage::set().await;
    let url = stage.site.url();
    let mut document = stage.public(json!([{ "path": "/**", "upstream": url }]));
    let sections = rules.iter().enumerate();
    let sections = sections.map(|(n, rule)| json!({ "path": format!("/t/{n}"), "response": rule }));
    document["transformations"] = sections.collect();
    stage.open(event, &document).await
}

/// Sentence, rules, the upstream's body, the client's body.
type Row = (&'static str, Value, &'static str, &'static str);

async fn judge(event: Event, rows: &[Row]) {
    let rules: Vec<Value> = rows.iter().map(|(_, rule, ..)| rule.clone()).collect();
    let mut api = with_rules(event, &rules).await;
    for (n, (sentence, _, from, to)) in rows.iter().enumerate() {
        api.stage.site.answers(Answer::json(*from));
        api.row(sentence, get(format!("/t/{n}")), |x| {
            x.status(200)
                .body(to)
                .got("Content-Length", Some(&to.len().to_string()));
        })
        .await;
    }
    api.finish();
}

async fn fields(event: Event) {
    let remove = |fields: &[&str]| json!({ "remove_fields": fields });
    let rename = |fields: Value| json!({ "rename_fields": fields });
    let rows: Vec<Row> = vec![
        (
            "a top-level field",
            remove(&["b"]),
            r#"{"a":1,"b":2,"c":3}"#,
            r#"{"a":1,"c":3}"#,
        ),
        (
            "a name is a whole name",
            remove(&["b"]),
            r#"{"bb":1,"B":2}"#,
            r#"{"bb":1,"B":2}"#,
        ),
        (
            "not on lower levels",
            remove(&["b"]),
            r#"{"a":{"b":1}}"#,
            r#"{"a":{"b":1}}"#,
        ),
        (
            "field paths are dotted",
            remove(&["a.b.c"]),
            r#"{"a":{"b":{"c":1,"d":2}}}"#,
            r#"{"a":{"b":{"d":2}}}"#,
        ),
        (
            "a path that leads nowhere",
            remove(&["a.b.c"]),
            r#"{"a":{"b":5}}"#,
            r#"{"a":{"b":5}}"#,
        ),
        (
            "each element of an array on the way",
            remove(&["l.b"]),
            r#"{"l":[{"a":1,"b":2},5,{"b":3}]}"#,
            r#"{"l":[{"a":1},5,{}]}"#,
        ),
        (
            "arrays at the top",
            remove(&["b"]),
            r#"[{"a":1,"b":2},{"b":3}]"#,
            r#"[{"a":1},{}]"#,
        ),
        (
            "arrays in arrays",
            remove(&["b"]),
            r#"[[{"b":1}],[[{"b":2,"a":1}]]]"#,
            r#"[[{}],[[{"a":1}]]]"#,
        ),
        (
            "`*` is any member",
            remove(&["*.s"]),
            r#"{"x":{"s":1,"t":2},"y":{"s":3}}"#,
            r#"{"x":{"t":2},"y":{}}"#,
        ),
        (
            "`*` is any index",
            remove(&["l.*.s"]),
            r#"{"l":[{"s":1},{"s":2,"t":3}]}"#,
            r#"{"l":[{},{"t":3}]}"#,
        ),
        (
            "`*` at the end",
            remove(&["a.*"]),
            r#"{"a":{"x":1,"y":2},"b":3}"#,
            r#"{"a":{},"b":3}"#,
        ),
        (
            "`\\.` is a dot in a name",
            remove(&[r"a\.b"]),
            r#"{"a.b":1,"a":{"b":2}}"#,
            r#"{"a":{"b":2}}"#,
        ),
        (
            "keep",
            json!({ "keep_fields": ["a", "n.x"] }),
            r#"{"a":1,"b":2,"n":{"x":3,"y":4}}"#,
            r#"{"a":1,"n":{"x":3}}"#,
        ),
        (
            "keep reaches into arrays",
            json!({ "keep_fields": ["l.a"] }),
            r#"{"l":[{"a":1,"b":2},{"b":3}],"c":4}"#,
            r#"{"l":[{"a":1},{}]}"#,
        ),
        (
            "a rename keeps its place",
            rename(json!({ "b": "z" })),
            r#"{"a":1,"b":2,"c":3}"#,
            r#"{"a":1,"z":2,"c":3}"#,
        ),
        (
            "a rename on a lower level",
            rename(json!({ "a.b": "z" })),
            r#"{"a":{"b":1},"b":2}"#,
            r#"{"a":{"z":1},"b":2}"#,
        ),
        (
            "renames are on the original names",
            rename(json!({ "a": "b", "b": "a" })),
            r#"{"a":1,"b":2}"#,
            r#"{"b":1,"a":2}"#,
        ),
        (
            "remove, keep, rename in that order on the original names",
            json!({ "remove_fields": ["a"], "keep_fields": ["a", "b"], "rename_fields": { "a": "y", "b": "z" } }),
            r#"{"a":1,"b":2,"c":3}"#,
            r#"{"z":2}"#,
        ),
        (
            "every duplicate is removed",
            remove(&["s"]),
            r#"{"s":1,"a":2,"s":3}"#,
            r#"{"a":2}"#,
        ),
        (
            "every duplicate is renamed",
            rename(json!({ "s": "t" })),
            r#"{"s":1,"a":2,"s":3}"#,
            r#"{"t":1,"a":2,"t":3}"#,
        ),
        (
            "every duplicate is gone through",
            remove(&["n.s"]),
            r#"{"n":{"s":1},"n":{"s":2,"a":3}}"#,
            r#"{"n":{},"n":{"a":3}}"#,
        ),
        (
            "a name is compared unescaped",
            remove(&["secret"]),
            r#"{"s\u0065cret":1,"a":2}"#,
            r#"{"a":2}"#,
        ),
        (
            "names of all the world",
            remove(&["größe"]),
            r#"{"größe":1,"a":2}"#,
            r#"{"a":2}"#,
        ),
        ("a scalar has no fields", remove(&["a"]), "5", "5"),
        ("null neither", remove(&["a"]), "null", "null"),
    ];
    judge(event, &rows).await;
}

async fn exact_texts(event: Event) {
    let remove = || json!({ "remove_fields": ["gone"] });
    let rows: Vec<Row> = vec![
        (
            "numbers keep their text",
            remove(),
            r#"{"a":1.0,"b":1e400,"c":-0,"d":12345678901234567890123,"e":1E+2}"#,
            r#"{"a":1.0,"b":1e400,"c":-0,"d":12345678901234567890123,"e":1E+2}"#,
        ),
        (
            "key order is kept",
            remove(),
            r#"{"z":1,"gone":0,"a":2,"m":3}"#,
            r#"{"z":1,"a":2,"m":3}"#,
        ),
        (
            "duplicates that no rule names stay",
            remove(),
            r#"{"a":1,"gone":0,"a":2}"#,
            r#"{"a":1,"a":2}"#,
        ),
        (
            "numbers that were renamed",
            json!({ "rename_fields": { "a": "b" } }),
            r#"{"a":0.10}"#,
            r#"{"b":0.10}"#,
        ),
    ];
    judge(event, &rows).await;

    let mut api = with_rules(event, &[remove()]).await;
    for status in [201, 400, 404, 500, 503] {
        api.stage
            .site
            .answers(Answer::json(r#"{"gone":1,"a":2}"#).with_status(status));
        api.row("every status", get("/t/0"), |x| {
            x.status(status).body(r#"{"a":2}"#);
        })
        .await;
    }
    api.stage.site.answers(Answer::status(204));
    api.row("no body is no JSON that could be wrong", get("/t/0"), |x| {
        x.status(204).body("");
    })
    .await;
    api.stage.site.answers(Answer::json(r#"{"gone":1,"a":2}"#));
    api.row("HEAD has no body either", method("HEAD", "/t/0"), |x| {
        x.status(200).body("");
    })
    .await;
    api.finish();
}

async fn media_types(event: Event) {
    let mut api = with_rules(event, &[json!({ "remove_fields": ["gone"] })]).await;
    let (from, to) = (r#"{"gone":1,"a":2}"#, r#"{"a":2}"#);
    let rows = [
        ("application/json; charset=utf-8", to),
        ("Application/JSON", to),
        ("application/problem+json", to),
        ("application/vnd.api+json;version=1", to),
        ("text/plain", from),
        ("text/html", from),
        ("application/jsonlines", to),
        ("application/octet-stream", from),
    ];
    for (media_type, body) in rows {
        api.stage.site.answers(Answer::body(media_type, from));
        api.row(media_type, get("/t/0"), |x| {
            x.status(200).body(body).got("Content-Type", Some(media_type));
        })
        .await;
    }
    api.stage.site.answers(Answer::json(r#"{ "gone" : 1 }"#));
    api.row("without rules nothing is touched", get("/plain"), |x| {
        x.status(200).body(r#"{ "gone" : 1 }"#);
    })
    .await;
    api.finish();
}

async fn unparsable_bodies(event: Event) {
    let refuse = json!({ "remove_fields": ["gone"] });
    let pass = json!({ "remove_fields": ["gone"], "on_unparsable": "pass" });
    let mut api = with_rules(event, &[refuse, pass]).await;
    let deep = "[".repeat(100_000);
    let unparsable = [
        "not JSON",
        r#"{"gone":1"#,
        r#"{"gone":1}}"#,
        r#"{"gone":01}"#,
        r#"{'gone':1}"#,
        r#"{"gone":1,}"#,
        r#"{"gone":NaN}"#,
        "{\"gone\":\"\n\"}",
        &deep,
    ];
    for body in unparsable {
        let shown: String = body.chars().take(12).collect();
        api.stage.site.answers(Answer::json(body.to_owned()));
        api.row(
            &format!("{shown:?} is 502: a rule that hides a field never fails open"),
            get("/t/0"),
            |x| {
                x.error(502, "upstream_invalid_response");
            },
        )
        .await;
        api.row(&format!("{shown:?} with on_unparsable: pass"), get("/t/1"), |x| {
            x.status(200).body(body);
        })
        .await;
    }
    api.stage.site.answers(Answer::json(&b"{\"gone\":\"\xff\"}"[..]));
    api.row("invalid UTF-8 is no JSON", get("/t/0"), |x| {
        x.error(502, "upstream_invalid_response");
    })
    .await;
    api.stage.site.answers(Answer::json(r#"{"gone":1}"#));
    api.row("the next answer is read again", get("/t/0"), |x| {
        x.status(200).body("{}");
    })
    .await;
    api.finish();
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

async fn codings(event: Event) {
    let mut api = with_rules(event, &[json!({ "remove_fields": ["gone"] })]).await;
    let zipped = gzip(r#"{"gone":1,"a":2}"#);
    api.stage.site.answers(coded("gzip", &zipped));
    api.row(
        "gzip is decoded anyway",
        get("/t/0").header("Accept-Encoding", "gzip"),
        |x| {
            x.status(200).body(r#"{"a":2}"#).got("Content-Encoding", None);
        },
    )
    .await;
    api.row(
        "without rules it passes as it is",
        get("/plain").header("Accept-Encoding", "gzip"),
        |x| {
            x.status(200).got("Content-Encoding", Some("gzip"));
            assert_eq!(x.response.body, zipped);
        },
    )
    .await;
    api.finish();
}

fn coded(coding: &str, body: &[u8]) -> Answer {
    Answer::json(body.to_vec()).header("Content-Encoding", coding)
}

async fn codings_that_cannot_be_undone(event: Event) {
    let mut api = with_rules(event, &[json!({ "remove_fields": ["gone"] })]).await;
    let zipped = gzip(r#"{"gone":1,"a":2}"#);
    let bomb = gzip(&format!("[{}0]", "0,".repeat(20_000_000)));
    for (sentence, answer) in [
        ("gzip cut short", coded("gzip", &zipped[..zipped.len() - 9])),
        ("no gzip at all", coded("gzip", b"{}")),
        ("a coding that nobody can undo", coded("br", b"{}")),
        ("40 MB in a few bytes", coded("gzip", &bomb)),
    ] {
        api.stage.site.answers(answer);
        api.row(&format!("{sentence} never fails open"), get("/t/0"), |x| {
            x.error(502, "upstream_invalid_response").every_answer();
        })
        .await;
    }
    api.finish();
}

async fn headers_of_the_answer(event: Event) {
    let mut api = with_rules(event, &[json!({ "remove_fields": ["gone"] })]).await;
    let digests = ["Digest", "Content-Digest", "Repr-Digest", "Content-MD5"];
    let answer = |etag: &str| {
        let answer = Answer::json(r#"{"gone":1,"a":2}"#)
            .header("ETag", etag)
            .header("X-Kept", "1");
        digests
            .iter()
            .fold(answer, |answer, name| answer.header(name, "sha-256=:AAAA=:"))
    };
    for (given, weak) in [(r#""v1""#, r#"W/"v1""#), (r#"W/"v1""#, r#"W/"v1""#)] {
        api.stage.site.answers(answer(given));
        api.row(
            "Content-Length is set anew, ETag made weak, digests dropped",
            get("/t/0"),
            |x| {
                x.status(200)
                    .got("Content-Length", Some("7"))
                    .got("ETag", Some(weak))
                    .got("X-Kept", Some("1"));
                for name in digests {
                    x.got(name, None);
                }
            },
        )
        .await;
    }
    api.stage.site.answers(answer(r#""v1""#));
    api.row("without rules they pass", get("/plain"), |x| {
        x.status(200)
            .got("ETag", Some(r#""v1""#))
            .got("Digest", Some("sha-256=:AAAA=:"));
    })
    .await;
    api.finish();
}

async fn what_is_asked(event: Event) {
    let mut api = with_rules(event, &[json!({ "remove_fields": ["gone"] })]).await;
    let conditions = [
        "If-None-Match",
        "If-Match",
        "If-Modified-Since",
        "If-Unmodified-Since",
        "If-Range",
    ];
    let request = |path: &str| {
        let request = get(path)
            .header("Accept-Encoding", "gzip, br")
            .header("Range", "bytes=0-1");
        conditions
            .iter()
            .fold(request, |request, name| request.header(name, "\"v1\""))
    };
    api.row("with rules: identity, no Range, no If-*", request("/t/0"), |x| {
        x.status(200)
            .sent("Accept-Encoding", Some("identity"))
            .sent("Range", None);
        for name in conditions {
            x.sent(name, None);
        }
    })
    .await;
    api.row("without rules they pass", request("/plain"), |x| {
        x.status(200)
            .sent("Accept-Encoding", Some("gzip, br"))
            .sent("Range", Some("bytes=0-1"));
        x.sent("If-None-Match", Some("\"v1\""));
    })
    .await;
    api.finish();
}
