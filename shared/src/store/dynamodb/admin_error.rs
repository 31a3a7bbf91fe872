//! What an administrator's call can end in but success.

use crate::base62::NoRandomness;
use crate::store::StoreError;

/// Why a change was not made. The texts are ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// Whoever asks has the id wrong.
    #[error("there is no API key {0}")]
    NoSuchKey(String),
    /// It will never be good again: a new one is needed.
    #[error("API key {0} is revoked; create a new one")]
    Revoked(String),
    /// It is not good now; with a later end it would be.
    #[error("API key {0} has expired; change its end, or create a new one")]
    Expired(String),
    /// Two changed the same key at once, and the other one was first. Nothing was written; trying again may be right.
    #[error("API key {0} was changed by somebody else at the same time; look at it, and try again")]
    Changed(String),
    /// What was asked for cannot be.
    #[error("{0}")]
    Invalid(String),
    /// No secret could be made; trying again may help.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// DynamoDB said no, and would again: no such table, not allowed. Nothing was changed.
    #[error("the store refused the call: {0}")]
    Refused(String),
    /// The table did not do it, or did not say.
    #[error(transparent)]
    Store(#[from] StoreError),
}
