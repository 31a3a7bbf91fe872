//! What holds where the outside meets the gateway: `cors`, `ip`, `max_headers`, `security_headers`, `compress`.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::config::decode::{
    At, ByteSize, Decode, Field, List, Map, Section, Slot, Text, fill_section, plain, refuse, sections,
};
use crate::config::report::Report;
use crate::config::tree::{Node, Place, Value};

sections! {
    /// Which sites' pages may read the answers (cross-origin resource sharing).
    Cors {
        /// Origins such as `https://app.example.com`; `https://*.example.com` for all below; or `*` alone for everybody.
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

    /// Which answers are compressed.
    CompressWhich {
        /// Media types such as application/json, text/* and +json; default text, JSON, XML, JavaScript.
        types: List<Text>,
        /// How large a body has to be; default 1KiB.
        min_size: At<ByteSize>,
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

/// `security_headers`.
#[derive(Debug)]
pub(in crate::config) enum SecurityStance {
    /// `standard`.
    Standard,
    /// `none`.
    None,
    /// The standard ones but for these.
    Own(Map<Text>),
}

impl Decode for SecurityStance {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        match &node.value {
            Value::Map(_) => Map::decode(node, report).map(Self::Own),
            Value::Text(word) if word == "standard" => Some(Self::Standard),
            Value::Text(word) if word == "none" => Some(Self::None),
            _ => refuse(&node, "standard, none, or an object of header names", report),
        }
    }
}

/// `compress`.
#[derive(Debug)]
pub(in crate::config) enum Compress {
    /// `true`: the usual answers; `false`: none.
    Usual(At<bool>),
    Which(CompressWhich),
}

impl Decode for Compress {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        match &node.value {
            Value::Map(_) => CompressWhich::decode(node, report).map(Self::Which),
            Value::Bool(_) => At::decode(node, report).map(Self::Usual),
            _ => refuse(&node, "true, false, or an object with types and min_size", report),
        }
    }
}
