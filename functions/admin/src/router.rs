//! Paths to handlers. What they take and give stands beside each, and the OpenAPI document is made of it.

use std::sync::{Arc, Mutex, PoisonError};

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

/// What a request is about, for the record: noted before the table is asked, and kept whatever comes of it. Only what has the form of a name: a request may hold anything.
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

/// Where handlers note what a request is about. It is the record's own: it outlives a handler that is given up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes(Arc<Mutex<About>>);

impl Notes {
    /// Adds what is known now.
    pub(crate) fn note(&self, note: impl FnOnce(&mut About)) {
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What is known so far.
    pub(crate) fn about(&self) -> About {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn note_route(path: MatchedPath, parameters: RawPathParams, request: Request, next: Next) -> Response {
    let parameter = |wanted: &str, is_one: fn(&str) -> bool| {
        let found = parameters.iter().find(|(name, value)| *name == wanted && is_one(value));
        found.map(|(_, value)| value.to_owned())
    };
    if let Some(notes) = request.extensions().get::<Notes>() {
        notes.note(|about| {
            about.route = Some(path.as_str().to_owned());
            about.key_id = parameter("id", ApiKey::is_id);
            about.plan = parameter("name", is_plan_name);
        });
    }
    next.run(request).await
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
