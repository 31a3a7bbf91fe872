//! Paths to handlers. What they take and give stands beside each, and the OpenAPI document is made of it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, RawPathParams, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use tollgate::api_key::ApiKey;
use tollgate::clock::Clock;
use tollgate::limit::Subject;
use tollgate::store::dynamodb::{ApiKeys, Counters, Plans};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::document;
use crate::error::ApiError;
use crate::input::{LARGEST_BODY, is_plan_name};
use crate::{keys, plans, usage};

/// What handlers work on. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AdminState {
    /// The API keys of the config table.
    pub keys: ApiKeys,
    /// Its plans.
    pub plans: Plans,
    /// The counters of the quota table.
    pub counters: Counters,
    /// For expiry and grace.
    pub clock: Arc<dyn Clock>,
}

/// What an answer was about, for the record. Only what has the form of a name: a request may hold anything.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    /// The route's path, such as `/keys/{id}`: never the request's own, which may hold a whole key.
    pub(crate) route: Option<String>,
    /// The id of the key.
    pub(crate) key_id: Option<String>,
    /// The name of the plan.
    pub(crate) plan: Option<String>,
    /// Whose counters, as the gateway's own records name whom they count.
    pub(crate) subject: Option<Subject>,
}

/// Every route, with its part of the document.
pub(crate) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::with_openapi(document::head())
        .merge(keys::routes())
        .merge(plans::routes())
        .merge(usage::routes())
        .routes(routes!(openapi))
}

/// The API, for requests of callers that may use it. Errors carry an [`ApiError`] among their extensions, and no body yet.
pub fn router(state: AdminState) -> Router {
    let (router, _) = routes().split_for_parts();
    router
        .route_layer(from_fn(note_route))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .with_state(state)
}

async fn note_route(path: MatchedPath, parameters: RawPathParams, request: Request, next: Next) -> Response {
    let parameter = |wanted: &str, is_one: fn(&str) -> bool| {
        let found = parameters.iter().find(|(name, value)| *name == wanted && is_one(value));
        found.map(|(_, value)| value.to_owned())
    };
    let mut about = About {
        route: Some(path.as_str().to_owned()),
        key_id: parameter("id", ApiKey::is_id),
        plan: parameter("name", is_plan_name),
        subject: None,
    };
    let mut response = next.run(request).await;
    if let Some(made) = response.extensions_mut().remove::<About>() {
        about.key_id = about.key_id.or(made.key_id);
        about.subject = made.subject;
    }
    response.extensions_mut().insert(about);
    response
}

/// This API, as an OpenAPI document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "document",
    responses((status = 200, description = "The document.", body = Object)),
)]
async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], document::bytes()).into_response()
}
