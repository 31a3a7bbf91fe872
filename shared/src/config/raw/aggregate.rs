//! Several calls that become one answer: `aggregate` of a route, and what stands beside it.

use std::time::Duration;

use http::StatusCode;

use crate::aggregate::OnConflict;
use crate::config::decode::{
    At, Choice, Decode, Field, Json, Map, OneOf, Section, Slot, Text, fill_section, plain, sections,
};
use crate::config::report::Report;
use crate::config::tree::{Node, Place};

sections! {
    /// Several calls that become one answer.
    Composition {
        /// The calls by name, in the order of their answers; a part that names another in a placeholder waits for it.
        aggregate: Box<Map<AggregatePart>>,
        /// How the parts' answers become one: name (default; each under its name), spread (the members of all in one
        /// object) or list.
        merge: OneOf<MergeWord>,
        /// With merge spread, what happens to two members of one name: error (default; 502), first or last.
        on_conflict: OneOf<OnConflict>,
        /// The status of an answer without some of its parts: 200 (default), 203, 207, 502, 503 or 504.
        on_partial: At<StatusCode>,
        /// Say in a member _errors why parts are missing; default false.
        partial_errors: At<bool>,
    }

    /// One call of an aggregate.
    AggregatePart {
        /// The service: a name of upstreams, or a URL.
        (required) upstream: Text,
        /// What it is asked for: a path, with or without a query, that may hold placeholders.
        (required) path: Text,
        /// How it is asked; default GET.
        method: Text,
        /// Whether there is no answer without it; default false.
        required: At<bool>,
        /// The JSON that stands in for it when it fails.
        fallback: Json,
        /// The longest its call may take; default: the upstream's.
        timeout: At<Duration>,
        /// Headers that it is sent besides what every part is; values may hold placeholders.
        headers: Map<Text>,
    }
}

/// `merge`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum MergeWord {
    Name,
    Spread,
    List,
}

impl Choice for MergeWord {
    const WORDS: &'static [(&'static str, Self)] =
        &[("name", Self::Name), ("spread", Self::Spread), ("list", Self::List)];
}

impl Choice for OnConflict {
    const WORDS: &'static [(&'static str, Self)] =
        &[("error", Self::Error), ("first", Self::First), ("last", Self::Last)];
}
