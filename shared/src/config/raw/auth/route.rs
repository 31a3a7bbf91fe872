//! `auth` of a route.

use crate::config::decode::{
    At, Decode, Field, List, Map, Scalar, Section, Slot, Text, fill_section, plain, refuse, sections,
};
use crate::config::report::Report;
use crate::config::tree::{Node, Place, Value};

sections! {
    /// A route's stance on credentials.
    AuthStance {
        /// Credentials are verified when present, and may be absent.
        optional: At<bool>,
        /// The first of these methods whose credential is there decides; default auth.default.
        any_of: List<Text>,
        /// Every one of these methods must hold.
        all_of: List<Text>,
        /// Scopes that the caller must have been granted: all of a list, or { any: [...] }.
        scopes: Scopes,
        /// What claims must be: a value, one of a list of values, or { present: true }.
        claims: Map<ClaimTest>,
    }

    /// Scopes of which one will do.
    AnyScope {
        /// One of these is enough.
        (required) any: List<Text>,
    }

    /// A claim whose value does not matter.
    Presence {
        /// true: the claim must be there. false: it must not.
        (required) present: At<bool>,
    }
}

/// `auth` of a route.
#[derive(Debug)]
pub(in crate::config) enum RouteAuth {
    /// `none`.
    None,
    Stance(AuthStance),
}

impl Decode for RouteAuth {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        match &node.value {
            Value::Map(_) => AuthStance::decode(node, report).map(Self::Stance),
            Value::Text(word) if word == "none" => Some(Self::None),
            _ => refuse(&node, "none or an object, such as { optional: true }", report),
        }
    }
}

/// `scopes` of a route.
#[derive(Debug)]
pub(in crate::config) enum Scopes {
    All(List<Text>),
    Any(AnyScope),
}

impl Decode for Scopes {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        match &node.value {
            Value::List(_) => List::decode(node, report).map(Self::All),
            Value::Map(_) => AnyScope::decode(node, report).map(Self::Any),
            _ => refuse(&node, "a list of scopes, or { any: [...] }", report),
        }
    }
}

/// One entry of `claims`.
#[derive(Debug)]
pub(in crate::config) enum ClaimTest {
    Equals(At<ClaimValue>),
    OneOf(List<At<ClaimValue>>),
    Presence(Presence),
}

impl Decode for ClaimTest {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        match &node.value {
            Value::List(_) => List::decode(node, report).map(Self::OneOf),
            Value::Map(_) => Presence::decode(node, report).map(Self::Presence),
            _ => At::decode(node, report).map(Self::Equals),
        }
    }
}

/// What a claim is compared with.
#[derive(Clone, Debug)]
pub(in crate::config) struct ClaimValue(pub(in crate::config) serde_json::Value);

impl Scalar for ClaimValue {
    const NOUN: &'static str = "a string, a number, true or false";

    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(Self(text.clone().into())),
            Value::Bool(truth) => Some(Self((*truth).into())),
            Value::Number(text) => serde_json::from_str(text)
                .ok()
                .map(|number| Self(serde_json::Value::Number(number))),
            _ => None,
        }
    }
}
