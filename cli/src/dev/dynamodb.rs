//! The counters' database: an embedded DynamoDB engine behind a guard, in memory or in a file, or one that the user
//! names.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, ORIGIN, TRANSFER_ENCODING};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::dev::console::Console;
use crate::dev::database_file::{self, Opened};
use crate::dev::guard::Access;
use crate::dev::listen::Place;
use crate::dev::server::{self, Answer, message};
use crate::dev::{self, random, tables};
use crate::exit::Failure;
use crate::http_client::{HttpClient, http_client};

/// What the SDK calls the place of an engine.
pub(crate) const ENDPOINT_VARIABLE: &str = "AWS_ENDPOINT_URL_DYNAMODB";
/// What the SDKs call the file of further trust roots, PEM.
pub(crate) const CA_BUNDLE_VARIABLE: &str = "AWS_CA_BUNDLE";
/// The largest request DynamoDB takes, in bytes.
const LARGEST_REQUEST: usize = 16 * 1024 * 1024;
/// How long to wait before asking an engine again that is down.
const RETRY: Duration = Duration::from_millis(500);

/// The file of further trust roots that the environment names, for an engine that is spoken to over TLS.
pub(crate) fn ca_bundle(endpoint: &str) -> Option<String> {
    let named = || std::env::var(CA_BUNDLE_VARIABLE).ok().filter(|path| !path.is_empty());
    endpoint.starts_with("https:").then(named).flatten()
}

/// A database with the gateway's tables. Its servers end when it is dropped.
#[derive(Debug)]
pub(crate) struct Database {
    endpoint: String,
    tasks: Vec<JoinHandle<()>>,
    /// Held while the engine has a file.
    _lock: Option<File>,
}

impl Database {
    /// The engine that the environment names, or else one of our own, published here; and the URL by which the user
    /// reaches it.
    pub(crate) async fn open(
        place: &Place,
        file: Option<PathBuf>,
        console: &Console,
    ) -> Result<(Self, String), Failure> {
        // Before the other engine hears of it: it is not to get tables by a command that is refused.
        if let (Some(file), Some(_)) = (&file, named_endpoint()) {
            return Err(Failure::usage(format!(
                "--db {}: {ENDPOINT_VARIABLE} names another engine, which keeps its own tables; give one of both",
                file.display()
            )));
        }
        if let Some(database) = Self::named(console).await {
            if place.given.is_some() {
                console.note("--dynamodb-listen is not used, because the environment names another engine");
            }
            let url = database.endpoint.clone();
            return Ok((database, url));
        }
        let opened = dev::open(place, console).await?;
        let mut database = match file {
            Some(file) => Self::in_file(file).await?,
            None => Self::embedded().await?,
        };
        database.publish(opened.listener, Access::guarded(opened.address));
        Ok((database, format!("http://{}", opened.address)))
    }

    /// The engine that the environment names, if it names one. Its tables are made as soon as it answers; until
    /// then requests that are limited fail.
    pub(crate) async fn named(console: &Console) -> Option<Self> {
        let mut database = Self {
            endpoint: named_endpoint()?,
            tasks: Vec::new(),
            _lock: None,
        };
        if let Err(why) = tables::create(&database.endpoint).await {
            console.warn(&format!(
                "{} ({ENDPOINT_VARIABLE}) does not answer, so limited requests get 503 until it does: {why}",
                database.endpoint
            ));
            let (endpoint, console) = (database.endpoint.clone(), console.clone());
            database.tasks.push(tokio::spawn(async move {
                while tables::create(&endpoint).await.is_err() {
                    tokio::time::sleep(RETRY).await;
                }
                console.note(&format!("{endpoint} answers now and has the gateway's tables"));
            }));
        }
        Some(database)
    }

    /// An engine of our own, in memory.
    pub(crate) async fn embedded() -> Result<Self, Failure> {
        let engine = dynoxide::Database::memory().map_err(|error| failed(error.to_string()))?;
        Self::serving(engine, None).await
    }

    /// An engine of our own that keeps its tables in this file, which nobody else uses meanwhile.
    async fn in_file(path: PathBuf) -> Result<Self, Failure> {
        // Not on this thread: a file that another SQLite program has locked is waited for.
        let opened = tokio::task::spawn_blocking(move || database_file::open(&path)).await;
        let Opened { engine, lock } = opened.map_err(|error| failed(error.to_string()))??;
        Self::serving(engine, Some(lock)).await
    }

    async fn serving(engine: dynoxide::Database, lock: Option<File>) -> Result<Self, Failure> {
        let listener = TcpListener::bind(hidden_address())
            .await
            .map_err(|error| failed(error.to_string()))?;
        let address = listener.local_addr().map_err(|error| failed(error.to_string()))?;
        let server = tokio::spawn(dynoxide::server::serve_on(listener, engine));
        let database = Self {
            endpoint: format!("http://{address}"),
            tasks: vec![server],
            _lock: lock,
        };
        tables::create(&database.endpoint).await.map_err(failed)?;
        Ok(database)
    }

