//! The table of `docs/authentication.md`: every method, what it reads, what upstream gets, what each failure answers.
//!
//! Every cell is made from what came out of a gateway that was sent real events; only the words of `reads` are written
//! down, in [`rows`], each beside requests that must be let in by it.
//!
//! Write the table anew with `UPDATE_DOCS=1 cargo test -p tollgate --lib methods`, then read it.

mod rows;
mod sent;

use std::collections::BTreeSet;

use self::rows::Row;
use self::sent::{Part, Sent};
use super::*;
use crate::auth::testing::MemoryStore;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/authentication.md");
const COLUMNS: [&str; 8] = [
    "method",
    "reads",
    "upstream gets",
    "the credential",
    "no credential",
    "a wrong one",
    "cannot be told now",
    "not allowed",
];
const SERVICE: &str = "service.internal";
/// Who posts what a browser did not mean to.
const ANOTHER_SITE: &str = "https://another-site.example";

/// What came out of one request.
#[derive(Debug)]
struct Seen {
    status: u64,
    /// The body's `error`, where it has one.
    code: Option<String>,
    /// The headers of the answer that say how to go on.
    says: Vec<(String, String)>,
    /// The log's `config`.
    at: Option<String>,
    /// What the service got.
    upstream: Option<http::Request<Bytes>>,
}

impl Seen {
    fn header(answer: &Value, name: &str) -> Option<(String, String)> {
        let value = answer["headers"].get(name).or(answer["multiValueHeaders"][name].get(0));
        Some((name.to_owned(), value?.as_str()?.to_owned()))
    }

    /// `401 unauthorized`, and the headers with it.
    fn words(&self) -> String {
        let mut lines = vec![match &self.code {
            Some(code) => format!("{} `{code}`", self.status),
            None => self.status.to_string(),
        }];
        lines.extend(self.says.iter().map(|(name, value)| format!("`{name}: {value}`")));
        lines.join("<br>")
    }
}

/// Sends a request to a gateway that has seen nothing yet.
async fn send(config: &Value, store: &Arc<MemoryStore>, services: Services, sent: &Sent) -> Seen {
    let fixture = fixture_on(config, Arc::clone(store) as _, services);
    let (answer, log) = handled(&fixture, &sent.0.to_string()).await;
    let body: Value = serde_json::from_str(answer["body"].as_str().expect("text")).unwrap_or_default();
    let mut calls = std::mem::take(&mut *fixture.upstream.calls.lock().expect("unpoisoned"));
    calls.retain(|call| call.uri().host() == Some(SERVICE));
    let seen = Seen {
        status: answer["statusCode"].as_u64().expect("a status"),
        code: body["error"].as_str().map(str::to_owned),
        says: ["www-authenticate", "retry-after"]
            .iter()
            .filter_map(|name| Seen::header(&answer, name))
            .collect(),
        at: log["config"].as_str().map(str::to_owned),
        upstream: calls.pop(),
    };
    assert_eq!(seen.status == 200, seen.upstream.is_some(), "{seen:?}");
    assert_eq!(
        seen.status != 200,
        seen.at.is_some(),
        "every refusal knows its place: {seen:?}"
    );
    seen
}

type Services = fn(&http::Request<Bytes>) -> Result<Response<Bytes>, CallError>;

