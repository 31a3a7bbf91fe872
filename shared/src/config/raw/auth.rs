//! `auth`: the section, and its methods by their types.

use std::num::NonZeroU32;

use crate::config::decode::{
    At, Choice, Decode, Field, List, Map, OneOf, Section, Slot, Text, fill_section, plain, sections,
};
use crate::config::report::Report;
use crate::config::tree::{Node, Place, Value};

pub(in crate::config) mod methods;
pub(in crate::config) mod route;

use methods::{ApiKey, ClientCertificate, Introspection, Jwt, Platform, SessionCookie};

sections! {
    /// Several ways to prove who calls.
    NamedMethods {
        /// The methods, by name.
        (required) methods: Map<Method>,
        /// What routes ask for that say nothing themselves: the first of these methods whose credential is there decides.
        (required) default: List<Text>,
        ..common: Common,
    }

    /// What holds for every method.
    Common {
        /// Public paths, patterns allowed.
        exclude_paths: List<Text>,
        /// Refused credentials per minute, environment and client address before 429; default 20.
        failures: At<NonZeroU32>,
    }
}

/// `auth`.
#[derive(Debug)]
pub(in crate::config) enum Auth {
    /// The short form: one method, without a name.
    One(Box<OneMethod>),
    Named(NamedMethods),
}

impl Auth {
    pub(in crate::config) fn common(&self) -> &Common {
        match self {
            Self::One(one) => &one.common,
            Self::Named(named) => &named.common,
        }
    }
}

impl Decode for Auth {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        if member(&node, "methods", report).is_some() {
            return NamedMethods::decode(node, report).map(Self::Named);
        }
        let mut one = OneMethod {
            method: Method::beginning(&node, report)?,
            common: Common::empty(node.place),
        };
        fill_section(&mut one, node, report)?;
        Some(Self::One(Box::new(one)))
    }
}

/// The keys of a method and those of the section side by side.
#[derive(Debug)]
pub(in crate::config) struct OneMethod {
    pub(in crate::config) method: Method,
    pub(in crate::config) common: Common,
}

impl Section for OneMethod {
    fn keys(&self) -> Vec<&'static str> {
        [self.method.keys(), self.common.keys()].concat()
    }

    fn required(&self) -> Vec<&'static str> {
        self.method.required()
    }

    fn slot(&mut self, key: &str) -> Option<&mut dyn Slot> {
        match self.method.slot(key) {
            Some(slot) => Some(slot),
            None => self.common.slot(key),
        }
    }
}

/// A method: which keys it has depends on `type`.
#[derive(Debug)]
pub(in crate::config) enum Method {
    Jwt(Jwt),
    ApiKey(ApiKey),
    Introspection(Introspection),
    SessionCookie(SessionCookie),
    ClientCertificate(ClientCertificate),
    Platform(Platform),
}

impl Method {
    /// One of the type that the node names, with nothing in it yet. A type that is not known is reported, and nothing
    /// else about the method can be said; without any, it is taken for the most common one.
    fn beginning(node: &Node, report: &mut Report) -> Option<Self> {
        let method_type = match member(node, "type", report) {
            Some(given) => OneOf::decode(given.clone(), report)?.value,
            None => MethodType::Jwt,
        };
        Some(match method_type {
            MethodType::Jwt => Self::Jwt(Jwt::empty(node.place)),
            MethodType::ApiKey => Self::ApiKey(ApiKey::empty(node.place)),
            MethodType::Introspection => Self::Introspection(Introspection::empty(node.place)),
            MethodType::SessionCookie => Self::SessionCookie(SessionCookie::empty(node.place)),
            MethodType::ClientCertificate => Self::ClientCertificate(ClientCertificate::empty(node.place)),
            MethodType::Platform => Self::Platform(Platform::empty(node.place)),
        })
    }

    pub(in crate::config) fn place(&self) -> Place {
        match self {
            Self::Jwt(section) => section.place,
            Self::ApiKey(section) => section.place,
            Self::Introspection(section) => section.place,
            Self::SessionCookie(section) => section.place,
            Self::ClientCertificate(section) => section.place,
            Self::Platform(section) => section.place,
        }
    }

    pub(in crate::config) fn claims_to_headers(&self) -> &Field<Map<Text>> {
        match self {
            Self::Jwt(section) => &section.claims_to_headers,
            Self::ApiKey(section) => &section.claims_to_headers,
            Self::Introspection(section) => &section.claims_to_headers,
            Self::SessionCookie(section) => &section.claims_to_headers,
            Self::ClientCertificate(section) => &section.claims_to_headers,
            Self::Platform(section) => &section.claims_to_headers,
        }
    }

    fn section(&self) -> &dyn Section {
        match self {
            Self::Jwt(section) => section,
            Self::ApiKey(section) => section,
            Self::Introspection(section) => section,
            Self::SessionCookie(section) => section,
            Self::ClientCertificate(section) => section,
            Self::Platform(section) => section,
        }
    }
}

impl Section for Method {
    fn keys(&self) -> Vec<&'static str> {
        self.section().keys()
    }

    fn required(&self) -> Vec<&'static str> {
        self.section().required()
    }

    fn slot(&mut self, key: &str) -> Option<&mut dyn Slot> {
        match self {
            Self::Jwt(section) => section.slot(key),
            Self::ApiKey(section) => section.slot(key),
            Self::Introspection(section) => section.slot(key),
            Self::SessionCookie(section) => section.slot(key),
            Self::ClientCertificate(section) => section.slot(key),
            Self::Platform(section) => section.slot(key),
        }
    }
}

impl Decode for Method {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        let mut method = Self::beginning(&node, report)?;
        fill_section(&mut method, node, report)?;
        Some(method)
    }
}

fn member<'n>(node: &'n Node, key: &str, report: &Report) -> Option<&'n Node> {
    match &node.value {
        Value::Map(members) => members.iter().find(|member| report.key(member.place) == key),
        _ => None,
    }
}

/// `type` of a method.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) enum MethodType {
    Jwt,
    ApiKey,
    Introspection,
    SessionCookie,
    ClientCertificate,
    Platform,
}

impl Choice for MethodType {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("jwt", Self::Jwt),
        ("api_key", Self::ApiKey),
        ("introspection", Self::Introspection),
        ("session_cookie", Self::SessionCookie),
        ("client_certificate", Self::ClientCertificate),
        ("platform", Self::Platform),
    ];
}
