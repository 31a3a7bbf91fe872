//! Locks that a panic elsewhere does not close.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes the lock. Nothing in this crate panics while it holds one half-way through a change, so a poisoned lock
/// guards what is as good as ever: the request that panicked is lost, and not all that come after it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
