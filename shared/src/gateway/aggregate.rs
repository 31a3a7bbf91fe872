//! The stage that calls several services in the place of one.

use bytes::Bytes;
use http::Response;

use super::Gateway;
use super::budget::Budget;
use super::visit::Visit;
use crate::aggregate::{Aggregate, Asked};
use crate::auth::Identity;
use crate::error::GatewayError;
use crate::request::Request;
use crate::upstream::Stamps;
use crate::upstream::trace::TraceParent;

impl Gateway {
    /// The parts' answers in one. What they were counted for is given back where a service is to blame that there is none.
    pub(super) async fn aggregate(
        &self,
        aggregate: &Aggregate,
        request: &Request,
        identity: Option<&Identity>,
        trace: &TraceParent,
        budget: Budget,
        visit: &mut Visit,
    ) -> Result<Response<Bytes>, GatewayError> {
        visit.record.stage("aggregate");
        let asked = Asked {
            request,
            identity,
            stamps: Stamps {
                request_id: &visit.request_id,
                trace,
            },
            budget: budget.left(),
        };
        let answer = aggregate.answer(&self.caller, asked, &mut visit.record.parts).await;
        let status = answer.as_ref().map_or_else(GatewayError::status, Response::status);
        if status.is_server_error() {
            self.limiter.give_back(&visit.limits, &mut visit.patience).await;
        }
        answer
    }
}
