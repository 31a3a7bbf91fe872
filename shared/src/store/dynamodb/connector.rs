//! How the SDK's requests are sent: by the client that calls upstreams, which waits a turn of the runtime before each call (see
//! docs/decisions/0006-frozen-connections.md) and never sends a `POST` twice. A client of the SDK's own would bring a second
//! HTTP stack into the function, HTTP/2 and all.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

use bytes::Bytes;

use crate::upstream::client::{CallError, CallLimits, HttpClient};
use crate::upstream::hyper_client::HyperClient;

/// Where the SDK says nothing: it keeps its own time.
const AT_MOST: Duration = Duration::from_secs(60);

/// The largest answer that DynamoDB gives, with room for its JSON: a batch of 16 MB.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// The SDK's HTTP client.
pub(super) fn sending_by(client: HyperClient) -> SharedHttpClient {
    let client: Arc<dyn HttpClient> = Arc::new(client);
    http_client_fn(move |settings, _| {
        SharedHttpConnector::new(Connector {
            client: Arc::clone(&client),
            limits: CallLimits {
                connect_timeout: settings.connect_timeout().unwrap_or(AT_MOST),
                timeout: settings.read_timeout().unwrap_or(AT_MOST),
                max_body: MAX_ANSWER,
            },
        })
    })
}

#[derive(Debug)]
struct Connector {
    client: Arc<dyn HttpClient>,
    limits: CallLimits,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (client, limits) = (Arc::clone(&self.client), self.limits);
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?;
            // Nothing here is streamed: each body is a JSON text in memory.
            let request = request.map(|body| Bytes::copy_from_slice(body.bytes().unwrap_or_default()));
            let answer = client.send(request, limits).await.map_err(failed)?;
            HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|error| ConnectorError::user(error.into()))
        })
    }
}

/// The SDK's word for it, with ours as its source.
fn failed(error: CallError) -> ConnectorError {
    match error {
        CallError::Timeout(_) => ConnectorError::timeout(error.into()),
        CallError::Connect(_) | CallError::Broken(_) | CallError::TooLarge(_) => ConnectorError::io(error.into()),
    }
}
