//! Makes the gateway's three tables, with the official SDK.

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TimeToLiveSpecification,
};
use aws_smithy_http_client::tls;
use std::path::Path;
use std::time::Duration;
use tollgate::store::dynamodb::{OWNER_INDEX, read_ca_bundle};

use crate::dev::dynamodb::ca_bundle;
use crate::dev::event::REGION;

/// Keys, plans, documents; the gateway only reads it.
pub(crate) const CONFIG: &str = "tollgate-config";
/// Limit items.
pub(crate) const QUOTA: &str = "tollgate-quota";
/// Sessions, key sets, the shared cache.
pub(crate) const STATE: &str = "tollgate-state";

/// Dummy credentials: local engines want some, and the user's own must not reach them.
pub(crate) const ACCESS_KEY: &str = "local";
/// See [`ACCESS_KEY`].
pub(crate) const SECRET_KEY: &str = "local";

/// The longest one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// Makes the tables that are missing. The error is ready to be shown.
pub(crate) async fn create(endpoint: &str) -> Result<(), String> {
    let client = client(endpoint)?;
    for (table, expires) in [(CONFIG, false), (QUOTA, true), (STATE, true)] {
        create_one(&client, table).await?;
        if expires {
            enable_ttl(&client, table).await?;
        }
    }
    Ok(())
}

/// A client for a local engine. The error says which trust root cannot be read.
pub(crate) fn client(endpoint: &str) -> Result<Client, String> {
    let mut roots = tls::TrustStore::default();
    if let Some(path) = ca_bundle(endpoint) {
        roots = roots.with_pem_certificate(read_ca_bundle(Path::new(&path))?);
    }
    let context = tls::TlsContext::builder().with_trust_store(roots).build();
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .tls_context(context.map_err(|error| format!("the trust roots cannot be used: {error}"))?)
        .build_https();
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "local"))
        .endpoint_url(endpoint)
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(CALL_TIMEOUT).build())
        .build();
    Ok(Client::from_conf(config))
}

async fn create_one(client: &Client, table: &str) -> Result<(), String> {
    // API keys are listed by owner.
    let index = (table == CONFIG).then_some(("owner", "pk"));
    let wrong = |error: BuildError| format!("{table}: {error}");
    let request = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema("pk", "sk").map_err(wrong)?));
    let names = ["pk", "sk"].into_iter().chain(index.map(|(owner, _)| owner));
    let attributes: Result<_, _> = names.map(attribute).collect();
    let indexes: Result<Vec<_>, _> = index.into_iter().map(owner_index).collect();
    let indexes = indexes.map_err(wrong)?;
    let request = request
        .set_attribute_definitions(Some(attributes.map_err(wrong)?))
        .set_global_secondary_indexes(Some(indexes).filter(|indexes| !indexes.is_empty()));
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error) if error.code() == Some("ResourceInUseException") => Ok(()),
        Err(error) => Err(format!("{table}: {}", reason(&error))),
    }
}

fn attribute(name: &str) -> Result<AttributeDefinition, BuildError> {
    let attribute = AttributeDefinition::builder().attribute_name(name);
    attribute.attribute_type(ScalarAttributeType::S).build()
}

fn key_schema(partition: &str, sort: &str) -> Result<Vec<KeySchemaElement>, BuildError> {
    let keys = [(partition, KeyType::Hash), (sort, KeyType::Range)].map(|(name, key_type)| {
        let key = KeySchemaElement::builder().attribute_name(name);
        key.key_type(key_type).build()
    });
    keys.into_iter().collect()
}

fn owner_index((partition, sort): (&str, &str)) -> Result<GlobalSecondaryIndex, BuildError> {
    let every_attribute = Projection::builder().projection_type(ProjectionType::All).build();
    GlobalSecondaryIndex::builder()
        .index_name(OWNER_INDEX)
        .set_key_schema(Some(key_schema(partition, sort)?))
        .projection(every_attribute)
        .build()
}

async fn enable_ttl(client: &Client, table: &str) -> Result<(), String> {
    let ttl = TimeToLiveSpecification::builder()
        .attribute_name("ttl")
        .enabled(true)
        .build();
    let ttl = ttl.map_err(|error| format!("{table}: {error}"))?;
    match client
        .update_time_to_live()
        .table_name(table)
        .time_to_live_specification(ttl)
        .send()
        .await
    {
        Ok(_) => Ok(()),
        // It is on already.
        Err(error) if error.code() == Some("ValidationException") => Ok(()),
        Err(error) => Err(format!("{table}: {}", reason(&error))),
    }
}

/// What the engine said, or else the innermost cause, such as a refused connection.
fn reason<E, R>(error: &SdkError<E, R>) -> String
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug + 'static,
{
    if let (Some(code), Some(message)) = (error.code(), error.message()) {
        return format!("{code}: {message}");
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
