//! Where the tables are and who asks: read from the environment that Lambda gives every function.

use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_dynamodb::config::Credentials;
use url::Url;

use crate::store::TableKind;

/// Everything the client needs. `Debug` shows no secret: the credentials redact themselves.
#[derive(Clone, Debug)]
pub struct DynamoDbSettings {
    pub(super) quota_table: Option<String>,
    pub(super) config_table: Option<String>,
    pub(super) state_table: Option<String>,
    pub(super) region: String,
    /// `None`: the region's own endpoint.
    pub(super) endpoint: Option<String>,
    pub(super) credentials: Credentials,
    /// PEM file with further trust roots.
    pub(super) ca_bundle: Option<PathBuf>,
    pub(super) connect_timeout: Duration,
    pub(super) attempt_timeout: Duration,
}

/// Opening a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(100);

/// One call, from opening the connection to the last byte of the answer.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(150);

impl DynamoDbSettings {
    /// Reads the variables below; an empty one counts as unset. Opens no file and no connection.
    ///
    /// `QUOTA_TABLE`, `CONFIG_TABLE` and `STATE_TABLE`, of which those in `needed` must be set; `AWS_REGION`, else
    /// `AWS_DEFAULT_REGION`; `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, and `AWS_SESSION_TOKEN` where there is one
    /// (Lambda always sets these: "Using Lambda environment variables" in the Lambda developer guide);
    /// `AWS_ENDPOINT_URL_DYNAMODB`, else `AWS_ENDPOINT_URL`; `AWS_CA_BUNDLE`.
    ///
    /// The error names every variable that is missing or wrong, and never a value but the endpoint's.
    pub fn from_environment(variable: &dyn Fn(&str) -> Option<String>, needed: &[TableKind]) -> Result<Self, String> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let table = |kind: TableKind| set(kind.variable());
        let region = set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION"));
        let key_id = set("AWS_ACCESS_KEY_ID");
        let secret = set("AWS_SECRET_ACCESS_KEY");
        let endpoint = set("AWS_ENDPOINT_URL_DYNAMODB").or_else(|| set("AWS_ENDPOINT_URL"));

        let no_table = needed.iter().filter(|kind| table(**kind).is_none());
        let no_table =
            no_table.map(|kind| format!("{} is not set (the table that holds {})", kind.variable(), kind.holds()));
        let others = [
            (
                region.is_some(),
                "AWS_REGION is not set (the tables' region, such as eu-central-1)",
            ),
            (key_id.is_some(), "AWS_ACCESS_KEY_ID is not set"),
            (secret.is_some(), "AWS_SECRET_ACCESS_KEY is not set"),
        ];
        let missing = others.iter().filter(|(is_set, _)| !is_set);
        let mut mistakes: Vec<String> = no_table.chain(missing.map(|(_, text)| (*text).to_owned())).collect();
        mistakes.extend(endpoint.as_deref().and_then(endpoint_mistake));

        match (region, key_id, secret) {
            (Some(region), Some(key_id), Some(secret)) if mistakes.is_empty() => Ok(Self {
                quota_table: table(TableKind::Quota),
                config_table: table(TableKind::Config),
                state_table: table(TableKind::State),
                region,
                endpoint,
                credentials: Credentials::new(key_id, secret, set("AWS_SESSION_TOKEN"), None, "environment"),
                ca_bundle: set("AWS_CA_BUNDLE").map(PathBuf::from),
                connect_timeout: CONNECT_TIMEOUT,
                attempt_timeout: ATTEMPT_TIMEOUT,
            }),
            _ => Err(format!("the tables are in DynamoDB, but {}", mistakes.join("; "))),
        }
    }

    /// The name of a table, where it is set.
    pub fn table(&self, kind: TableKind) -> Option<&str> {
        let table = match kind {
            TableKind::Quota => &self.quota_table,
            TableKind::Config => &self.config_table,
            TableKind::State => &self.state_table,
        };
        table.as_deref()
    }

    /// Waits longer than a gateway may (100 ms for a connection, 150 ms for a call): for tools and test suites that
    /// talk to a table far away or on a busy machine.
    pub fn with_timeouts(self, connect: Duration, attempt: Duration) -> Self {
        Self {
            connect_timeout: connect,
            attempt_timeout: attempt,
            ..self
        }
    }
}

