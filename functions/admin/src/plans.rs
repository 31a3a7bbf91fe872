//! `/plans`: what callers may do by the plan they have.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tollgate::limit::PlanRecord;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::cursor;
use crate::error::ApiError;
use crate::input::{JsonBody, PlanName, QueryParameters, page_size};
use crate::limits::{Limits, LimitsView};
use crate::router::AdminState;

/// What cursors of these listings are of.
const LISTING: &str = "plans";

pub(crate) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(list_plans))
        .routes(routes!(set_plan, get_plan, delete_plan))
}

/// The name of a plan in a path. Plans of other names are for the command line: not every front door hands on every
/// character of a path.
#[derive(ToSchema)]
#[schema(value_type = String, pattern = "^[0-9A-Za-z_-][0-9A-Za-z._-]{0,249}$", example = "free")]
#[expect(dead_code, reason = "it documents the parameter that `PlanName` reads")]
struct PlanNameText(String);

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListPlans {
    /// How many on it; 50 if nothing is said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u64>,
    /// Where it begins: the last one's `next_cursor`.
    cursor: Option<String>,
}

/// A plan of the table. Times are epoch seconds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Plan)]
pub struct PlanView {
    /// By this keys and claims know it.
    #[schema(example = "free")]
    name: String,
    /// What it lets through.
    limits: LimitsView,
    /// When it was made.
    created_at: u64,
    /// When it was changed last.
    updated_at: u64,
}

impl PlanView {
    /// Of this record.
    pub fn of(record: &PlanRecord) -> Self {
        Self {
            name: record.name.clone(),
            limits: LimitsView::of(&record.limits),
            created_at: record.created_at.secs(),
            updated_at: record.updated_at.secs(),
        }
    }
}

/// Plans, by name.
#[derive(Serialize, ToSchema)]
struct PlanPage {
    #[schema(max_items = 100)]
    plans: Vec<PlanView>,
    /// The names of plans whose records cannot be read, if there are any: somebody has to look at each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, max_items = 100)]
    unreadable: Vec<String>,
    /// The `cursor` of the next page; without it, this is the last. That page may be empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_cursor: Option<String>,
}

/// List all plans of the table.
///
/// Those of a config are not among them. What was changed a moment ago may not show yet.
#[utoipa::path(
    get,
    path = "/plans",
    tag = "plans",
    params(ListPlans),
    responses((status = 200, description = "A page of them.", body = PlanPage)),
)]
async fn list_plans(
    State(state): State<AdminState>,
    QueryParameters(wanted): QueryParameters<ListPlans>,
) -> Result<Json<PlanPage>, ApiError> {
    let after = wanted.cursor.as_deref().map(|cursor| cursor::read(LISTING, "", cursor));
    let page = state
        .plans
        .list(after.transpose()?.as_deref(), page_size(wanted.limit)?)
        .await?;
    Ok(Json(PlanPage {
        plans: page.records.iter().map(PlanView::of).collect(),
        unreadable: page.unreadable,
        next_cursor: page.next.map(|after| cursor::write(LISTING, "", &after)),
    }))
}

/// Make a plan, or change what it lets through.
///
/// Gateways that know it follow within 30 seconds. A plan of the same name in a gateway's config holds there instead.
#[utoipa::path(
    put,
    path = "/plans/{name}",
    tag = "plans",
    params(("name" = inline(PlanNameText), Path, description = "The plan's name.")),
    request_body = Limits,
    responses(
        (status = 200, description = "The plan as it stands now.", body = PlanView),
        (status = 413, description = "The body is over 64 KiB."),
        (status = 415, description = "The body is no JSON by its own word."),
        (status = 422, description = "The body is JSON, but no limits: the message has every mistake, and of many the first."),
    ),
)]
async fn set_plan(
    State(state): State<AdminState>,
    PlanName(name): PlanName,
    JsonBody(limits): JsonBody<Limits>,
) -> Result<Json<PlanView>, ApiError> {
    let limits = limits.document(&name)?;
    let plan = state.plans.set(&name, limits.text(), state.clock.now()).await?;
    Ok(Json(PlanView::of(&plan)))
}

/// Look at a plan.
#[utoipa::path(
    get,
    path = "/plans/{name}",
    tag = "plans",
    params(("name" = inline(PlanNameText), Path, description = "The plan's name.")),
    responses(
        (status = 200, description = "The plan as it stands now.", body = PlanView),
        (status = 404, description = "The table has no such plan."),
    ),
)]
async fn get_plan(State(state): State<AdminState>, PlanName(name): PlanName) -> Result<Json<PlanView>, ApiError> {
    let plan = state.plans.get(&name).await?.ok_or_else(|| no_such(&name))?;
    Ok(Json(PlanView::of(&plan)))
}

/// Take a plan away.
///
/// Whoever still has it is refused then, within 30 seconds.
#[utoipa::path(
    delete,
    path = "/plans/{name}",
    tag = "plans",
    params(("name" = inline(PlanNameText), Path, description = "The plan's name.")),
    responses(
        (status = 204, description = "It is not there any more."),
        (status = 404, description = "The table has no such plan."),
    ),
)]
async fn delete_plan(State(state): State<AdminState>, PlanName(name): PlanName) -> Result<StatusCode, ApiError> {
    match state.plans.delete(&name).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(no_such(&name)),
    }
}

fn no_such(name: &str) -> ApiError {
    let why = format!("There is no plan {name} in the table.");
    ApiError::NoSuchRecord { why }
}
