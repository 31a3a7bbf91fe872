//! What requests about keys say, and what answers show. Never a hash: whoever reads an answer need not know even that.

use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Number;
use tollgate::api_key::{ApiKey, ApiKeyRecord, KeyState};
use tollgate::clock::Timestamp;
use tollgate::store::dynamodb::{NewApiKey, Revocation, check_label};
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiError, sentence};
use crate::limits::{Limits, LimitsView};

/// The longest lifetime and grace, in seconds: 100 years.
const LONGEST_TIME: u64 = 3_155_760_000;

/// The grace of a rotation that names none, in seconds: a day.
const USUAL_GRACE: u64 = 86_400;

/// The most scopes of a key that is made here.
const MOST_SCOPES: usize = 64;

/// The id of a key: the part between `tg_` and the next `_`.
#[derive(ToSchema)]
#[schema(value_type = String, pattern = "^[0-9A-Za-z]{12}$", example = "0123456789AB")]
#[expect(dead_code, reason = "it documents the parameter that `KeyId` reads")]
pub(super) struct KeyIdText(String);

/// A text without control characters.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(min_length = 1, max_length = 250, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$")]
pub(super) struct Label(pub(super) String);

/// A scope token (RFC 6749 section 3.3).
#[derive(Debug, Deserialize, ToSchema)]
#[schema(
    min_length = 1,
    max_length = 250,
    pattern = "^[!#-\\[\\]-~]+$",
    example = "orders:read"
)]
pub(super) struct Scope(String);

/// What a new key is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    /// Whom it is for; upstreams know the caller by this.
    owner: Label,
    /// The usage plan.
    plan: Option<Label>,
    /// For how many seconds it has the plan, which must be named; without it, for good. Then who shows the key is refused where
    /// plans count.
    #[serde(default, deserialize_with = "whole_number")]
    #[schema(minimum = 1, maximum = 3_155_760_000_u64)]
    plan_expires_in: Option<u64>,
    /// Limits of its own, in the place of a plan's.
    limits: Option<Limits>,
    /// What it may do.
    #[serde(default)]
    #[schema(max_items = 64)]
    scopes: Vec<Scope>,
    /// For how many seconds it holds; without it, until it is revoked.
    #[serde(default, deserialize_with = "whole_number")]
    #[schema(minimum = 1, maximum = 3_155_760_000_u64)]
    expires_in: Option<u64>,
    /// What to call it.
    name: Option<Label>,
}

impl NewKey {
    /// The same for the store, which looks at the rest.
    pub(super) fn at(self, now: Timestamp) -> Result<NewApiKey, ApiError> {
        let scopes = texts(self.scopes)?;
        let limits = self.limits.map(|limits| limits.document("limits")).transpose()?;
        let plan_expires_in = self.plan_expires_in.map(|seconds| end("plan_expires_in", seconds, now));
        let expires_in = self.expires_in.map(|seconds| end("expires_in", seconds, now));
        Ok(NewApiKey {
            owner: self.owner.0,
            plan: self.plan.map(|plan| plan.0),
            plan_expires_at: plan_expires_in.transpose()?,
            limits,
            scopes,
            expires_at: expires_in.transpose()?,
            name: self.name.map(|name| name.0),
        })
    }
}

pub(super) fn texts(scopes: Vec<Scope>) -> Result<Vec<String>, ApiError> {
    if scopes.len() > MOST_SCOPES {
        return Err(invalid(format!("A key has at most {MOST_SCOPES} scopes.")));
    }
    Ok(scopes.into_iter().map(|scope| scope.0).collect())
}

/// A number that JSON Schema calls an integer, `5.0` and `5e1` among them; those over 2^53 may be off by some.
pub(super) fn whole_number<'de, D: Deserializer<'de>>(given: D) -> Result<Option<u64>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(given)? else {
        return Ok(None);
    };
    let as_float = || {
        number
            .as_f64()
            .filter(|float| float.fract() == 0.0 && (0.0..2e19).contains(float))
    };
    // Saturating: what is too large is refused by its bound.
    let whole = number.as_u64().or_else(|| as_float().map(|float| float as u64));
    whole
        .map(Some)
        .ok_or_else(|| D::Error::custom(format!("{number} is no whole number of seconds")))
}

/// When these seconds are over.
pub(super) fn end(member: &str, seconds: u64, now: Timestamp) -> Result<Timestamp, ApiError> {
    match seconds {
        1..=LONGEST_TIME => Ok(now.plus(Duration::from_secs(seconds))),
        _ => Err(invalid(format!("`{member}` is 1 to {LONGEST_TIME} seconds."))),
    }
}

