//! The config's `auth`, checked: the section, and what a route makes of it.

use std::sync::Arc;

use super::method::Method;
use super::policy::AuthPolicy;
use crate::path::PathPattern;
use crate::store::TableKind;

/// A route's stance on credentials, before `exclude_paths` is looked at.
#[derive(Clone, Debug)]
pub enum RouteAuth {
    /// `auth: none`: nothing is verified, `Authorization` passes through.
    None,
    /// A valid credential or 401: what every route is unless it says otherwise.
    Policy(Arc<AuthPolicy>),
}

/// The `auth` section.
#[derive(Clone, Debug, Default)]
pub struct AuthRules {
    /// Empty only when every route says `auth: none`.
    pub methods: Vec<Arc<Method>>,
    /// Public paths.
    pub exclude_paths: Vec<PathPattern>,
    /// Refused credentials per minute, environment and client address before 429 (`auth.failures`, default 20).
    pub failures_per_minute: u32,
}

impl AuthRules {
    /// The tables without which some credentials could not be verified at all.
    pub fn tables(&self) -> Vec<TableKind> {
        let needed = self.methods.iter().filter_map(|method| method.kind.table());
        let mut tables: Vec<TableKind> = Vec::new();
        for table in needed {
            if !tables.contains(&table) {
                tables.push(table);
            }
        }
        tables
    }
}
