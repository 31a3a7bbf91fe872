//! `cache`, checked.

use std::time::Duration;

use http::HeaderName;

use crate::path::PathPattern;
use crate::store::TableKind;

/// `cache` of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheRules {
    /// How long answers are fresh that state nothing themselves; `None`: those are not kept.
    pub ttl: Option<Duration>,
    /// The same of a 404 or 410.
    pub negative_ttl: Option<Duration>,
    /// Request headers by whose values answers are kept apart; with the headers that the route itself asks for.
    pub vary: Vec<HeaderName>,
    /// Request headers that services get although no answers are kept apart by them, but where `Vary` says so.
    pub forward: Vec<HeaderName>,
    /// Where answers are kept.
    pub tier: Tier,
    /// Whether an answer is for everybody who may ask, whoever asked first.
    pub public: bool,
    /// How much longer than it is fresh an answer may be given once more before it is asked for anew.
    pub stale_while_revalidate: Duration,
    /// The same while the service fails.
    pub stale_if_error: Duration,
    /// The largest body that is kept, in bytes.
    pub max_size: usize,
    /// Whether `no-cache`, `max-age`, `min-fresh` and `max-stale` of requests count.
    pub client_control: bool,
}

/// `tier`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tier {
    /// In each function environment by itself.
    #[default]
    Memory,
    /// Also in the state table, for all of them.
    Table,
}

/// What holds for the cache of an environment.
#[derive(Clone, Debug)]
pub struct CacheSettings {
    /// `defaults.cache_memory`: how many bytes all answers together may take.
    pub memory: usize,
    /// A hash of the config where answers are kept in the table: what was kept there under another one, with other rules,
    /// is not found. Elsewhere nothing.
    pub edition: [u8; crate::sha256::LENGTH],
    /// The paths of the routes that keep answers in the state table, too.
    pub table_paths: Vec<PathPattern>,
}

impl CacheSettings {
    /// The table without which routes could not keep what they are told to.
    pub fn table(&self) -> Option<TableKind> {
        (!self.table_paths.is_empty()).then_some(TableKind::State)
    }
}
