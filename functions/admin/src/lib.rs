//! The admin API: API keys, plans and usage over HTTP, for callers that IAM has authorized. Behind it is the code behind
//! `tollgate keys`, `tollgate plans` and `tollgate usage`.
//!
//! An event comes in at [`Admin::handle`], which asks who calls before anything else, and goes to the [`router()`]. Each
//! resource has a file of its own, with its handlers and what it takes and gives; [`document()`] is generated from them.

mod cursor;
mod document;
mod error;
mod handler;
mod input;
pub mod keys;
mod limits;
pub mod plans;
mod principals;
mod record;
mod router;
mod serve;
#[cfg(test)]
mod testing;
pub mod usage;

pub use document::document;
pub use error::ApiError;
pub use handler::Admin;
pub use principals::Principals;
pub use router::{AdminState, router};
pub use serve::serve;
