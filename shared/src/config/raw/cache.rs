//! `cache` of a route.

use std::time::Duration;

use crate::cache::Tier;
use crate::config::decode::{
    At, ByteSize, Choice, Decode, Field, List, OneOf, Section, Slot, Text, fill_section, plain, sections,
};
use crate::config::report::Report;
use crate::config::tree::{Node, Place};

sections! {
    /// Which answers are kept for others, for whom, and how long.
    Cache {
        /// How long answers are fresh that state nothing of it (Cache-Control, Expires); default: those are not kept.
        ttl: At<Duration>,
        /// The same of 404 and 410; default: those are not kept.
        negative_ttl: At<Duration>,
        /// Request headers by whose values answers are kept apart, such as Accept. Of those that clients send, the
        /// service gets these, and what an answer's own Vary names.
        vary: List<Text>,
        /// Request headers that the service gets as well, although no answers are kept apart by them: no answer may
        /// depend on one, unless its own Vary says so.
        forward: List<Text>,
        /// memory (default): each function environment keeps its own. table: also in the state table, for all of them.
        tier: OneOf<Tier>,
        /// Whether an answer is for everybody who may ask; default false: for the caller whom it was made for.
        public: At<bool>,
        /// How much longer an answer may be given once more, before the next request asks for it anew; default 0s.
        stale_while_revalidate: At<Duration>,
        /// How much longer an answer may be given while the service fails; default 0s.
        stale_if_error: At<Duration>,
        /// The largest body that is kept; default 1MiB.
        max_size: At<ByteSize>,
        /// Whether clients may ask for answers that are fresher than kept ones (Cache-Control of requests); default
        /// false.
        client_control: At<bool>,
    }
}

impl Choice for Tier {
    const WORDS: &'static [(&'static str, Self)] = &[("memory", Self::Memory), ("table", Self::Table)];
}
