//! Why a method lets nobody in, and the error that comes of it.

use std::borrow::Cow;
use std::time::Duration;

use super::method::Method;
use crate::error::GatewayError;

/// When a retry may help where nothing says more.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a credential proves nobody. The texts are for the log: they may quote the config, never the credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It does not hold.
    Invalid {
        /// The key of the method's section that it fails; empty where none does more than the method itself.
        key: &'static str,
        /// Why.
        why: Cow<'static, str>,
    },
    /// Nobody can tell now whether it holds.
    Unavailable {
        /// The key of the method's section that names what does not answer.
        key: &'static str,
        /// What it is.
        what: AuthSource,
        /// Why.
        why: String,
        /// When a retry may help.
        retry_after: Duration,
    },
    /// It may hold, but another site's page had the browser send it.
    CrossSite {
        /// Why.
        why: Cow<'static, str>,
    },
}

/// What a method asks to tell a good credential from a bad one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthSource {
    /// An issuer's key set.
    KeySet,
    /// The config table, which has the API keys.
    ApiKeys,
    /// The state table, which has the sessions.
    Sessions,
    /// An introspection endpoint (RFC 7662).
    Introspection,
}

impl AuthSource {
    /// The `error` member of the answer while it does not answer.
    pub fn code(self) -> &'static str {
        match self {
            Self::KeySet => "key_set_unavailable",
            Self::ApiKeys => "api_keys_unavailable",
            Self::Sessions => "sessions_unavailable",
            Self::Introspection => "introspection_unavailable",
        }
    }

    /// The `message` member beside it.
    pub fn message(self) -> &'static str {
        match self {
            Self::KeySet | Self::Introspection => "Tokens cannot be verified right now.",
            Self::ApiKeys => "API keys cannot be verified right now.",
            Self::Sessions => "Sessions cannot be verified right now.",
        }
    }
}

impl Refusal {
    /// One that no key of the section but the method as a whole is the cause of.
    pub(super) fn invalid(why: impl Into<Cow<'static, str>>) -> Self {
        Self::of("", why)
    }

    /// One that this key of the section is the cause of.
    pub(super) fn of(key: &'static str, why: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid { key, why: why.into() }
    }

    /// As the request's error, with the place in the config that caused it.
    pub(super) fn into_error(self, method: &Method) -> GatewayError {
        match self {
            Self::Invalid { key, why } => GatewayError::InvalidCredential {
                credential: method.kind.credential(),
                why: why.into_owned(),
                at: method.place(key),
            },
            Self::Unavailable {
                key,
                what,
                why,
                retry_after,
            } => GatewayError::AuthUnavailable {
                what,
                why,
                retry_after,
                at: method.place(key),
            },
            Self::CrossSite { why } => GatewayError::CrossSite {
                why: why.into_owned(),
                at: method.place("origins"),
            },
        }
    }
}
