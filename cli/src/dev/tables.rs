//! Makes the gateway's three tables, with the official SDK.

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TimeToLiveSpecification,
};
use aws_smithy_http_client::tls;
use std::path::Path;
use std::time::Duration;
use tollgate::store::dynamodb::read_ca_bundle;

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

fn client(endpoint: &str) -> Result<Client, String> {
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
    let mut request = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest);
    for (name, key_type) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let attribute = AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S)
            .build();
        let key = KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(key_type)
            .build();
        let built = |error: &dyn std::error::Error| format!("{table}: {error}");
        request = request
            .attribute_definitions(attribute.map_err(|error| built(&error))?)
            .key_schema(key.map_err(|error| built(&error))?);
    }
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error) if error.code() == Some("ResourceInUseException") => Ok(()),
        Err(error) => Err(format!("{table}: {}", reason(&error))),
    }
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
