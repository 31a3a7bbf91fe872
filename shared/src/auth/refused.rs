//! Why evidence proves nobody.

use std::borrow::Cow;

/// The evidence is there and does not hold. For the log: it may quote the config, never a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The key of the method's section that it fails; empty where none does more than the method itself.
    pub key: &'static str,
    /// Why.
    pub why: Cow<'static, str>,
}

impl Refused {
    /// One that no key of the section but the method as a whole is the cause of.
    pub(super) fn invalid(why: impl Into<Cow<'static, str>>) -> Self {
        Self::of("", why)
    }

    /// One that this key of the section is the cause of.
    pub(super) fn of(key: &'static str, why: impl Into<Cow<'static, str>>) -> Self {
        Self { key, why: why.into() }
    }
}