    /// What functions use: `AWS_ENDPOINT_URL_DYNAMODB`.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Serves the embedded engine to the user's programs on a guarded listener.
    fn publish(&mut self, listener: TcpListener, access: Access) {
        let proxy = Proxy {
            client: http_client(),
            authority: self.endpoint.trim_start_matches("http://").to_owned(),
        };
        let handler = move |request, _| {
            let proxy = proxy.clone();
            async move { proxy.forward(request).await }
        };
        self.tasks.push(tokio::spawn(server::serve(listener, access, handler)));
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// The engine that the environment names.
pub(crate) fn named_endpoint() -> Option<String> {
    let endpoint = std::env::var(ENDPOINT_VARIABLE).ok();
    endpoint.filter(|endpoint| !endpoint.is_empty())
}

fn failed(why: String) -> Failure {
    Failure::internal(format!("the embedded DynamoDB engine: {why}"))
}

/// Where the engine's own server listens. It answers every origin, so no page may find it: on Linux all of
/// 127.0.0.0/8 is this machine, which leaves 40 bits to guess.
fn hidden_address() -> SocketAddr {
    let ip = if cfg!(target_os = "linux") {
        let [a, b, c] = random::bytes();
        // Neither the first nor the last address: those are a network's and a broadcast's by custom.
        Ipv4Addr::new(127, a, b, c.clamp(1, 254))
    } else {
        Ipv4Addr::LOCALHOST
    };
    SocketAddr::new(IpAddr::V4(ip), 0)
}

/// Passes requests that came through the guard on to the engine.
#[derive(Clone, Debug)]
struct Proxy {
    client: HttpClient,
    authority: String,
}

impl Proxy {
    async fn forward(&self, request: Request<Incoming>) -> Answer {
        let answer = match self.rewritten(request).await {
            Ok(request) => self.client.request(request).await.ok(),
            Err(refusal) => return refusal,
        };
        let Some(answer) = answer else { return unreachable() };
        let (mut parts, body) = answer.into_parts();
        let Ok(body) = body.collect().await else {
            return unreachable();
        };
        // Our own server frames the answer.
        for name in [TRANSFER_ENCODING, CONTENT_LENGTH, CONNECTION] {
            parts.headers.remove(name);
        }
        Response::from_parts(parts, Full::new(body.to_bytes()))
    }

    async fn rewritten(&self, request: Request<Incoming>) -> Result<Request<Full<Bytes>>, Answer> {
        let (mut parts, body) = request.into_parts();
        let body = Limited::new(body, LARGEST_REQUEST).collect().await;
        let body = body
            .map_err(|_| message(StatusCode::PAYLOAD_TOO_LARGE, "The request is over 16 MiB."))?
            .to_bytes();
        // Without an origin the engine sends no CORS header, not even to a page of this listener's own origin.
        for name in [HOST, ORIGIN, TRANSFER_ENCODING, CONTENT_LENGTH, CONNECTION] {
            parts.headers.remove(name);
        }
        let mut uri = std::mem::take(&mut parts.uri).into_parts();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = self.authority.parse::<Authority>().ok();
        parts.uri = Uri::from_parts(uri).map_err(|_| message(StatusCode::BAD_REQUEST, "Bad Request"))?;
        if let Ok(host) = HeaderValue::from_str(&self.authority) {
            parts.headers.insert(HOST, host);
        }
        Ok(Request::from_parts(parts, Full::new(body)))
    }
}

fn unreachable() -> Answer {
    message(StatusCode::BAD_GATEWAY, "The embedded engine does not answer.")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn published() -> (Database, SocketAddr) {
        let mut database = Database::embedded().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        database.publish(listener, Access::guarded(address));
        (database, address)
    }

    async fn call(address: SocketAddr, operation: &str, origin: Option<&str>, body: &str) -> (u16, String, bool) {
        let mut request = Request::post(format!("http://{address}/"))
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("x-amz-date", "20260101T000000Z")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
            );
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let answer = http_client()
            .request(request.body(Full::new(Bytes::from(body.to_owned()))).unwrap())
            .await
            .unwrap();
        let cors = answer
            .headers()
            .keys()
            .any(|name| name.as_str().starts_with("access-control-"));
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned(), cors)
    }

    #[tokio::test]
    async fn the_tables_are_there_with_their_keys() {
        let (_database, address) = published().await;
        let (status, tables, _) = call(address, "ListTables", None, "{}").await;
        assert_eq!(status, 200, "{tables}");
        for table in ["tollgate-config", "tollgate-quota", "tollgate-state"] {
            assert!(tables.contains(table), "{tables}");
        }
        let (_, described, _) = call(address, "DescribeTimeToLive", None, r#"{"TableName":"tollgate-quota"}"#).await;
        assert!(described.contains(r#""AttributeName":"ttl""#), "{described}");
        let (_, described, _) = call(
            address,
            "DescribeTimeToLive",
            None,
            r#"{"TableName":"tollgate-config"}"#,
        )
        .await;
        assert!(described.contains("DISABLED"), "{described}");
        for (table, indexed) in [("tollgate-config", true), ("tollgate-quota", false)] {
            let body = format!(r#"{{"TableName":"{table}"}}"#);
            let (_, described, _) = call(address, "DescribeTable", None, &body).await;
            assert_eq!(described.contains(r#""IndexName":"owner""#), indexed, "{described}");
        }
    }

    #[tokio::test]
    async fn no_page_can_use_it() {
        let (_database, address) = published().await;
        let (status, _, cors) = call(address, "ListTables", Some("https://evil.example"), "{}").await;
        assert_eq!((status, cors), (403, false));
        let own = format!("http://{address}");
        let (status, _, cors) = call(address, "ListTables", Some(&own), "{}").await;
        assert_eq!((status, cors), (200, false));
    }

    #[tokio::test]
    async fn making_tables_twice_is_fine() {
        let database = Database::embedded().await.unwrap();
        assert_eq!(tables::create(database.endpoint()).await, Ok(()));
    }

    #[tokio::test]
    async fn an_engine_that_is_down_is_an_error_to_tell() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let why = tables::create(&closed).await.unwrap_err();
        assert!(why.starts_with("tollgate-config: Connection refused"), "{why}");
    }

    #[test]
    fn the_engine_hides_on_this_machine() {
        assert!(hidden_address().ip().is_loopback());
    }
}
