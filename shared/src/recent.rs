//! What was read of records a moment ago, so that not every request reads them again.
//!
//! Per function environment. What was found is believed for [`FOUND_FOR`]: a revocation takes effect within this time.
//! What was not found, or does not let its bearer in, is looked up again after [`REFUSED_FOR`]: it may just have been
//! made, or replaced.

use std::hash::Hash;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Timestamp;
use crate::generations::Generations;
use crate::lock::lock;

/// How long a record that was found is used without reading it again.
pub(crate) const FOUND_FOR: Duration = Duration::from_secs(30);
/// How long a refusal stands without reading again.
pub(crate) const REFUSED_FOR: Duration = Duration::from_secs(5);

/// How long a record that is used although it is too old is not read again.
const PUT_OFF_FOR: Duration = Duration::from_secs(1);

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
    /// It is not read again before.
    not_before: Option<Instant>,
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

    /// Whether somebody reads it again, or has tried to within the last second.
    pub(crate) fn is_put_off(&self) -> bool {
        self.not_before.is_some_and(|until| Instant::now() < until)
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
        let not_before = None;
        lock(&self.0).insert(key, Reading { record, at, not_before }, weight);
    }

    /// Keeps what was read last for others to use while somebody reads it again, and for a second after that has failed.
    pub(crate) fn put_off(&self, key: K, last: Reading<V>, weight: usize) {
        let not_before = Some(Instant::now() + PUT_OFF_FOR);
        lock(&self.0).insert(key, Reading { not_before, ..last }, weight);
    }
}
