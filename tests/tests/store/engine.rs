//! The engine that the store is shown on: embedded, or the one that `TOLLGATE_TEST_DYNAMODB_ENDPOINT` names.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use tokio::net::TcpListener;
use tollgate::store::dynamodb::{ApiKeys, DynamoDbSettings, DynamoDbStore, OWNER_INDEX};

/// An engine and the SDK's plain client on it, which is not the one under test.
pub(crate) struct Engine {
    pub(crate) endpoint: String,
    pub(crate) client: Client,
}

impl Engine {
    pub(crate) async fn start() -> Self {
        let endpoint = match std::env::var("TOLLGATE_TEST_DYNAMODB_ENDPOINT") {
            Ok(endpoint) => endpoint,
            Err(_) => {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let database = dynoxide::Database::memory().unwrap();
                // Ends with the test's runtime.
                tokio::spawn(dynoxide::server::serve_with_shutdown(
                    listener,
                    database,
                    std::future::pending(),
                ));
                format!("http://{address}")
            }
        };
        let client = plain_client(&endpoint);
        Self { endpoint, client }
    }

    /// Makes an empty table and returns a store on it.
    pub(crate) async fn store(&self, table: &str) -> DynamoDbStore {
        self.table(table, &["pk", "sk"]).await;
        patient_store(&self.endpoint, table)
    }

    pub(crate) async fn table(&self, name: &str, keys: &[&str]) {
        self.create(name, keys, None).await;
    }

    /// Makes an empty table with the index that finds an owner's keys.
    pub(crate) async fn api_keys(&self, table: &str) -> ApiKeys {
        let projection = Projection::builder().projection_type(ProjectionType::All).build();
        let index = GlobalSecondaryIndex::builder()
            .index_name(OWNER_INDEX)
            .set_key_schema(Some(key_schema(&["owner", "pk"])))
            .projection(projection)
            .build();
        self.create(table, &["pk", "sk"], Some(index.unwrap())).await;
        ApiKeys::new(self.client.clone(), table)
    }

    async fn create(&self, name: &str, keys: &[&str], index: Option<GlobalSecondaryIndex>) {
        // Left over from an earlier run on an engine that stays.
        let _ = self.client.delete_table().table_name(name).send().await;
        let owner = index.is_some().then_some("owner");
        let attributes = keys.iter().copied().chain(owner).map(|name| {
            let attribute = AttributeDefinition::builder().attribute_name(name);
            attribute.attribute_type(ScalarAttributeType::S).build().unwrap()
        });
        self.client
            .create_table()
            .table_name(name)
            .billing_mode(BillingMode::PayPerRequest)
            .set_attribute_definitions(Some(attributes.collect()))
            .set_key_schema(Some(key_schema(keys)))
            .set_global_secondary_indexes(index.map(|index| vec![index]))
            .send()
            .await
            .unwrap();
    }

    /// An item, read strongly consistent; empty when there is none.
    pub(crate) async fn item(&self, table: &str, pk: &str, sk: &str) -> HashMap<String, AttributeValue> {
        let request = self.client.get_item().table_name(table).consistent_read(true);
        let request = request
            .key("pk", AttributeValue::S(pk.to_owned()))
            .key("sk", AttributeValue::S(sk.to_owned()));
        request.send().await.unwrap().item.unwrap_or_default()
    }
}

fn key_schema(names: &[&str]) -> Vec<KeySchemaElement> {
    let kinds = [KeyType::Hash, KeyType::Range];
    let keys = names.iter().zip(kinds).map(|(name, kind)| {
        let key = KeySchemaElement::builder().attribute_name(*name).key_type(kind);
        key.build().unwrap()
    });
    keys.collect()
}

/// The SDK's client as it comes, retries included.
pub(crate) fn plain_client(endpoint: &str) -> Client {
    let credentials = Credentials::new(
        variable("AWS_ACCESS_KEY_ID").unwrap(),
        variable("AWS_SECRET_ACCESS_KEY").unwrap(),
        variable("AWS_SESSION_TOKEN"),
        None,
        "test",
    );
    let no_roots = TlsContext::builder()
        .with_trust_store(TrustStore::empty())
        .build()
        .unwrap();
    let tls = Provider::Rustls(CryptoMode::Ring);
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls)
        .tls_context(no_roots)
        .build_https();
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(variable("AWS_REGION").unwrap()))
        .credentials_provider(credentials)
        .http_client(http)
        .endpoint_url(endpoint)
        .build();
    Client::from_conf(config)
}

pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().or_else(|| {
        let default = match name {
            "AWS_REGION" => "eu-central-1",
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "local",
            _ => return None,
        };
        Some(default.to_owned())
    })
}

/// A store as a gateway has it.
pub(crate) fn store(endpoint: &str, table: &str) -> DynamoDbStore {
    DynamoDbStore::new(settings(endpoint, table)).unwrap()
}

/// A store that a busy machine or a table far away cannot make fail.
pub(crate) fn patient_store(endpoint: &str, table: &str) -> DynamoDbStore {
    let long = Duration::from_secs(30);
    DynamoDbStore::new(settings(endpoint, table).with_timeouts(long, long)).unwrap()
}

pub(crate) fn settings(endpoint: &str, table: &str) -> DynamoDbSettings {
    let settings = DynamoDbSettings::from_environment(
        &|name| match name {
            // The kinds of items never meet, so one table can stand for all three.
            "CONFIG_TABLE" | "QUOTA_TABLE" | "STATE_TABLE" => Some(table.to_owned()),
            "AWS_ENDPOINT_URL_DYNAMODB" => Some(endpoint.to_owned()),
            other => variable(other),
        },
        &[],
    );
    settings.unwrap()
}
