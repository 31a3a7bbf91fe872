//! `/usage`: what was counted of a caller, looked at and taken back to nothing.

use axum::Json;
use axum::extract::{Extension, FromRequestParts, State};
use http::request::Parts;
use serde::Serialize;
use tollgate::limit::{CountedWindow, Counter, KeyValues};
use tollgate::record::bounded;
use tollgate::store::dynamodb::CounterName;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::{ApiError, sentence};
use crate::input::{LONGEST_REASON, query_values};
use crate::router::{AdminState, Notes};

pub(crate) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new().routes(routes!(get_usage, reset_usage))
}

/// A part of what is counted by, with the caller's value in it.
#[derive(ToSchema)]
#[schema(
    value_type = String,
    pattern = "^(api_key=[0-9A-Za-z]{12}|client_ip=[0-9A-Fa-f.:]+|route=.+|user=[^ ]+ .+|header:[!#-'*+.0-9A-Z^_`a-z|~-]+=.+|claim:[^=]+=.+)$",
    example = "api_key=0123456789AB"
)]
#[expect(dead_code, reason = "it documents the parameters that `Whose` reads")]
struct PartText(String);

/// Whose usage.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it documents the parameters that `Whose` reads")]
struct WhoseParameters {
    /// A part of what is counted by, as `key` in a gateway's config has it, and the caller's value in it:
    /// `api_key=ID`, `user=ISSUER SUB`, `client_ip=ADDRESS`, `route=ID`, `header:NAME=VALUE`, `claim:NAME=VALUE`. One for each
    /// part, in the config's order. Where a caller's credential names no issuer, the method's name in the config stands in its
    /// place, or its type if it has none.
    #[param(inline, min_items = 1, max_items = 8)]
    part: Vec<PartText>,
}

/// Whose usage, from the query.
struct Whose(KeyValues);

impl<S: Send + Sync> FromRequestParts<S> for Whose {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let given = query_values(parts, "part")?;
        match KeyValues::parse(given.iter().map(|part| &**part)) {
            Ok(values) => Ok(Self(values)),
            Err(why) => Err(ApiError::BadRequest {
                why: sentence(&format!("`part`: {}", bounded(&why, LONGEST_REASON))),
            }),
        }
    }
}

/// What was counted of somebody, by one rule set. What it lets through is in the gateway's config, or in the plan.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Counter)]
pub struct CounterView {
    /// What is counted by: the parts of the key; `plan` for whoever has a plan.
    #[schema(example = "plan")]
    by: String,
    /// Which rule set: `shared` (the default), `plan`, an override's path, or a route's id.
    #[schema(example = "plan")]
    rule: String,
    /// What was counted in the windows of now, the shortest first.
    windows: Vec<WindowView>,
    /// Epoch second when the last of its buckets is full again; without it, all are, or there is no rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    full_at: Option<u64>,
}

/// What was counted in a window.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Window)]
struct WindowView {
    /// Of which quota.
    #[schema(value_type = PeriodName)]
    per: &'static str,
    /// How much, in units of cost.
    used: u64,
    /// Epoch second when it is over.
    reset: u64,
}

/// What a quota is for.
#[derive(ToSchema)]
#[schema(as = Period, rename_all = "lowercase")]
#[expect(dead_code, reason = "it documents the words of `Period`")]
enum PeriodName {
    Minute,
    Hour,
    Day,
    Month,
}

impl CounterView {
    /// Of this counter.
    pub fn of(counter: &Counter) -> Self {
        let window = |window: &CountedWindow| WindowView {
            per: window.per.as_str(),
            used: window.used,
            reset: window.end.secs(),
        };
        Self {
            by: counter.by.clone(),
            rule: counter.rule.clone(),
            windows: counter.windows.iter().map(window).collect(),
            full_at: counter.full_at.map(|full_at| full_at.micros().div_ceil(1_000_000)),
        }
    }
}

/// All that was counted of somebody.
#[derive(Serialize, ToSchema)]
struct Usage {
    counters: Vec<CounterView>,
    /// Counters that cannot be read, if there are any: somebody has to look at each, or reset them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    unreadable: Vec<CounterNameView>,
}

/// Which of somebody's counters.
#[derive(Serialize, ToSchema)]
#[schema(as = CounterName)]
struct CounterNameView {
    /// What is counted by.
    #[schema(example = "plan")]
    by: String,
    /// Which rule set.
    #[schema(example = "plan")]
    rule: String,
}

impl From<CounterName> for CounterNameView {
    fn from(CounterName { by, rule }: CounterName) -> Self {
        Self { by, rule }
    }
}

/// What was taken back to nothing.
#[derive(Serialize, ToSchema)]
struct Reset {
    /// How many counters.
    counters: usize,
}

/// Look at what was counted of a caller.
///
/// By each rule set that counts by this key; of an API key alone, or a user alone, also what their plan counts. What
/// environments hold of leases counts as used.
#[utoipa::path(
    get,
    path = "/usage",
    tag = "usage",
    params(WhoseParameters),
    responses((status = 200, description = "What was counted; nothing of a caller that never came.", body = Usage)),
)]
async fn get_usage(State(state): State<AdminState>, Whose(values): Whose) -> Result<Json<Usage>, ApiError> {
    let counted = state.counters.of(&values, state.clock.now()).await?;
    Ok(Json(Usage {
        counters: counted.counters.iter().map(CounterView::of).collect(),
        unreadable: counted.unreadable.into_iter().map(CounterNameView::from).collect(),
    }))
}

/// Take all of it back to nothing.
///
/// Gateways may refuse by what they remember for 30 seconds more.
#[utoipa::path(
    delete,
    path = "/usage",
    tag = "usage",
    params(WhoseParameters),
    responses((status = 200, description = "It is, whether it could be read or not.", body = Reset)),
)]
async fn reset_usage(
    State(state): State<AdminState>,
    Extension(notes): Extension<Notes>,
    Whose(values): Whose,
) -> Result<Json<Reset>, ApiError> {
    notes.note(|about| about.subject = Some(values.subject()));
    let counters = state.counters.reset(&values).await?;
    Ok(Json(Reset { counters }))
}
