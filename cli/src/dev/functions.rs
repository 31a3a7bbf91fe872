//! The functions of one config.

use crate::dev::environment::StartError;
use crate::dev::environments::{Environments, Setting};
use crate::function_kind::FunctionKind;

/// How to start each.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) gateway: Setting,
    pub(crate) authorizer: Setting,
    pub(crate) admin: Setting,
}

#[cfg(test)]
impl Settings {
    /// The same for all of them.
    pub(crate) fn all(one: impl Fn() -> Setting) -> Self {
        Self {
            gateway: one(),
            authorizer: one(),
            admin: one(),
        }
    }
}

/// The environments of each.
#[derive(Clone, Debug)]
pub(crate) struct Functions {
    gateway: Environments,
    authorizer: Environments,
    admin: Environments,
}

impl Functions {
    /// Starts the gateway's first environment and returns when it is ready. Those of the others start with their first
    /// events: most runs have no use for them.
    pub(crate) async fn start(settings: Settings) -> Result<Self, StartError> {
        Ok(Self {
            gateway: Environments::start(settings.gateway).await?,
            authorizer: Environments::none_yet(settings.authorizer),
            admin: Environments::none_yet(settings.admin),
        })
    }

    /// Starts none before its first event comes.
    #[cfg(test)]
    pub(crate) fn none_yet(settings: Settings) -> Self {
        Self {
            gateway: Environments::none_yet(settings.gateway),
            authorizer: Environments::none_yet(settings.authorizer),
            admin: Environments::none_yet(settings.admin),
        }
    }

    /// The environments of one.
    pub(crate) fn of(&self, kind: FunctionKind) -> Environments {
        match kind {
            FunctionKind::Gateway => self.gateway.clone(),
            FunctionKind::Authorizer => self.authorizer.clone(),
            FunctionKind::Admin => self.admin.clone(),
        }
    }

    /// Lets requests finish, and environments end when there are none.
    pub(crate) fn retire(&self) {
        self.gateway.retire();
        self.authorizer.retire();
        self.admin.retire();
    }
}
