//! Where the tables are that a command changes: an engine on this machine, or AWS when it is asked for.

use std::fmt;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_dynamodb::Client;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use http::Uri;
use tollgate::store::StoreError;
use tollgate::store::dynamodb::AdminError;

use crate::args::{DEFAULT_ENGINE, PlaceOptions};
use crate::dev::dynamodb::named_endpoint;
use crate::dev::tables;
use crate::exit::Failure;

/// The longest one attempt of a call may take on AWS.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// A table, and a client that reaches it.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) client: Client,
    pub(crate) table: String,
    engine: Engine,
}

#[derive(Debug, PartialEq, Eq)]
enum Engine {
    /// At this URL.
    Local(String),
    /// In this region.
    Aws(String),
}

impl Place {
    /// The table that the options name; `local` is what `tollgate dev` calls it, `variable` what a deployment does.
    pub(crate) async fn of(
        options: &PlaceOptions,
        table: Option<String>,
        local: &str,
        variable: &str,
    ) -> Result<Self, Failure> {
        let table = table.filter(|table| !table.is_empty());
        if options.aws {
            let table = table.ok_or_else(|| {
                Failure::usage(format!(
                    "--aws needs the table: --table NAME, or {variable} (an output of the stack has it)"
                ))
            })?;
            return Self::on_aws(table).await;
        }
        let given = options.endpoint_url.clone().or_else(named_endpoint);
        let endpoint = given.unwrap_or_else(|| DEFAULT_ENGINE.to_owned());
        if !is_http_url(&endpoint) {
            return Err(Failure::usage(format!(
                "--endpoint-url: {endpoint:?} is no http or https URL"
            )));
        }
        Ok(Self {
            client: tables::client(&endpoint).map_err(Failure::usage)?,
            table: table.unwrap_or_else(|| local.to_owned()),
            engine: Engine::Local(endpoint),
        })
    }

    async fn on_aws(table: String) -> Result<Self, Failure> {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let config = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .timeout_config(timeouts)
            .load()
            .await;
        let region = config.region().map(ToString::to_string);
        let region =
            region.ok_or_else(|| Failure::usage("--aws needs a region: set AWS_REGION, or one in the profile"))?;
        let credentials = config.credentials_provider();
        let credentials = credentials.ok_or_else(|| Failure::internal("the AWS SDK looks for no credentials"))?;
        // Asked for here, because a call without any would only say that it could not be signed.
        credentials.provide_credentials().await.map_err(no_credentials)?;
        Ok(Self {
            client: Client::new(&config),
            table,
            engine: Engine::Aws(region),
        })
    }

    /// What a change that was not made means for whoever asked for it.
    pub(crate) fn failure(&self, error: &AdminError) -> Failure {
        match error {
            AdminError::Refused(_)
            | AdminError::Store(
                StoreError::NotApplied(_)
                | StoreError::Throttled { .. }
                | StoreError::Ambiguous(_)
                | StoreError::TimedOut(_),
            ) => Failure::unavailable(format!("{error}{}", self.hint())),
            AdminError::Changed(_) => Failure::unavailable(error.to_string()),
            AdminError::NoRandomness(_) => Failure::internal(error.to_string()),
            _ => Failure::usage(error.to_string()),
        }
    }

    fn hint(&self) -> String {
        match &self.engine {
            Engine::Local(endpoint) => format!(
                "\n`tollgate dev` serves an engine and makes its tables: is it running, at {endpoint}? \
                 --endpoint-url names another place, --aws is AWS"
            ),
            Engine::Aws(_) => String::new(),
        }
    }
}

/// Checked here: the SDK finds out late, and shows the whole request when it does.
fn is_http_url(endpoint: &str) -> bool {
    let url = endpoint.parse::<Uri>();
    url.is_ok_and(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some())
}

/// The chain of causes: which of the many places was looked at last, and what was wrong there.
fn no_credentials(error: aws_credential_types::provider::error::CredentialsError) -> Failure {
    let error: &dyn std::error::Error = &error;
    let causes = std::iter::successors(Some(error), |error| error.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    Failure::unavailable(format!(
        "--aws found no credentials: {}\nSet AWS_PROFILE or the variables with keys; for a login through SSO: \
         eval \"$(aws configure export-credentials --format env)\"",
        causes.join(": ")
    ))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.engine {
            Engine::Local(endpoint) => write!(f, "table {} at {endpoint}", self.table),
            Engine::Aws(region) => write!(f, "table {} on AWS, {region}", self.table),
        }
    }
}
