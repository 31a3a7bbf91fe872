//! Between validation and the route's target: an answer that is kept, or the target's, which may then be kept.

use bytes::Bytes;
use http::{HeaderName, Response};

use super::Gateway;
use super::ready::Ready;
use super::visit::Visit;
use crate::cache::{Asked, Cache, CacheOutcome, CacheRules, Given, Kept, Passed, Search, is_safe};
use crate::error::GatewayError;
use crate::request::Request;

/// What an aggregate says of parts that it lacks.
const X_PARTIAL: HeaderName = HeaderName::from_static("x-partial");

impl Gateway {
    /// The answer, by way of the cache where the route has one.
    pub(super) async fn cached(
        &self,
        ready: Ready<'_>,
        mut request: Request,
        visit: &mut Visit,
    ) -> Result<Response<Bytes>, GatewayError> {
        let Some(cache) = &self.cache else {
            return self.answer(ready, &mut request, None, visit).await;
        };
        let answer = match &ready.route.cache {
            Some(rules) => {
                let given = self.through(cache, rules, ready, &mut request, visit).await?;
                visit.record.cache = Some(given.outcome);
                given.answer
            }
            None => self.answer(ready, &mut request, None, visit).await?,
        };
        if !is_safe(&request.method) {
            cache.note_write(&request, &answer, ready.budget.left()).await;
        }
        Ok(answer)
    }

    async fn through(
        &self,
        cache: &Cache,
        rules: &CacheRules,
        ready: Ready<'_>,
        request: &mut Request,
        visit: &mut Visit,
    ) -> Result<Given, GatewayError> {
        visit.record.stage("cache");
        if let Some(passed) = Passed::of(request) {
            visit.record.cache = Some(CacheOutcome::Bypass);
            let answer = self.answer(ready, request, None, visit).await?;
            return Ok(passed.given(answer));
        }
        let asked = Asked {
            rules,
            route_id: &ready.route.id,
            service: ready.service(),
            request,
            identity: ready.identity,
        };
        let mut errand = match cache.search(asked, ready.budget.left()).await? {
            Search::Found(given) => return Ok(given),
            Search::Ask(errand) => errand,
        };
        let ready = Ready {
            for_others: true,
            ..ready
        };
        loop {
            visit.record.cache = Some(CacheOutcome::Miss);
            let in_doubt = errand.in_doubt();
            let answer = self
                .answer(ready, &mut errand.request, in_doubt.as_deref(), visit)
                .await;
            visit.record.stage("cache");
            let is_for_all = answer.as_ref().is_ok_and(|answer| self.is_for_all(answer, visit));
            match cache.keep(errand, answer, is_for_all, ready.budget.left()).await {
                Kept::Given(given) => return given,
                Kept::Again(again) => errand = again,
            }
        }
    }

    /// Whether an answer is what the service said, and all of it: not an error in the gateway's own words, which name the
    /// request that they are for, and not an aggregate without some of its parts.
    fn is_for_all(&self, answer: &Response<Bytes>, visit: &Visit) -> bool {
        let wrapped = visit.record.upstream_status.is_some_and(|status| self.wraps(status));
        !wrapped && !answer.headers().contains_key(X_PARTIAL)
    }
}
