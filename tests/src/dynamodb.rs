//! DynamoDB for the suites: an engine, embedded unless said, behind a proxy that can fail as the service does.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::client::{Request, method};
use crate::journal::Journal;
use crate::seeded::Seeded;
use crate::server::{Incoming, Outgoing, Server, reply};

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it passes.
    None,
    /// The connection closes; the engine hears nothing.
    Refuse,
    /// The call is held and never answered; the engine hears nothing.
    Stall,
    /// The engine does what it is told, then the connection closes without an answer.
    DropAfterWrite,
    /// Status 500, `InternalServerError`; the engine hears nothing.
    ServerError,
    /// Status 400, `ProvisionedThroughputExceededException`; the engine hears nothing.
    Throttle,
    /// Status 400, `AccessDeniedException`: what a role that lacks the permission is told; the engine hears nothing.
    Deny,
}

/// The proxy, and the engine behind it where that is its own.
#[derive(Debug)]
pub struct DynamoDb {
    proxy: Server,
    engine: Option<JoinHandle<()>>,
    faults: Arc<Mutex<Faults>>,
    calls: Arc<Journal<String>>,
}

/// What calls meet.
#[derive(Debug)]
struct Faults {
    fault: Fault,
    /// Of a hundred calls so many; the others meet nothing.
    percent: u64,
    random: Seeded,
    met: usize,
}

impl Faults {
    fn next(&mut self) -> Fault {
        if self.fault == Fault::None || self.random.below(100) >= self.percent {
            return Fault::None;
        }
        self.met += 1;
        self.fault
    }
}

impl DynamoDb {
    /// In memory, without tables, without faults.
    pub async fn start() -> Self {
        let database = Database::memory().expect("an engine in memory");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let engine = tokio::spawn(dynoxide::server::serve_on(listener, database));
        let mut database = Self::in_front_of(address).await;
        database.engine = Some(engine);
        database
    }

    /// In front of an engine that runs already, without faults. `None` where the endpoint is not `http://host:port`: TLS and
    /// signatures leave no place for a proxy.
    ///
    /// # Panics
    /// When nobody knows the host.
    pub async fn before(endpoint: &str) -> Option<Self> {
        let authority = endpoint.strip_prefix("http://")?.trim_end_matches('/');
        let mut addresses = tokio::net::lookup_host(authority).await.expect("a host and a port");
        Some(Self::in_front_of(addresses.next().expect("an address")).await)
    }

    async fn in_front_of(address: SocketAddr) -> Self {
        let faults = Arc::new(Mutex::new(Faults {
            fault: Fault::None,
            percent: 100,
            random: Seeded::of(&[1]),
            met: 0,
        }));
        let calls: Arc<Journal<String>> = Arc::default();
        let (current, journal) = (Arc::clone(&faults), Arc::clone(&calls));
        let proxy = Server::start(move |call| {
            journal.push(operation(&call));
            let fault = current.lock().unwrap().next();
            async move {
                let forward = || async { forwarded(&call).send(address).await.ok() };
                answer(fault, forward).await
            }
        });
        Self {
            proxy: proxy.await,
            engine: None,
            faults,
            calls,
        }
    }

    /// Where the proxy listens.
    pub fn address(&self) -> SocketAddr {
        self.proxy.address()
    }

    /// The proxy's URL: what `AWS_ENDPOINT_URL_DYNAMODB` is to be.
    pub fn url(&self) -> String {
        self.proxy.url()
    }

    /// Makes a table with the keys that the gateway's tables have. Counts among the calls.
    ///
    /// # Panics
    /// When the engine refuses.
    pub async fn create_table(&self, name: &str) {
        self.create_table_with(name, &["pk", "sk"]).await;
    }

    /// The same with these keys.
    ///
    /// # Panics
    /// When the engine refuses.
    pub async fn create_table_with(&self, name: &str, keys: &[&str]) {
        let kinds = || keys.iter().zip(["HASH", "RANGE"]);
        let types = kinds().map(|(key, _)| serde_json::json!({ "AttributeName": key, "AttributeType": "S" }));
        let schema = kinds().map(|(key, kind)| serde_json::json!({ "AttributeName": key, "KeyType": kind }));
        let body = serde_json::json!({
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": types.collect::<Vec<_>>(),
            "KeySchema": schema.collect::<Vec<_>>(),
        });
        self.told("CreateTable", body).await;
    }

    /// Takes a table away. Counts among the calls.
    ///
    /// # Panics
    /// When the engine refuses.
    pub async fn delete_table(&self, name: &str) {
        self.told("DeleteTable", serde_json::json!({ "TableName": name })).await;
    }

