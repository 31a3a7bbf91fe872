//! Everything that an admin request can end in but success: one map to status, code and message.

use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use tollgate::record::bounded;
use tollgate::store::StoreError;
use tollgate::store::dynamodb::AdminError;

use crate::input::LONGEST_REASON;

/// Why a request was not done. Handlers return it; the body is written where the request's id is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// The request cannot be read: path, query, JSON.
    BadRequest {
        /// A sentence for the client.
        why: String,
    },
    /// The caller is none whom IAM named, or not one of those who may.
    Forbidden {
        /// Which of them, for the log.
        why: String,
    },
    /// No such path.
    NotFound,
    /// No such record.
    NoSuchRecord {
        /// A sentence for the client.
        why: String,
    },
    /// The path does not take this method.
    MethodNotAllowed,
    /// The record's state does not allow it.
    Conflict {
        /// Which state: a code of its own.
        code: &'static str,
        /// A sentence for the client.
        why: String,
    },
    /// The body is over the bound.
    TooLarge,
    /// The body is no JSON by its own word.
    UnsupportedMediaType {
        /// The media types that would do.
        takes: &'static [&'static str],
    },
    /// The request can be read, but what it asks for cannot be.
    Invalid {
        /// A sentence for the client.
        why: String,
    },
    /// A record is not of the shape that is written here: somebody has to look at it.
    Unreadable {
        /// For the log: names table, item and attribute.
        why: String,
    },
    /// The function's own mistake, or its deployment's: a table that is not there, or that its role may not use.
    Internal {
        /// For the log.
        why: String,
    },
    /// The table did not do it.
    StoreUnavailable {
        /// Whether it may have been done nonetheless.
        unclear: bool,
        /// For the log.
        why: String,
    },
}

/// What a request does to the table: by this an answer says what to do when the table did not say what it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effect {
    /// It reads.
    Read,
    /// It writes, and doing it again comes to the same.
    #[default]
    Write,
    /// It makes a key, of which nobody has the text once the answer is lost.
    Creation,
    /// It puts a new key in the place of another one: doing it again ends a key.
    Rotation,
}

impl Effect {
    /// Of this method on this route.
    pub(crate) fn of(method: Option<&Method>, route: Option<&str>) -> Self {
        match (method, route) {
            (Some(&Method::GET | &Method::HEAD), _) => Self::Read,
            (Some(&Method::POST), Some("/keys")) => Self::Creation,
            (_, Some("/keys/{id}/rotate")) => Self::Rotation,
            _ => Self::Write,
        }
    }

    /// When the table gave no clear answer.
    fn unclear(self) -> &'static str {
        match self {
            Self::Read => "The table did not answer as it should. Trying again may help; the log says why.",
            Self::Write => {
                "The table gave no clear answer: a change may have been made, wholly or in part, or not. Look, then try again."
            }
            Self::Creation => {
                "The table gave no clear answer: a key may have been made or not. Nobody has its text: list the keys of \
                 the owner and revoke one that is too many, then try again."
            }
            Self::Rotation => {
                "The table gave no clear answer: the key may have been rotated or not. Before trying again, look at it and \
                 compare `previous_until`: if that is new, the key in use is the previous one, and another rotation ends it."
            }
        }
    }

    /// When the table surely did nothing.
    fn not_done(self) -> &'static str {
        match self {
            Self::Read => self.unclear(),
            _ => "The table did not take the call, and nothing was changed. Trying again may help; the log says why.",
        }
    }
}

