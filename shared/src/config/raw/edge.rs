//! What holds where the outside meets the gateway: `cors`, `ip`, `max_headers`.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::config::decode::{
    At, ByteSize, Decode, Field, List, Section, Slot, Text, fill_section, plain, refuse, sections,
};
use crate::config::report::Report;
use crate::config::tree::{Node, Place, Value};

sections! {
    /// Which sites' pages may read the answers (cross-origin resource sharing).
    Cors {
        /// Origins such as https://app.example.com; https://*.example.com for all below; or * alone for everybody.
        (required) origins: List<Text>,
        /// What pages may send; default the methods of the route.
        methods: List<Text>,
        /// Request headers that pages may set, or * alone; default Authorization, Content-Type, X-Request-Id.
        headers: List<Text>,
        /// Headers of answers that pages may read beside those that the gateway sets itself, or * alone.
        expose: List<Text>,
        /// How long browsers may keep what a preflight said; default 10m.
        max_age: At<Duration>,
        /// Whether browsers send cookies along; default false.
        credentials: At<bool>,
    }

    /// Who may come, by address.
    Ip {
        /// Addresses and networks (CIDR) that alone may come.
        allow: List<Text>,
        /// Addresses and networks (CIDR) that may not, whatever allow says.
        deny: List<Text>,
    }

    /// How large the headers of a request may be.
    MaxHeaders {
        /// How many.
        count: At<NonZeroU32>,
        /// How large in all, as name: value lines.
        bytes: At<ByteSize>,
    }
}

/// A section, or `none` in its place.
#[derive(Debug)]
pub(in crate::config) enum OrNone<T> {
    /// `none`.
    None,
    Section(T),
}

impl<T: Decode> Decode for OrNone<T> {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        match &node.value {
            Value::Map(_) => T::decode(node, report).map(Self::Section),
            Value::Text(word) if word == "none" => Some(Self::None),
            _ => refuse(&node, "none or an object", report),
        }
    }
}
