//! The calls of AWS services that a config is read by, as signed HTTP. An SDK crate for each would cost more than the whole
//! rest of them: `docs/decisions/0035-aws-by-signed-http.md`.

mod access;
mod objects;
mod parameters;
mod secrets;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderName, HeaderValue, Method, Request, Response};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::clock::Clock;
use crate::upstream::client::{CallError, CallLimits, HttpClient};

pub use access::Access;
pub use objects::{Object, ObjectPlace};
pub use parameters::Parameter;

const X_AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// What a call may cost. A function has ten seconds to start (Lambda developer guide, "Lambda runtime environment
/// lifecycle").
const LIMITS: CallLimits = CallLimits {
    connect_timeout: Duration::from_secs(1),
    timeout: Duration::from_secs(3),
    // A whole document, escaped in JSON.
    max_body: 8 * 1024 * 1024,
};

/// A service that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    ParameterStore,
    S3,
    SecretsManager,
}

/// Why there is no answer. The texts hold no credential and nothing of what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AwsError {
    /// No answer at all.
    #[error("{0} cannot be reached: {1}")]
    Unreachable(String, CallError),
    /// An answer that says no.
    #[error("{host} answers {status} {code}{}", .message.as_ref().map(|text| format!(": {text}")).unwrap_or_default())]
    Refused {
        /// Who says so.
        host: String,
        /// Its HTTP status.
        status: u16,
        /// Its own word for it, such as `ParameterNotFound`.
        code: String,
        /// More of it.
        message: Option<String>,
    },
    /// An answer that cannot be read.
    #[error("{0}")]
    Unreadable(String),
}

/// Calls AWS with the credentials that Lambda gives every function.
#[derive(Clone, Debug)]
pub struct AwsClient {
    access: Access,
    client: Arc<dyn HttpClient>,
    clock: Arc<dyn Clock>,
}

impl Service {
    /// By which a signature is for it and no other.
    fn signing_name(self) -> &'static str {
        match self {
            Self::ParameterStore => "ssm",
            Self::S3 => "s3",
            Self::SecretsManager => "secretsmanager",
        }
    }

    /// The variable that names another endpoint (AWS SDKs and Tools Reference Guide, "Service-specific endpoints").
    fn endpoint_variable(self) -> &'static str {
        match self {
            Self::ParameterStore => "AWS_ENDPOINT_URL_SSM",
            Self::S3 => "AWS_ENDPOINT_URL_S3",
            Self::SecretsManager => "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        }
    }

    /// S3 wants its paths signed as they are, and the hash of the body said; the others neither.
    fn settings(self) -> SigningSettings {
        let mut settings = SigningSettings::default();
        if self == Self::S3 {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        settings
    }
}

impl AwsClient {
    /// That calls by `client`. AWS takes no signature whose time is more than five minutes off.
    pub fn new(access: Access, client: Arc<dyn HttpClient>, clock: Arc<dyn Clock>) -> Self {
        Self { access, client, clock }
    }

    /// Calls an operation of a service that speaks JSON 1.1.
    async fn json(&self, service: Service, target: &'static str, input: &Value) -> Result<Bytes, AwsError> {
        let mut request = Request::new(Bytes::from(input.to_string()));
        *request.method_mut() = Method::POST;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
        headers.insert(X_AMZ_TARGET, HeaderValue::from_static(target));
        let url = &self.access.endpoint(service).url;
        let answer = self.send(service, url, request).await?;
        match answer.status().is_success() {
            true => Ok(answer.into_body()),
            false => Err(refused_as_json(url, &answer)),
        }
    }

    /// Signs a request and sends it.
    async fn send(
        &self,
        service: Service,
        url: &Url,
        mut request: Request<Bytes>,
    ) -> Result<Response<Bytes>, AwsError> {
        let host = host_of(url);
        let broken = |why: String| AwsError::Unreachable(host.clone(), CallError::Broken(why));
        *request.uri_mut() = url.as_str().parse().map_err(|error| broken(format!("{error}")))?;
        request.headers_mut().insert(
            HOST,
            HeaderValue::from_str(&host).map_err(|error| broken(error.to_string()))?,
        );
        self.sign(service, &mut request).map_err(broken)?;
        let answer = self.client.send(request, LIMITS).await;
        answer.map_err(|error| AwsError::Unreachable(host, error))
    }

    fn sign(&self, service: Service, request: &mut Request<Bytes>) -> Result<(), String> {
        let identity: Identity = self.access.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.access.region)
            .name(service.signing_name())
            .time(UNIX_EPOCH + Duration::from_micros(self.clock.now().micros()))
            .settings(service.settings())
            .build()
            .map_err(|error| error.to_string())?;
        let headers = request.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()));
        let signable = SignableRequest::new(
            request.method().as_str(),
            request.uri().to_string(),
            headers,
            SignableBody::Bytes(request.body()),
        );
        let signable = signable.map_err(|error| error.to_string())?;
        let signed = sign(signable, &parameters.into()).map_err(|error| error.to_string())?;
        signed.into_parts().0.apply_to_request_http1x(request);
        Ok(())
    }
}

/// With its port, where it is none of the scheme's own.
fn host_of(url: &Url) -> String {
    url[url::Position::BeforeHost..url::Position::AfterPort].to_owned()
}

/// What services that speak JSON say when they refuse.
#[derive(Deserialize)]
struct Refusal {
    /// Sometimes with a namespace and a `#` in front.
    #[serde(rename = "__type")]
    kind: Option<String>,
    message: Option<String>,
    /// Spelled so by some, and both ways by others.
    #[serde(rename = "Message")]
    capital: Option<String>,
}

fn refused_as_json(url: &Url, answer: &Response<Bytes>) -> AwsError {
    let refusal: Option<Refusal> = serde_json::from_slice(answer.body()).ok();
    let (kind, message) = refusal.map_or((None, None), |refusal| {
        (refusal.kind, refusal.message.or(refusal.capital))
    });
    let code = kind.map(|kind| kind.rsplit('#').next().unwrap_or_default().to_owned());
    AwsError::Refused {
        host: host_of(url),
        status: answer.status().as_u16(),
        code: code.unwrap_or_default(),
        message,
    }
}
