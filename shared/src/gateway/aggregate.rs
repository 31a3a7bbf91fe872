//! The stage that calls several services in the place of one.

use bytes::Bytes;
use http::Response;

use super::Gateway;
use super::ready::Ready;
use super::visit::Visit;
use crate::aggregate::{Aggregate, Asked};
use crate::error::GatewayError;

impl Gateway {
    /// The parts' answers in one. What they were counted for is given back where a service is to blame that there is none.
    pub(super) async fn aggregate(
        &self,
        aggregate: &Aggregate,
        ready: Ready<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<Response<Bytes>, GatewayError> {
        visit.record.stage("aggregate");
        // A cache may ask twice; the record tells of the answer that was given.
        visit.record.parts.clear();
        let request = ready.for_parts(visit.edits);
        let asked = Asked {
            request: &request,
            values: ready.values(),
            stamps: ready.stamps(&visit.request_id),
            budget: ready.budget.left(),
        };
        let answer = aggregate.answer(&self.caller, asked, &mut visit.record.parts).await;
        let status = answer.as_ref().map_or_else(GatewayError::status, Response::status);
        if status.is_server_error() {
            self.limiter.give_back(&mut visit.limits, &mut visit.patience).await;
        }
        answer
    }
}