fn endpoint_mistake(endpoint: &str) -> Option<String> {
    let right = Url::parse(endpoint).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    (!right).then(|| format!("AWS_ENDPOINT_URL_DYNAMODB is not an http or https URL: {endpoint:?}"))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    const COMPLETE: [(&str, &str); 5] = [
        ("QUOTA_TABLE", "quota"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "very-secret-key"),
        ("AWS_SESSION_TOKEN", "very-secret-token"),
    ];

    fn read(changes: &[(&str, &str)]) -> Result<DynamoDbSettings, String> {
        DynamoDbSettings::from_environment(
            &|name| {
                let find = |list: &[(&str, &str)]| list.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
                find(changes).or_else(|| find(&COMPLETE))
            },
            &[TableKind::Quota],
        )
    }

    #[test]
    fn what_lambda_sets_is_enough() {
        let settings = read(&[]).unwrap();
        assert_eq!(
            (settings.quota_table.as_deref(), &*settings.region),
            (Some("quota"), "eu-central-1")
        );
        assert_eq!((settings.config_table, settings.state_table), (None, None));
        assert_eq!(settings.endpoint, None);
        assert_eq!(settings.ca_bundle, None);
        assert_eq!(settings.credentials.access_key_id(), "AKIDEXAMPLE");
        assert_eq!(settings.credentials.secret_access_key(), "very-secret-key");
        assert_eq!(settings.credentials.session_token(), Some("very-secret-token"));
    }

    #[test]
    fn further_tables_are_there_when_they_are_named() {
        let settings = read(&[("CONFIG_TABLE", "config"), ("STATE_TABLE", "")]).unwrap();
        assert_eq!(settings.config_table.as_deref(), Some("config"));
        assert_eq!(settings.state_table, None);
        // An authorizer counts nothing.
        let variable = |name: &str| {
            COMPLETE[1..]
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| (*v).to_owned())
        };
        let settings = DynamoDbSettings::from_environment(&variable, &[]).unwrap();
        assert_eq!(settings.quota_table, None);
    }

    #[test]
    fn the_more_special_variable_wins_and_the_general_one_stands_in() {
        let general = [
            ("AWS_ENDPOINT_URL", "http://general:1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ];
        let settings = read(&general).unwrap();
        assert_eq!(settings.endpoint.as_deref(), Some("http://general:1"));
        assert_eq!(settings.region, "eu-central-1");

        let special = [
            ("AWS_ENDPOINT_URL", "http://general:1"),
            ("AWS_ENDPOINT_URL_DYNAMODB", "http://special:2"),
            ("AWS_REGION", ""),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_CA_BUNDLE", "/etc/roots.pem"),
        ];
        let settings = read(&special).unwrap();
        assert_eq!(settings.endpoint.as_deref(), Some("http://special:2"));
        assert_eq!(settings.region, "us-east-1");
        assert_eq!(settings.ca_bundle, Some(PathBuf::from("/etc/roots.pem")));
    }

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let error = DynamoDbSettings::from_environment(&|_| None, &[TableKind::Quota, TableKind::State]).unwrap_err();
        assert_snapshot!(error, @"the tables are in DynamoDB, but QUOTA_TABLE is not set (the table that holds the counters); STATE_TABLE is not set (the table that holds the sessions and answers that are kept); AWS_REGION is not set (the tables' region, such as eu-central-1); AWS_ACCESS_KEY_ID is not set; AWS_SECRET_ACCESS_KEY is not set");
        let error = read(&[("QUOTA_TABLE", ""), ("AWS_ENDPOINT_URL", "dynamodb.local:8000")]).unwrap_err();
        assert_snapshot!(error, @r#"the tables are in DynamoDB, but QUOTA_TABLE is not set (the table that holds the counters); AWS_ENDPOINT_URL_DYNAMODB is not an http or https URL: "dynamodb.local:8000""#);
    }

    #[test]
    fn hostile_endpoints_are_refused() {
        for endpoint in [
            "ftp://x",
            "http://",
            "not a url",
            "file:///etc/passwd",
            "//x",
            "data:,x",
        ] {
            let error = read(&[("AWS_ENDPOINT_URL_DYNAMODB", endpoint)]).unwrap_err();
            assert!(error.contains(&format!("{endpoint:?}")), "{error}");
        }
    }

    #[test]
    fn debug_output_and_messages_hold_no_secret() {
        let shown = format!("{:?}", read(&[]).unwrap());
        assert!(!shown.contains("very-secret"), "{shown}");
        let error = read(&[("QUOTA_TABLE", "")]).unwrap_err();
        assert!(!error.contains("very-secret"), "{error}");
    }
}
