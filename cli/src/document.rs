//! The config document that a command works on, and the values for its placeholders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tollgate::config::{self, Checked, Mistakes};

use crate::args::DEFAULT_ISSUER;
use crate::exit::Failure;

/// Where the demo identity provider's address goes.
pub(crate) const ISSUER_VARIABLE: &str = "TOLLGATE_ISSUER";

/// The example store, as it is in the repository.
const STORE: &str = include_str!("../../examples/store/gateway.yaml");

/// A config document's origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The example store, built into this program.
    Store,
    /// A file that may change while it is served.
    File(PathBuf),
}

impl Source {
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        file.map_or(Self::Store, Self::File)
    }

    /// What messages call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Store => "examples/store/gateway.yaml".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    pub(crate) async fn read(&self) -> Result<String, Failure> {
        match self {
            Self::Store => Ok(STORE.to_owned()),
            Self::File(path) => read_text(path).await,
        }
    }
}

/// A file that the command line names. Not on this thread: it may be a pipe that nobody writes to, and Ctrl-C must
/// be heard all the same.
pub(crate) async fn read_text(path: &Path) -> Result<String, Failure> {
    let text = tokio::fs::read_to_string(path).await;
    text.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

/// Values for placeholders: those that the command sets, before the environment's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables(BTreeMap<String, String>);

impl Variables {
    /// For commands that only read a config: the demo issuer stands in where the environment names none.
    pub(crate) fn with_default_issuer() -> Self {
        let issuer = std::env::var(ISSUER_VARIABLE).unwrap_or_else(|_| DEFAULT_ISSUER.to_owned());
        let mut variables = Self::default();
        variables.set(ISSUER_VARIABLE, issuer);
        variables
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// What a placeholder of this name stands for.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned().or_else(|| std::env::var(name).ok())
    }

    /// What the command sets itself.
    pub(crate) fn own(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Reads and checks a document with these values.
    pub(crate) fn parse(&self, name: &str, text: &str) -> Result<Checked, Mistakes> {
        config::parse(name, text, &|variable| self.get(variable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_command_sets_wins_over_the_environment() {
        let mut variables = Variables::default();
        assert_eq!(variables.get("PATH"), std::env::var("PATH").ok());
        variables.set("PATH", "mine");
        assert_eq!(variables.get("PATH").as_deref(), Some("mine"));
        assert_eq!(variables.get("TOLLGATE_TEST_NOT_SET"), None);
    }

    #[tokio::test]
    async fn a_missing_file_is_named() {
        let missing = Source::new(Some("no/such/file.yaml".into())).read().await;
        assert!(matches!(missing, Err(Failure::Usage(why)) if why.starts_with("no/such/file.yaml: ")));
    }
}
