//! What a function environment is started with, for one text of the config.

use std::io::Write;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tempfile::TempDir;
use tollgate::event::EventKind;

use crate::dev::console::Console;
use crate::dev::dynamodb::{CA_BUNDLE_VARIABLE, ENDPOINT_VARIABLE, ca_bundle};
use crate::dev::environments::Setting;
use crate::dev::event::REGION;
use crate::dev::function_program::FunctionProgram;
use crate::dev::shutdown::Part;
use crate::dev::tables::{ACCESS_KEY, CONFIG, QUOTA, SECRET_KEY, STATE};
use crate::document::Variables;
use crate::exit::Failure;
use crate::function_kind::FunctionKind;

/// Makes settings for one config text after the other, and each function.
#[derive(Debug)]
pub(crate) struct Runtime {
    /// `None`: by the shape of each event.
    pub(crate) kind: Option<EventKind>,
    pub(crate) most: usize,
    pub(crate) timeout: Duration,
    pub(crate) freeze: bool,
    pub(crate) console: Console,
    pub(crate) variables: Variables,
    /// The database that functions use.
    pub(crate) database: String,
    pub(crate) part: Part,
    /// Where accepted texts are kept for functions: readable by this user only, removed at the end.
    pub(crate) snapshots: TempDir,
    pub(crate) numbers: Arc<AtomicUsize>,
}

/// Where an accepted text is kept.
#[derive(Debug)]
pub(crate) struct Kept(PathBuf);

/// A private place for accepted texts.
pub(crate) fn snapshots() -> Result<TempDir, Failure> {
    let mut directory = tempfile::Builder::new();
    directory.prefix("tollgate-");
    #[cfg(unix)]
    directory.permissions(PermissionsExt::from_mode(0o700));
    let directory = directory.tempdir();
    directory.map_err(|error| Failure::internal(format!("cannot make a temporary directory: {error}")))
}

impl Runtime {
    /// Keeps a text for functions that start later, when the file may have changed.
    pub(crate) fn keep(&self, text: &str) -> Result<Kept, Failure> {
        let snapshot = self.snapshot(text);
        snapshot
            .map(Kept)
            .map_err(|error| Failure::internal(format!("cannot keep the config: {error}")))
    }

    /// How to start a function that serves a kept text.
    pub(crate) fn setting(
        &self,
        kind: FunctionKind,
        program: &FunctionProgram,
        text: &Kept,
    ) -> Result<Setting, Failure> {
        let variables = self.function_variables(kind, &text.0.display().to_string());
        Ok(Setting {
            command: program.command(kind, variables)?,
            most: self.most,
            timeout: self.timeout,
            freeze: self.freeze,
            console: self.console.clone(),
            numbers: Arc::clone(&self.numbers),
            part: self.part.clone(),
        })
    }

    fn snapshot(&self, text: &str) -> std::io::Result<PathBuf> {
        let mut file = tempfile::Builder::new()
            .prefix("gateway-")
            .tempfile_in(self.snapshots.path())?;
        file.write_all(text.as_bytes())?;
        // It lives as long as its directory.
        let (_, path) = file.keep().map_err(|error| error.error)?;
        Ok(path)
    }

    fn function_variables(&self, function: FunctionKind, snapshot: &str) -> Vec<(String, String)> {
        let event = self.kind.map(EventKind::name);
        let config = format!("file:{snapshot}");
        let ca_bundle = ca_bundle(&self.database);
        // The first half is what Lambda sets itself: "Defined runtime environment variables".
        let own = [
            ("AWS_LAMBDA_FUNCTION_NAME", function.name()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("_HANDLER", "bootstrap"),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            (ENDPOINT_VARIABLE, &self.database),
            ("CONFIG_TABLE", CONFIG),
            ("QUOTA_TABLE", QUOTA),
            ("STATE_TABLE", STATE),
            ("GATEWAY_CONFIG", &config),
        ];
        let all = self
            .variables
            .own()
            .chain(own)
            .chain(ca_bundle.as_deref().map(|path| (CA_BUNDLE_VARIABLE, path)))
            .chain(event.map(|event| ("GATEWAY_EVENT", event)));
        all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn no_other_user_sees_what_is_kept() {
        let directory = snapshots().unwrap();
        let mode = directory.path().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
