//! What holds where the outside meets the gateway: whom it lets in, and what its answers say to those who made them.

use std::sync::Arc;

use crate::cors::CorsRules;

/// Of one route, or of a request that found none.
#[derive(Clone, Debug, Default)]
pub struct EdgeRules {
    /// Which sites' pages may read the answers; `None`: the upstream says so, if anybody.
    pub cors: Option<Arc<CorsRules>>,
}
