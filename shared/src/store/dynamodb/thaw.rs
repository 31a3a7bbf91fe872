//! Sends each call only after the runtime has heard which kept connections were closed while the function was frozen;
//! see docs/decisions/0006-frozen-connections.md.

use aws_sdk_dynamodb::config::{HttpClient, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// The same client, one turn of the runtime later. As late as can be: the request is written and signed by then, so
/// that what closes meanwhile is heard of as well.
///
/// The client's own validation is left out. It builds a connector, trust roots and all, and throws it away.
pub(super) fn after_a_turn(client: SharedHttpClient) -> SharedHttpClient {
    http_client_fn(move |settings, components| {
        SharedHttpConnector::new(AfterATurn(client.http_connector(settings, components)))
    })
}

#[derive(Debug)]
struct AfterATurn(SharedHttpConnector);

impl HttpConnector for AfterATurn {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.0.clone();
        HttpConnectorFuture::new(async move {
            tokio::task::yield_now().await;
            connector.call(request).await
        })
    }
}