impl ApiError {
    /// The status of the answer (RFC 9110 section 15).
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest { .. } => StatusCode::BAD_REQUEST,
            Self::Forbidden { .. } => StatusCode::FORBIDDEN,
            Self::NotFound | Self::NoSuchRecord { .. } => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unreadable { .. } | Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            Self::StoreUnavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The stable code that programs may compare: the `error` member of the body.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadRequest { .. } => "bad_request",
            Self::Forbidden { .. } => "forbidden",
            Self::NotFound => "not_found",
            Self::NoSuchRecord { .. } => "no_such_record",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Conflict { code, .. } => code,
            Self::TooLarge => "payload_too_large",
            Self::UnsupportedMediaType { .. } => "unsupported_media_type",
            Self::Invalid { .. } => "invalid",
            Self::Unreadable { .. } => "unreadable_record",
            Self::Internal { .. } => "internal_error",
            Self::StoreUnavailable { .. } => "store_unavailable",
        }
    }

    /// The `message` member: a sentence for a person.
    pub fn message(&self, effect: Effect) -> String {
        match self {
            Self::BadRequest { why }
            | Self::NoSuchRecord { why }
            | Self::Conflict { why, .. }
            | Self::Invalid { why } => why.clone(),
            Self::Forbidden { .. } => {
                "This API serves AWS principals that IAM lets call it and that its settings name.".into()
            }
            Self::NotFound => "There is nothing at this path; GET /openapi.json says what there is.".into(),
            Self::MethodNotAllowed => {
                "This path does not take this method; the header Allow has those that it takes.".into()
            }
            Self::TooLarge => format!("The body is over {} bytes.", crate::input::LARGEST_BODY),
            Self::UnsupportedMediaType { takes } => {
                format!("The body must be JSON, with `Content-Type: {}`.", takes.join("` or `"))
            }
            Self::Unreadable { .. } => {
                "The record is not of the shape that is written here; the function's log says which and why.".into()
            }
            Self::Internal { .. } => "The admin API failed on this request; its log says why.".into(),
            Self::StoreUnavailable { unclear: true, .. } => effect.unclear().into(),
            Self::StoreUnavailable { unclear: false, .. } => effect.not_done().into(),
        }
    }

    /// The invocation is nearly over, and the table has not answered.
    pub(crate) fn out_of_time() -> Self {
        Self::StoreUnavailable {
            unclear: true,
            why: "the tables did not answer before the invocation's end".into(),
        }
    }

    /// `Retry-After` in whole seconds; `None` where a retry does not help by itself.
    pub fn retry_after(&self) -> Option<u64> {
        matches!(self, Self::StoreUnavailable { .. }).then_some(1)
    }

    /// `Accept-Patch` in the answer to a `PATCH` (RFC 5789 section 2.2): the media types that would do.
    pub fn accept_patch(&self) -> Option<String> {
        match self {
            Self::UnsupportedMediaType { takes } => Some(takes.join(", ")),
            _ => None,
        }
    }

    /// What the log says beyond the code.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Forbidden { why }
            | Self::Unreadable { why }
            | Self::Internal { why }
            | Self::StoreUnavailable { why, .. } => Some(why),
            _ => None,
        }
    }
}

/// The status, and the error itself for whoever writes the body.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<AdminError> for ApiError {
    fn from(error: AdminError) -> Self {
        // It may repeat a scope as long as a body.
        let why = sentence(&bounded(&error.to_string(), LONGEST_REASON));
        match error {
            AdminError::NoSuchKey(_) => Self::NoSuchRecord { why },
            AdminError::Revoked(_) => Self::Conflict {
                code: "key_revoked",
                why,
            },
            AdminError::Expired(_) => Self::Conflict {
                code: "key_expired",
                why,
            },
            AdminError::Changed(_) => Self::Conflict {
                code: "key_changed",
                why,
            },
            AdminError::Invalid(_) => Self::Invalid { why },
            AdminError::NoRandomness(_) | AdminError::Refused(_) => Self::Internal { why },
            AdminError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let why = error.to_string();
        match error {
            StoreError::NotApplied(_) | StoreError::Throttled { .. } => Self::StoreUnavailable { unclear: false, why },
            StoreError::Ambiguous(_) | StoreError::TimedOut(_) => Self::StoreUnavailable { unclear: true, why },
            StoreError::Malformed(_) => Self::Unreadable { why },
            StoreError::NoTable(_) => Self::Internal { why },
        }
    }
}

/// As a sentence: what the command line says begins small.
pub(crate) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string());
    let end = if text.ends_with(['.', '!', '?', '…']) {
        ""
    } else {
        "."
    };
    format!("{}{}{end}", first.unwrap_or_default(), characters.as_str())
}
