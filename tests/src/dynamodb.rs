//! DynamoDB for the suites: the embedded engine behind a proxy that can fail as the service does.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::client::{Request, method};
use crate::journal::Journal;
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
}

/// The engine and the proxy in front of it.
#[derive(Debug)]
pub struct DynamoDb {
    proxy: Server,
    engine: JoinHandle<()>,
    fault: Arc<Mutex<Fault>>,
    calls: Arc<Journal<String>>,
}

impl DynamoDb {
    /// In memory, without tables, without faults.
    pub async fn start() -> Self {
        let database = Database::memory().expect("an engine in memory");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let engine = tokio::spawn(dynoxide::server::serve_on(listener, database));
        let fault = Arc::new(Mutex::new(Fault::None));
        let calls: Arc<Journal<String>> = Arc::default();
        let (current, journal) = (Arc::clone(&fault), Arc::clone(&calls));
        let proxy = Server::start(move |call| {
            journal.push(operation(&call));
            let fault = *current.lock().unwrap();
            async move {
                let forward = || async { forwarded(&call).send(address).await.ok() };
                answer(fault, forward).await
            }
        });
        Self {
            proxy: proxy.await,
            engine,
            fault,
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
        let body = serde_json::json!({
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        });
        let made = call("CreateTable", body.to_string()).send(self.address()).await;
        assert!(made.is_ok_and(|answer| answer.status == 200), "{name} cannot be made");
    }

    /// From now on every call meets this.
    pub fn meets(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
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
        self.engine.abort();
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
