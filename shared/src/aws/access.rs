//! Who asks, and where: read from the environment that Lambda gives every function.

use aws_sdk_dynamodb::config::Credentials;
use url::Url;

use super::Service;

/// Credentials, their region, and the endpoints of it. `Debug` shows no secret: the credentials redact themselves.
#[derive(Clone, Debug)]
pub struct Access {
    /// Such as `eu-central-1`.
    pub region: String,
    /// Those of the function's role.
    pub credentials: Credentials,
    parameter_store: Endpoint,
    s3: Endpoint,
    secrets_manager: Endpoint,
}

/// Where a service is called.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) url: Url,
    /// Whether it is another than the region's own: for tests, and for networks with names of their own.
    pub(super) is_given: bool,
}

/// `None` where it is not set, or empty.
type Set<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Access {
    /// Reads `AWS_REGION`, else `AWS_DEFAULT_REGION`; `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, and `AWS_SESSION_TOKEN`
    /// where there is one (Lambda always sets these: "Using Lambda environment variables" in the Lambda developer guide);
    /// `AWS_ENDPOINT_URL_SSM`, `AWS_ENDPOINT_URL_S3` and `AWS_ENDPOINT_URL_SECRETS_MANAGER`, else `AWS_ENDPOINT_URL`. An
    /// empty one counts as unset.
    ///
    /// # Errors
    /// Every variable that is missing or wrong, each ready to be shown; never a value but an endpoint's.
    pub fn from_environment(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        let set: Set<'_> = &|name| variable(name).filter(|value| !value.is_empty());
        let mut mistakes = Vec::new();
        let mut needed = |value: Option<String>, missing: &str| {
            if value.is_none() {
                mistakes.push(missing.to_owned());
            }
            value
        };
        let region = needed(
            set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION")),
            "AWS_REGION is not set (such as eu-central-1)",
        );
        let key_id = needed(set("AWS_ACCESS_KEY_ID"), "AWS_ACCESS_KEY_ID is not set");
        let secret = needed(set("AWS_SECRET_ACCESS_KEY"), "AWS_SECRET_ACCESS_KEY is not set");
        let (Some(region), Some(key_id), Some(secret)) = (region, key_id, secret) else {
            return Err(mistakes);
        };
        let endpoint = |service| Endpoint::of(service, &region, set).map_err(|mistake| vec![mistake]);
        Ok(Self {
            credentials: Credentials::new(key_id, secret, set("AWS_SESSION_TOKEN"), None, "environment"),
            parameter_store: endpoint(Service::ParameterStore)?,
            s3: endpoint(Service::S3)?,
            secrets_manager: endpoint(Service::SecretsManager)?,
            region,
        })
    }

    pub(super) fn endpoint(&self, service: Service) -> &Endpoint {
        match service {
            Service::ParameterStore => &self.parameter_store,
            Service::S3 => &self.s3,
            Service::SecretsManager => &self.secrets_manager,
        }
    }
}

impl Endpoint {
    fn of(service: Service, region: &str, set: Set<'_>) -> Result<Self, String> {
        let variables = [service.endpoint_variable(), "AWS_ENDPOINT_URL"];
        let given = variables.into_iter().find_map(|name| Some((name, set(name)?)));
        let (url, is_given) = match &given {
            Some((name, text)) => {
                let url = Url::parse(text).ok().filter(is_of_http);
                (
                    url.ok_or_else(|| format!("{name} is not an http or https URL: {text:?}"))?,
                    true,
                )
            }
            None => {
                let host = format!("{}.{region}.{}", service.signing_name(), domain(region));
                let url = Url::parse(&format!("https://{host}/"));
                (url.map_err(|_| format!("AWS_REGION is no region: {region:?}"))?, false)
            }
        };
        Ok(Self { url, is_given })
    }
}

fn is_of_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

/// Below which the services of a region's partition are (AWS General Reference, "Service endpoints").
fn domain(region: &str) -> &'static str {
    match region.starts_with("cn-") {
        true => "amazonaws.com.cn",
        false => "amazonaws.com",
    }
}
