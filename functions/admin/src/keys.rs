//! `/keys`: API keys, made, looked at, changed, rotated and revoked.

mod change;
mod shapes;

use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use tollgate::api_key::ApiKey;
use tollgate::store::dynamodb::AdminError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::cursor;
use crate::error::ApiError;
use crate::input::{JsonBody, KeyId, MergePatch, OptionalJsonBody, QueryParameters, page_size};
use crate::router::{AdminState, Notes};
use change::KeyChange;
pub use shapes::KeyView;
use shapes::{KeyIdText, KeyPage, ListKeys, NewKey, NewKeyView, RevokedKey, Rotation};

/// What cursors of these listings are of.
const LISTING: &str = "keys";

pub(crate) fn routes() -> OpenApiRouter<AdminState> {
    OpenApiRouter::new()
        .routes(routes!(create_key, list_keys))
        .routes(routes!(get_key, change_key))
        .routes(routes!(rotate_key))
        .routes(routes!(revoke_key))
}

/// Make a key.
///
/// The answer has its text, this once: nobody can show it again.
#[utoipa::path(
    post,
    path = "/keys",
    tag = "keys",
    request_body = NewKey,
    responses(
        (status = 201, description = "The key, and what is kept of it.", body = NewKeyView,
            headers(("Location" = String, description = "Where the key is, relative to the request's own URL."))),
        (status = 413, description = "The body is over 64 KiB."),
        (status = 415, description = "The body is no JSON by its own word."),
        (status = 422, description = "The body is JSON, but not that of a key."),
    ),
)]
async fn create_key(
    State(state): State<AdminState>,
    Extension(notes): Extension<Notes>,
    JsonBody(wanted): JsonBody<NewKey>,
) -> Result<Response, ApiError> {
    let now = state.clock.now();
    let key = ApiKey::generate().map_err(AdminError::from)?;
    let record = wanted.at(now)?.record(&key, now)?;
    notes.note(|about| about.key_id = Some(record.id.clone()));
    let (key, record) = state.keys.insert(key, record).await?;
    let location = [(LOCATION, format!("keys/{}", record.id))];
    let body = Json(NewKeyView::of(&key, &record, now));
    Ok((StatusCode::CREATED, location, body).into_response())
}

/// List the keys of an owner.
///
/// Revoked and expired ones too, by id. There is no list of all keys. What was changed a moment ago may not show yet.
#[utoipa::path(
    get,
    path = "/keys",
    tag = "keys",
    params(ListKeys),
    responses((status = 200, description = "A page of them.", body = KeyPage)),
)]
async fn list_keys(
    State(state): State<AdminState>,
    QueryParameters(wanted): QueryParameters<ListKeys>,
) -> Result<Json<KeyPage>, ApiError> {
    let owner = wanted.owner()?;
    let after = wanted
        .cursor
        .as_deref()
        .map(|cursor| cursor::read(LISTING, owner, cursor));
    let after = after.transpose()?;
    let page = state
        .keys
        .list(owner, after.as_deref(), page_size(wanted.limit)?)
        .await?;
    let now = state.clock.now();
    Ok(Json(KeyPage {
        keys: page.records.iter().map(|key| KeyView::of(key, now)).collect(),
        unreadable: page.unreadable,
        next_cursor: page.next.map(|after| cursor::write(LISTING, owner, &after)),
    }))
}

/// Look at a key.
#[utoipa::path(
    get,
    path = "/keys/{id}",
    tag = "keys",
    params(("id" = inline(KeyIdText), Path, description = "The key's id.")),
    responses(
        (status = 200, description = "What is kept of it, as it stands now.", body = KeyView),
        (status = 404, description = "There is no such key."),
    ),
)]
async fn get_key(State(state): State<AdminState>, KeyId(id): KeyId) -> Result<Json<KeyView>, ApiError> {
    let record = state.keys.get(&id).await?;
    let record = record.ok_or(AdminError::NoSuchKey(id))?;
    Ok(Json(KeyView::of(&record, state.clock.now())))
}

/// Change a key in place.
///
/// A JSON merge patch (RFC 7396): what is left out stays, and null takes away; `limits` and `scopes` are replaced as a whole.
/// Owner, id and the key itself never change, and counts go on. Gateways that know the key follow within 30 seconds.
#[utoipa::path(
    patch,
    path = "/keys/{id}",
    tag = "keys",
    params(("id" = inline(KeyIdText), Path, description = "The key's id.")),
    request_body(content((KeyChange = "application/merge-patch+json"), (KeyChange = "application/json"))),
    responses(
        (status = 200, description = "What is kept of it, as it stands now.", body = KeyView),
        (status = 404, description = "There is no such key."),
        (status = 409, description = "It is revoked."),
        (status = 413, description = "The body is over 64 KiB."),
        (status = 415, description = "The body is no JSON by its own word."),
        (status = 422, description = "The body is JSON, but no change of this key."),
    ),
)]
async fn change_key(
    State(state): State<AdminState>,
    KeyId(id): KeyId,
    MergePatch(change): MergePatch<KeyChange>,
) -> Result<Json<KeyView>, ApiError> {
    let now = state.clock.now();
    let record = state.keys.change(&id, change.at(now)?, now).await?;
    Ok(Json(KeyView::of(&record, now)))
}

/// Put a new key in the place of the old one.
///
/// Id, owner and plan stay, and with them every counter. The old key stays good for the grace; what an earlier rotation
/// left is refused from now on.
#[utoipa::path(
    post,
    path = "/keys/{id}/rotate",
    tag = "keys",
    params(("id" = inline(KeyIdText), Path, description = "The key's id; the new key has the same.")),
    request_body = Option<Rotation>,
    responses(
        (status = 200, description = "The new key, and what is kept of it.", body = NewKeyView),
        (status = 404, description = "There is no such key."),
        (status = 409, description = "It is revoked, has expired, or was changed at the same time."),
        (status = 413, description = "The body is over 64 KiB."),
        (status = 415, description = "The body is no JSON by its own word."),
        (status = 422, description = "The body is JSON, but says no grace."),
    ),
)]
async fn rotate_key(
    State(state): State<AdminState>,
    KeyId(id): KeyId,
    OptionalJsonBody(rotation): OptionalJsonBody<Rotation>,
) -> Result<Json<NewKeyView>, ApiError> {
    let now = state.clock.now();
    let grace = Duration::from_secs(rotation.grace()?);
    let (key, record) = state.keys.rotate(&id, grace, now).await?;
    Ok(Json(NewKeyView::of(&key, &record, now)))
}

/// Take a key back for good.
///
/// Gateways that know it refuse it within 30 seconds. Doing it again does no harm.
#[utoipa::path(
    post,
    path = "/keys/{id}/revoke",
    tag = "keys",
    params(("id" = inline(KeyIdText), Path, description = "The key's id.")),
    responses(
        (status = 200, description = "It is revoked.", body = RevokedKey),
        (status = 404, description = "There is no such key."),
    ),
)]
async fn revoke_key(State(state): State<AdminState>, KeyId(id): KeyId) -> Result<Json<RevokedKey>, ApiError> {
    let revocation = state.keys.revoke(&id).await?;
    Ok(Json(RevokedKey::of(id, revocation)))
}
