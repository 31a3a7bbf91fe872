//! What was read of records a moment ago, so that not every request reads them again.
//!
//! Per function environment. What was found is believed for [`FOUND_FOR`]: a revocation takes effect within this time.
//! What was not found, or does not let its bearer in, is looked up again after [`REFUSED_FOR`]: it may just have been
//! made, or replaced.

use std::hash::Hash;
use std::sync::Mutex;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::generations::Generations;
use crate::lock::lock;

/// How long a record that was found is used without reading it again.
pub(crate) const FOUND_FOR: Duration = Duration::from_secs(30);
/// How long a refusal stands without reading again.
pub(crate) const REFUSED_FOR: Duration = Duration::from_secs(5);

/// How many bytes of records a generation remembers.
const GENERATION: usize = 512 * 1024;

/// What a record takes besides its texts.
pub(crate) const OVERHEAD: usize = 256;

/// Records as they were read.
#[derive(Debug)]
pub(crate) struct Recent<K, V>(Mutex<Generations<K, Reading<V>>>);

/// A record, or that there is none, as it was read at a time.
#[derive(Clone, Debug)]
pub(crate) struct Reading<V> {
    pub(crate) record: Option<V>,
    pub(crate) at: Timestamp,
}

impl<V> Reading<V> {
    /// Whether it is recent enough to let somebody in.
    pub(crate) fn may_admit(&self, now: Timestamp) -> bool {
        now.apart(self.at) < FOUND_FOR
    }

    /// Whether it is recent enough to refuse somebody.
    pub(crate) fn may_refuse(&self, now: Timestamp) -> bool {
        now.apart(self.at) < REFUSED_FOR
    }
}

impl<K, V> Default for Recent<K, V>
where
    K: Eq + Hash + Clone,
    V: Clone,
{
    fn default() -> Self {
        Self(Mutex::new(Generations::new(GENERATION)))
    }
}

impl<K, V> Recent<K, V>
where
    K: Eq + Hash + Clone,
    V: Clone,
{
    /// The last reading, however old.
    pub(crate) fn last(&self, key: &K) -> Option<Reading<V>> {
        lock(&self.0).get(key)
    }

    /// Remembers what was read, of about so many bytes.
    pub(crate) fn note(&self, key: K, record: Option<V>, at: Timestamp, weight: usize) {
        lock(&self.0).insert(key, Reading { record, at }, weight);
    }
}
