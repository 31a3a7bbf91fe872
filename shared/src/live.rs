//! What serves requests, made anew when its config changes.
//!
//! Nothing runs between two requests on Lambda. So once the time has come, a request is served as ever, and the config is
//! read beside it; the next one is served by what was read. One that is wrong, or cannot be read, changes nothing but the
//! log and a metric.

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::config_source::{ConfigSource, Found};
use crate::lock::lock;
use crate::record::config_refused;

#[cfg(test)]
mod tests;

/// How long the answer to a request may have to wait for a config that is read beside it.
const PATIENCE: Duration = Duration::from_millis(300);

/// Makes of a config what serves by it.
pub(crate) type Build<T> = Box<dyn Fn(Config) -> Result<T, Box<dyn Error>> + Send + Sync>;

/// What serves, and what it was made of.
pub(crate) struct Live<T> {
    current: Mutex<Arc<T>>,
    /// Held while it is read anew.
    found: tokio::sync::Mutex<Found>,
    read_at: Mutex<Timestamp>,
    source: ConfigSource,
    /// `None`: it is never read again.
    every: Option<Duration>,
    build: Build<T>,
    clock: Arc<dyn Clock>,
}

impl<T> Live<T> {
    /// Reads the config for the first time; `every` so long it is read again, where it can change at all.
    ///
    /// # Errors
    /// It cannot be read, or every mistake of it; ready to be shown.
    pub(crate) async fn start(
        source: ConfigSource,
        every: Option<Duration>,
        build: Build<T>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Box<dyn Error>> {
        let found = source.read(None).await?;
        let current = made(&source, &found, &build)?;
        Ok(Self {
            current: Mutex::new(Arc::new(current)),
            every: every.filter(|_| source.may_change(&found)),
            found: tokio::sync::Mutex::new(found),
            read_at: Mutex::new(clock.now()),
            source,
            build,
            clock,
        })
    }

    /// What serves now.
    pub(crate) fn current(&self) -> Arc<T> {
        Arc::clone(&lock(&self.current))
    }

    /// Reads the config again, if the time has come; `log` takes a line where the new one is not served. It is tried again
    /// with the next request after another while, whatever comes of it.
    pub(crate) async fn refresh(&self, log: impl Fn(String)) {
        let now = self.clock.now();
        let is_due = |every: Duration| now.since(*lock(&self.read_at)) >= every;
        if !self.every.is_some_and(is_due) {
            return;
        }
        // Another request of this environment reads it already.
        let Ok(mut found) = self.found.try_lock() else { return };
        *lock(&self.read_at) = now;
        let read = tokio::time::timeout(PATIENCE, self.source.read(Some(&found))).await;
        let told = |version: Option<&str>, why: &str| log(config_refused(now, &self.source.name(), version, why));
        let new = match read {
            Ok(Ok(new)) => new,
            Ok(Err(error)) => return told(None, &error.to_string()),
            Err(_) => return told(None, &format!("it was not read within {PATIENCE:?}")),
        };
        if new == *found {
            return;
        }
        match made(&self.source, &new, &self.build) {
            Ok(made) => {
                *lock(&self.current) = Arc::new(made);
                *found = new;
            }
            Err(mistakes) => told(new.version(), &mistakes.to_string()),
        }
    }
}

fn made<T>(source: &ConfigSource, found: &Found, build: &Build<T>) -> Result<T, Box<dyn Error>> {
    let checked = source.check(found)?;
    for warning in &checked.warnings {
        tracing::warn!("{warning}");
    }
    build(checked.config)
}