/// How a key is rotated.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    /// For how many seconds the old key stays good; a day if nothing is said. 0 is for one that has leaked.
    #[serde(default, deserialize_with = "whole_number")]
    #[schema(maximum = 3_155_760_000_u64)]
    grace: Option<u64>,
}

impl Rotation {
    pub(super) fn grace(&self) -> Result<u64, ApiError> {
        match self.grace.unwrap_or(USUAL_GRACE) {
            seconds @ 0..=LONGEST_TIME => Ok(seconds),
            _ => Err(invalid(format!("`grace` is 0 to {LONGEST_TIME} seconds."))),
        }
    }
}

fn invalid(why: String) -> ApiError {
    ApiError::Invalid { why }
}

/// Which keys.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListKeys {
    /// Whose.
    #[param(min_length = 1, max_length = 250, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$")]
    owner: String,
    /// How many on a page; 50 if nothing is said.
    #[param(minimum = 1, maximum = 100)]
    pub(super) limit: Option<u64>,
    /// Where the page begins: the last one's `next_cursor`, with the same owner.
    pub(super) cursor: Option<String>,
}

impl ListKeys {
    pub(super) fn owner(&self) -> Result<&str, ApiError> {
        match check_label("owner", &self.owner) {
            Ok(()) => Ok(&self.owner),
            Err(why) => Err(ApiError::BadRequest { why: sentence(&why) }),
        }
    }
}

/// What is kept of a key. Times are epoch seconds.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub struct KeyView {
    /// Its public part.
    #[schema(example = "0123456789AB")]
    id: String,
    /// What it is good for now.
    #[schema(value_type = Status)]
    status: &'static str,
    /// Whom it was given to.
    #[schema(example = "ann")]
    owner: String,
    /// The usage plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    plan: Option<String>,
    /// From then on its plan is over, and who shows the key is refused where plans count; without it, for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    plan_expires_at: Option<u64>,
    /// Limits of its own, in the place of the plan's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    limits: Option<LimitsView>,
    /// What it may do, sorted.
    scopes: Vec<String>,
    /// When it was made. A rotation leaves it.
    created_at: u64,
    /// From then on it is refused; without it, never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    expires_at: Option<u64>,
    /// Until then the key before the last rotation is good, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    previous_until: Option<u64>,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
}

/// What a key is good for.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "it documents the words of `KeyState`")]
enum Status {
    Active,
    Expired,
    Revoked,
}

impl KeyView {
    /// Of this record, at this time.
    pub fn of(record: &ApiKeyRecord, now: Timestamp) -> Self {
        Self {
            id: record.id.clone(),
            status: record.state(now).name(),
            owner: record.owner.clone(),
            plan: record.plan.clone(),
            plan_expires_at: record.plan_expires_at.map(Timestamp::secs),
            limits: record.limits.as_ref().map(LimitsView::of),
            scopes: record.scopes.clone(),
            created_at: record.created_at.secs(),
            expires_at: record.expires_at.map(Timestamp::secs),
            previous_until: record.previous.map(|previous| previous.until.secs()),
            name: record.name.clone(),
        }
    }
}

/// A key that was just made, with its text.
#[derive(Serialize, ToSchema)]
#[schema(as = NewApiKey)]
pub(super) struct NewKeyView {
    /// The key itself. It is kept nowhere, and shown this once.
    #[schema(pattern = "^tg_[0-9A-Za-z]{12}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}$")]
    key: String,
    #[serde(flatten)]
    record: KeyView,
}

impl NewKeyView {
    pub(super) fn of(key: &ApiKey, record: &ApiKeyRecord, now: Timestamp) -> Self {
        Self {
            key: key.secret_text().to_owned(),
            record: KeyView::of(record, now),
        }
    }
}

/// Keys, by id.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKeyPage)]
pub(super) struct KeyPage {
    #[schema(max_items = 100)]
    pub(super) keys: Vec<KeyView>,
    /// The ids of keys whose records cannot be read, if there are any: somebody has to look at each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, max_items = 100)]
    pub(super) unreadable: Vec<String>,
    /// The `cursor` of the next page; without it, this is the last. That page may be empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) next_cursor: Option<String>,
}

/// A key that is refused from now on.
#[derive(Serialize, ToSchema)]
pub(super) struct RevokedKey {
    /// The key's id.
    id: String,
    /// Always `revoked`.
    #[schema(value_type = Status)]
    status: &'static str,
    /// Whether it had been revoked before.
    before: bool,
}

impl RevokedKey {
    pub(super) fn of(id: String, revocation: Revocation) -> Self {
        Self {
            id,
            status: KeyState::Revoked.name(),
            before: revocation == Revocation::Before,
        }
    }
}
