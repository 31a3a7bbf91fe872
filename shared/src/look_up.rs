//! Look-ups of records in the config and the state table while requests wait: bounded in time, and in calls while a table
//! does not answer.

use std::sync::Arc;
use std::time::Duration;

use crate::breaker::Breaker;
use crate::store::StoreError;

#[cfg(test)]
mod tests;

/// How long one look-up may take, a second attempt of the store's included.
pub(crate) const LOOK_UP: Duration = Duration::from_millis(150);

/// Where something else has taken a request's time and left less than this, it is no witness that a table stalls.
const TELLING: Duration = Duration::from_millis(50);

/// Those in one table, whichever records it holds. Clones share the breaker.
#[derive(Clone, Debug, Default)]
pub(crate) struct LookUps(Arc<Breaker>);

/// Those of a function environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableLookUps {
    /// API keys and plans.
    pub(crate) config: LookUps,
    /// Sessions.
    pub(crate) state: LookUps,
}

impl LookUps {
    /// Makes a call of the table, unless it has not answered others lately, and waits for as long as the request may
    /// (`within`), but no longer than [`LOOK_UP`].
    ///
    /// # Errors
    /// The call's own; `NotApplied` where it was not made; `TimedOut`.
    pub(crate) async fn make<T>(
        &self,
        within: Duration,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if within.is_zero() {
            return Err(StoreError::NotApplied("the request has no time left to ask".into()));
        }
        let within = within.min(LOOK_UP);
        let Ok(pass) = self.0.admit(within) else {
            return Err(StoreError::NotApplied("the table has not answered lately".into()));
        };
        let answer = tokio::time::timeout(within, call).await.unwrap_or_else(|_| {
            let why = format!("no answer within {} ms", within.as_millis());
            match within < TELLING {
                true => Err(StoreError::Ambiguous(why)),
                false => Err(StoreError::TimedOut(why)),
            }
        });
        // A table that has no name is not asked, and cannot be down.
        if !matches!(answer, Err(StoreError::NoTable(_))) {
            self.0.heard(pass, &answer);
        }
        answer
    }
}
