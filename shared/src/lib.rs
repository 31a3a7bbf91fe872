//! Tollgate: an API gateway that is a Lambda function.
//!
//! The modules follow the life of a request; start reading at [`gateway`].

pub mod accept;
pub mod aggregate;
pub mod api_key;
pub mod auth;
pub mod authorizer;
pub mod aws;
mod base62;
mod breaker;
pub mod cache;
pub mod clock;
pub mod compress;
pub mod config;
pub mod config_source;
pub mod cors;
pub mod edge;
pub mod edits;
pub mod error;
pub mod event;
pub mod gateway;
mod generations;
pub mod headers;
mod hex;
pub mod ip_rules;
pub mod lambda;
pub mod limit;
mod live;
mod lock;
mod look_up;
pub mod origin_secret;
pub mod other_protocols;
pub mod path;
mod recent;
pub mod record;
pub mod request;
pub mod respond;
pub mod router;
pub mod security_headers;
pub mod session_id;
pub mod sha256;
pub mod size_limits;
pub mod store;
pub mod subscriber;
pub mod template;
#[cfg(test)]
mod testing;
pub mod transform;
pub mod upstream;
