//! The table of statuses in `docs/aggregation.md`, made by what happens.
//!
//! Write it anew with `UPDATE_DOCS=1 cargo test -p tollgate --lib aggregate`, then read it.

use super::*;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/aggregation.md");

const HEAD: &str =
    "| the part's service | a required part | another part, `on_partial: 207` | in `_errors` |\n|---|---|---|---|\n";

/// How a service can end, in words.
fn ends() -> Vec<(&'static str, Result<Response<Bytes>, CallError>)> {
    let status = |status: u16| Ok(answer(status, "{}"));
    let mut html = answer(200, "<p>");
    let kind = HeaderValue::from_static("text/html");
    html.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    vec![
        ("answers 200 with JSON", status(200)),
        ("answers 204", Ok(answer(204, ""))),
        ("answers 200 with something else", Ok(html)),
        ("answers 301", status(301)),
        ("answers 400", status(400)),
        ("answers 401", status(401)),
        ("answers 403", status(403)),
        ("answers 404", status(404)),
        ("answers 410", status(410)),
        ("answers 429", status(429)),
        ("answers 500", status(500)),
        ("answers 503", status(503)),
        ("cannot be reached", Err(CallError::Connect("x".into()))),
        ("breaks off", Err(CallError::Broken("x".into()))),
        ("takes too long", Err(CallError::Timeout(Duration::from_secs(2)))),
        (
            "answers with more than 8 MiB",
            Err(CallError::TooLarge(8 * 1024 * 1024)),
        ),
    ]
}

async fn row(words: &str, end: Result<Response<Bytes>, CallError>) -> String {
    let route = |need: &str| {
        format!(
            "    aggregate:\n      good: {{ upstream: s, path: /good }}\n      other: {{ upstream: s, path: /other{need} }}\n    on_partial: 207\n    partial_errors: true\n"
        )
    };
    let mut statuses = Vec::new();
    let mut code = String::new();
    for need in [", required: true", ""] {
        let served = served(&route(need));
        served.services.json("/good", 1, "1");
        served.services.set("/other", 1, end.clone());
        let came = served.get().await;
        statuses.push(came.status.to_string());
        let body = came.json();
        let of_part = body["_errors"]["other"]["error"].as_str();
        let of_answer = body["error"].as_str();
        if let Some(said) = of_part.or(of_answer) {
            assert!(code.is_empty() || code == said, "one word for one failure");
            code = said.to_owned();
        }
    }
    let code = if code.is_empty() { code } else { format!("`{code}`") };
    format!("| {words} | {} | {code} |\n", statuses.join(" | "))
}

#[tokio::test(start_paused = true)]
async fn the_table_of_statuses_says_what_happens() {
    let mut table = HEAD.to_owned();
    for (words, end) in ends() {
        table += &row(words, end).await;
    }
    let page = std::fs::read_to_string(PAGE).expect("the page");
    let start = page.find(HEAD.split("\n").next().expect("a line")).expect("the table");
    let end = page[start..].find("\n\n").map_or(page.len(), |end| start + end + 1);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, format!("{}{table}{}", &page[..start], &page[end..])).expect("to write the page");
        return;
    }
    assert_eq!(table, page[start..end], "UPDATE_DOCS=1 writes the table anew");
}
