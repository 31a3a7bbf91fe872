//! The functions that there are, by the names that callers give them.

use std::str::FromStr;

use clap::ValueEnum;

/// A function of `functions/`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FunctionKind {
    /// Answers HTTP requests
    #[default]
    Gateway,
    /// Decides on requests for API Gateway
    Authorizer,
    /// Answers administrators
    Admin,
}

impl FunctionKind {
    /// Its name, local and in `functions/`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Authorizer => "authorizer",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for FunctionKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let kinds = Self::value_variants();
        let kind = kinds.iter().find(|kind| kind.name() == text);
        kind.copied().ok_or_else(|| {
            let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
            format!("{text:?} is no function; there are {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_read_by_its_name() {
        for kind in [FunctionKind::Gateway, FunctionKind::Authorizer, FunctionKind::Admin] {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(<FunctionKind as ValueEnum>::from_str(kind.name(), false), Ok(kind));
        }
        let why = "admins".parse::<FunctionKind>().unwrap_err();
        assert_eq!(why, "\"admins\" is no function; there are gateway, authorizer, admin");
    }
}
