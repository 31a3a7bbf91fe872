//! The JSON Schema of the document: derived from [`raw`](super::raw), with the kinds of values described here.

use std::borrow::Cow;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use http::StatusCode;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::decode::{
    AnyJson, At, Body, ByteSize, Choice, Field, Json, List, Map, OneOf, OneOrList, OneOrMore, Percent, Text,
};
use super::raw::auth::methods::{ApiKey, ClientCertificate, Introspection, Jwt, Platform, SessionCookie};
use super::raw::auth::route::{AnyScope, AuthStance, ClaimTest, ClaimValue, Presence, RouteAuth, Scopes};
use super::raw::auth::{Auth, Common, Method, MethodType, NamedMethods};
use super::raw::edge::{Compress, CompressWhich, OrNone, SecurityStance};
use super::raw::upstreams::{NamedCause, RETRIED, RetryCause};
use super::raw::{Document, FixedAnswer, NamedAnswer, Respond};

pub(super) fn schema() -> serde_json::Value {
    let mut settings = SchemaSettings::draft2020_12();
    // Editors show what stands at the key itself; references would only hide it.
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<Document>();
    schema.insert("title".into(), "Tollgate config".into());
    schema.to_value()
}

/// Any scalar may hold a placeholder instead.
fn or_placeholder(schema: Schema) -> Schema {
    json_schema!({ "anyOf": [schema, { "type": "string", "pattern": r"\$\{" }] })
}

macro_rules! inline_schema {
    ($($type:ty, $([$($bound:tt)*],)? $generator:ident => $schema:expr;)*) => { $(
        impl $(<$($bound)*>)? JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )* };
}

inline_schema! {
    Text, _generator => json_schema!({ "type": "string" });
    At<bool>, _generator => or_placeholder(json_schema!({ "type": "boolean" }));
    At<u32>, _generator => or_placeholder(json_schema!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }));
    At<NonZeroU32>, _generator => or_placeholder(json_schema!({ "type": "integer", "minimum": 1, "maximum": u32::MAX }));
    At<NonZeroU64>, _generator => or_placeholder(json_schema!({ "type": "integer", "minimum": 1, "maximum": 999_999_999_999_999_u64 }));
    At<Duration>, _generator => or_placeholder(json_schema!({ "type": "string", "pattern": "^(0|[1-9][0-9]*)(ms|s|m|h|d)$" }));
    At<ByteSize>, _generator => or_placeholder(json_schema!({ "type": "string", "pattern": "^(0|[1-9][0-9]*)(B|KiB|MiB)$" }));
    At<Percent>, _generator => or_placeholder(json_schema!({ "type": "string", "pattern": "^([1-9][0-9]?|100)%$" }));
    RetryCause, generator => {
        let statuses: Vec<u16> = RETRIED.iter().map(|status| status.as_u16()).collect();
        json_schema!({ "anyOf": [OneOf::<NamedCause>::json_schema(generator), { "enum": statuses }] })
    };
    OneOf<T>, [T: Choice], _generator => {
        let words: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
        or_placeholder(json_schema!({ "enum": words }))
    };
    List<T>, [T: JsonSchema], generator => json_schema!({ "type": "array", "items": T::json_schema(generator) });
    Map<T>, [T: JsonSchema], generator => {
        json_schema!({ "type": "object", "additionalProperties": T::json_schema(generator) })
    };
    OneOrMore, generator => {
        json_schema!({ "anyOf": [Text::json_schema(generator), List::<Text>::json_schema(generator)] })
    };
    OneOrList<T>, [T: JsonSchema], generator => {
        json_schema!({ "anyOf": [T::json_schema(generator), List::<T>::json_schema(generator)] })
    };
    At<StatusCode>, _generator => or_placeholder(json_schema!({ "type": "integer", "minimum": 200, "maximum": 599 }));
    AnyJson, _generator => json_schema!({ "not": { "type": "null" } });
    Body, _generator => json_schema!({ "type": ["string", "object", "array"] });
    Json, _generator => json_schema!(true);
    Respond, generator => {
        let named = OneOf::<NamedAnswer>::json_schema(generator);
        json_schema!({ "anyOf": [named, FixedAnswer::json_schema(generator)] })
    };
    At<ClaimValue>, _generator => json_schema!({ "type": ["string", "number", "boolean"] });
    ClaimTest, generator => json_schema!({ "anyOf": [
        At::<ClaimValue>::json_schema(generator),
        List::<At<ClaimValue>>::json_schema(generator),
        Presence::json_schema(generator),
    ] });
    Scopes, generator => json_schema!({ "anyOf": [List::<Text>::json_schema(generator), AnyScope::json_schema(generator)] });
    Method, generator => json_schema!({ "anyOf": methods(generator) });
    Auth, generator => {
        let named = NamedMethods::json_schema(generator);
        let mut any = vec![named];
        any.extend(methods(generator).into_iter().map(|method| beside(method, Common::json_schema(generator))));
        json_schema!({ "anyOf": any })
    };
    OrNone<T>, [T: JsonSchema], generator => json_schema!({ "anyOf": [{ "const": "none" }, T::json_schema(generator)] });
    Compress, generator => {
        json_schema!({ "anyOf": [At::<bool>::json_schema(generator), CompressWhich::json_schema(generator)] })
    };
    SecurityStance, generator => {
        let word = or_placeholder(json_schema!({ "enum": ["standard", "none"] }));
        json_schema!({ "anyOf": [word, Map::<Text>::json_schema(generator)] })
    };
    RouteAuth, generator => json_schema!({ "anyOf": [{ "const": "none" }, AuthStance::json_schema(generator)] });
}

/// The section of each type, each with its own word as `type`.
fn methods(generator: &mut SchemaGenerator) -> Vec<Schema> {
    let typed = |method: MethodType, generator: &mut SchemaGenerator| {
        let (word, mut schema) = match method {
            MethodType::Jwt => ("jwt", Jwt::json_schema(generator)),
            MethodType::ApiKey => ("api_key", ApiKey::json_schema(generator)),
            MethodType::Introspection => ("introspection", Introspection::json_schema(generator)),
            MethodType::SessionCookie => ("session_cookie", SessionCookie::json_schema(generator)),
            MethodType::ClientCertificate => ("client_certificate", ClientCertificate::json_schema(generator)),
            MethodType::Platform => ("platform", Platform::json_schema(generator)),
        };
        if let Some(serde_json::Value::Object(keys)) = schema.get_mut("properties") {
            keys.insert("type".to_owned(), serde_json::json!({ "const": word }));
        }
        schema
    };
    MethodType::WORDS
        .iter()
        .map(|(_, method)| typed(*method, generator))
        .collect()
}

/// The keys of two sections in one.
fn beside(mut one: Schema, mut other: Schema) -> Schema {
    if let (Some(serde_json::Value::Object(keys)), Some(serde_json::Value::Object(more))) =
        (one.get_mut("properties"), other.get_mut("properties"))
    {
        keys.append(more);
    }
    one
}

impl<T: JsonSchema> JsonSchema for Field<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }

    /// A field may be left out, unless it is marked `required`.
    fn _schemars_private_is_option() -> bool {
        true
    }
}