fn all_down(request: &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> {
    match request.uri().host() {
        Some(SERVICE) => ok(request),
        _ => Err(CallError::Connect("refused".into())),
    }
}

impl Row {
    /// Its method alone, on a route that asks so.
    fn config(&self, route: Value) -> Value {
        let mut methods = self.others.clone();
        methods[&self.name] = self.method.clone();
        let mut config = json!({
            "routes": [{ "path": "/api/**", "upstream": format!("http://{SERVICE}:3000") }],
            "auth": { "methods": methods, "default": [self.name] },
        });
        if !route.is_null() {
            config["routes"][0]["auth"] = route;
        }
        config
    }

    async fn send(&self, route: Value, sent: &Sent) -> Seen {
        send(&self.config(route), &rows::store(), rows::services, sent).await
    }

    /// The cells, in the order of [`COLUMNS`].
    async fn cells(&self) -> [String; 8] {
        [
            self.title(),
            self.reads(),
            self.upstream_gets().await,
            self.credential_goes().await,
            failures(&self.all(Value::Null, &self.not_read).await),
            failures(&self.all(Value::Null, &self.wrong).await),
            self.cannot_be_told().await,
            self.not_allowed().await,
        ]
    }

    /// Its type, and the settings that make it a row of its own.
    fn title(&self) -> String {
        let told = ["from", "header", "query", "jwt", "forward_token"];
        let settings = told
            .iter()
            .filter_map(|key| Some(format!("`{key}: {}`", plain(self.method.get(*key)?))));
        let kind = format!("`{}`", plain(&self.method["type"]));
        std::iter::once(kind).chain(settings).collect::<Vec<_>>().join("<br>")
    }

    fn reads(&self) -> String {
        distinct(self.good.iter().map(|(words, _)| (*words).to_owned()))
    }

    fn presented(&self) -> Vec<Sent> {
        self.good.iter().map(|(_, sent)| sent.clone()).collect()
    }

    async fn all(&self, route: Value, requests: &[Sent]) -> Vec<Seen> {
        let mut all = Vec::new();
        for sent in requests {
            all.push(self.send(route.clone(), sent).await);
        }
        all
    }

    /// Headers that are there only because somebody was verified.
    async fn upstream_gets(&self) -> String {
        let mut told = Vec::new();
        for sent in self.presented() {
            let verified = headers_of(&self.send(Value::Null, &sent).await);
            let public = headers_of(&self.send(json!("none"), &sent).await);
            told.extend(&verified - &public);
        }
        distinct(told.iter().map(|(name, value)| format!("`{name}: {value}`")))
    }

    /// What becomes of the parts of the request in which the credential stood.
    async fn credential_goes(&self) -> String {
        let mut fates = Vec::new();
        for sent in self.presented() {
            let verified = upstream(self.send(Value::Null, &sent).await);
            let public = upstream(self.send(json!("none"), &sent).await);
            fates.extend(sent.shown().into_iter().map(|part| fate(&part, &verified, &public)));
        }
        match fates.is_empty() {
            true => "is no part of the request".to_owned(),
            false => distinct(fates.into_iter()),
        }
    }

    /// With everybody down whom it could ask.
    async fn cannot_be_told(&self) -> String {
        let mut all = Vec::new();
        for sent in self.presented() {
            let store = rows::store();
            store.goes_down();
            all.push(send(&self.config(Value::Null), &store, all_down, &sent).await);
        }
        match all.iter().all(|seen| seen.status == 200) {
            true => "cannot happen: nobody is asked".to_owned(),
            false => failures(&all),
        }
    }

    async fn not_allowed(&self) -> String {
        let good = self.presented();
        let scopes = self.all(json!({ "scopes": ["orders:write"] }), &good).await;
        let claims = self.all(json!({ "claims": { "sub": "somebody-else" } }), &good).await;
        let mut cells = vec![failures(&scopes), failures(&claims)];
        let posted: Vec<Sent> = good.into_iter().map(|sent| sent.posted_from(ANOTHER_SITE)).collect();
        let posted = self.all(Value::Null, &posted).await;
        // Only what browsers send by themselves can be sent by another site's page.
        if posted.iter().any(|seen| seen.status != 200) {
            cells.push(failures(&posted));
        }
        cells.join("<br>")
    }
}

fn upstream(seen: Seen) -> http::Request<Bytes> {
    seen.upstream.expect("a good credential is let in")
}

fn fate(part: &Part, verified: &http::Request<Bytes>, public: &http::Request<Bytes>) -> String {
    let words = part.words();
    match (part.is_in(verified), part.is_in(public)) {
        (true, _) => format!("{words} goes on"),
        (false, true) => format!("{words} stays here where it was verified"),
        (false, false) => format!("{words} stays here on every route"),
    }
}

/// Without those that are new for each request.
fn headers_of(seen: &Seen) -> BTreeSet<(String, String)> {
    let request = seen.upstream.as_ref().expect("a good credential is let in");
    let headers = request.headers().iter();
    let headers = headers.filter(|(name, _)| !["x-request-id", "traceparent"].contains(&name.as_str()));
    headers
        .map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()))
        .collect()
}

/// What all of these answer, which must be the same, and the places in the config that caused them.
fn failures(all: &[Seen]) -> String {
    let answers: BTreeSet<String> = all.iter().map(Seen::words).collect();
    assert_eq!(answers.len(), 1, "different answers to the same failure: {all:#?}");
    assert!(all.iter().all(|seen| seen.status >= 400), "let in: {all:#?}");
    let places = all
        .iter()
        .filter_map(|seen| Some(format!("log: `{}`", seen.at.as_deref()?)));
    distinct(answers.into_iter().chain(places))
}

/// Each once, in order of appearance.
fn distinct(lines: impl Iterator<Item = String>) -> String {
    let mut seen = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        if !seen.contains(&line) {
            seen.push(line);
        }
    }
    seen.join("<br>")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn line(cells: &[impl AsRef<str>]) -> String {
    let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
    format!("| {} |\n", cells.join(" | "))
}

#[tokio::test(start_paused = true)]
async fn the_table_of_methods_says_what_happens() {
    let mut table = line(&COLUMNS) + &line(&["---"; 8]).replace(' ', "");
    for row in rows::all() {
        table += &line(&row.cells().await);
    }
    let page = std::fs::read_to_string(PAGE).expect("the page");
    let start = page
        .find(line(&COLUMNS[..2]).trim_end_matches(" |\n"))
        .expect("the table");
    let end = page[start..].find("\n\n").map_or(page.len(), |end| start + end + 1);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, format!("{}{table}{}", &page[..start], &page[end..])).expect("to write the page");
        return;
    }
    for (expected, said) in table.lines().zip(page[start..end].lines()) {
        assert_eq!(expected, said, "UPDATE_DOCS=1 writes the table anew");
    }
    assert_eq!(table, page[start..end]);
}