    async fn told(&self, operation: &str, body: serde_json::Value) {
        let done = call(operation, body.to_string()).send(self.address()).await;
        assert!(done.is_ok_and(|answer| answer.status == 200), "{operation} {body}");
    }

    /// From now on every call meets this.
    pub fn meets(&self, fault: Fault) {
        self.meets_at_times(100, fault);
    }

    /// From now on so many calls of a hundred meet this, at random.
    pub fn meets_at_times(&self, percent: u64, fault: Fault) {
        let mut faults = self.faults.lock().unwrap();
        (faults.percent, faults.fault) = (percent, fault);
    }

    /// How many calls met a fault.
    pub fn faults(&self) -> usize {
        self.faults.lock().unwrap().met
    }

    /// The operations asked for, such as `UpdateItem`, in order.
    pub fn calls(&self) -> Vec<String> {
        self.calls.all()
    }

    /// How many `UpdateItem` calls there were.
    pub fn updates(&self) -> usize {
        self.calls().iter().filter(|call| *call == "UpdateItem").count()
    }
}

impl Drop for DynamoDb {
    fn drop(&mut self) {
        if let Some(engine) = &self.engine {
            engine.abort();
        }
    }
}

async fn answer<F>(fault: Fault, forward: impl FnOnce() -> F) -> Outgoing
where
    F: Future<Output = Option<crate::client::Response>>,
{
    let error = |status, name: &str| {
        let body = format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{name}","message":"injected"}}"#);
        reply(status, "application/x-amz-json-1.0", body)
    };
    match fault {
        Fault::None => {
            let response = forward().await?;
            let media_type = response.header("content-type").unwrap_or_default().to_owned();
            reply(response.status, &media_type, response.body)
        }
        Fault::Refuse => None,
        Fault::Stall => std::future::pending().await,
        Fault::DropAfterWrite => {
            forward().await;
            None
        }
        Fault::ServerError => error(500, "InternalServerError"),
        Fault::Throttle => error(400, "ProvisionedThroughputExceededException"),
        Fault::Deny => error(400, "AccessDeniedException"),
    }
}

/// A call as any SDK makes it, signed by nobody.
fn call(operation: &str, body: impl Into<Vec<u8>>) -> Request {
    method("POST", "/")
        .header("X-Amz-Target", format!("DynamoDB_20120810.{operation}"))
        .header("Content-Type", "application/x-amz-json-1.0")
        .header(
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=x",
        )
        .header("X-Amz-Date", "20260101T000000Z")
        .body(body)
}

/// The operation of a call: `DynamoDB_20120810.UpdateItem` without the version.
fn operation(call: &Incoming) -> String {
    let target = call.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
    let name = target.and_then(|target| target.rsplit('.').next());
    name.unwrap_or_default().to_owned()
}

/// The call again, for the engine.
fn forwarded(call: &Incoming) -> Request {
    let mut request = method(call.method().as_str(), call.uri().to_string()).body(call.body().to_vec());
    for (name, value) in call.headers() {
        if name != http::header::HOST
            && let Ok(value) = value.to_str()
        {
            request = request.header(name.as_str(), value);
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Response;

    /// Counts one up, as the gateway does, and tells what came of it.
    async fn call(database: &DynamoDb, operation: &str, body: &str) -> std::io::Result<Response> {
        super::call(operation, body).send(database.address()).await
    }

    const COUNT: &str = r#"{"TableName":"counters","Key":{"pk":{"S":"a"}},"UpdateExpression":"ADD n :one",
        "ExpressionAttributeValues":{":one":{"N":"1"}},"ReturnValues":"ALL_NEW"}"#;

    async fn database() -> DynamoDb {
        let database = DynamoDb::start().await;
        let table = r#"{"TableName":"counters","BillingMode":"PAY_PER_REQUEST",
            "AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],
            "KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}]}"#;
        assert_eq!(call(&database, "CreateTable", table).await.unwrap().status, 200);
        database
    }

    async fn count(database: &DynamoDb) -> String {
        let response = call(database, "UpdateItem", COUNT).await.unwrap();
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()["Attributes"]["n"]["N"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn faults_come_and_go_and_only_one_of_them_writes() {
        let database = database().await;
        assert_eq!(count(&database).await, "1");
        for (fault, written) in [
            (Fault::Refuse, "2"),
            (Fault::ServerError, "3"),
            (Fault::Throttle, "4"),
            (Fault::DropAfterWrite, "6"),
        ] {
            database.meets(fault);
            let failed = call(&database, "UpdateItem", COUNT).await;
            assert!(failed.is_err() || failed.unwrap().status >= 400, "{fault:?}");
            database.meets(Fault::None);
            assert_eq!(count(&database).await, written, "after {fault:?}");
        }
        assert_eq!(database.updates(), 9);
    }
}
