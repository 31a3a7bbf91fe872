//! Between validation and the route's target: an answer that is kept, or the target's, which may then be kept.

use bytes::Bytes;
use http::Response;

use super::Gateway;
use super::ready::Ready;
use super::visit::Visit;
use crate::cache::{Asked, Cache, CacheOutcome, CacheRules, ForOne, Given, Kept, Passed, Search, is_safe};
use crate::error::GatewayError;
use crate::upstream::InsteadOf;

impl Gateway {
    /// The answer, by way of the cache where the route has one.
    pub(super) async fn cached(
        &self,
        ready: Ready<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<Response<Bytes>, GatewayError> {
        let Some(cache) = &self.cache else {
            return self.answer(ready, visit).await;
        };
        let answer = match &ready.route.cache {
            Some(rules) => {
                let given = self.through(cache, rules, ready, visit).await?;
                visit.record.cache = Some(given.outcome);
                given.answer
            }
            None => self.answer(ready, visit).await?,
        };
        if !is_safe(&ready.request.method) {
            cache.note_write(ready.request, &answer, ready.budget.left()).await;
        }
        Ok(answer)
    }

    async fn through(
        &self,
        cache: &Cache,
        rules: &CacheRules,
        ready: Ready<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<Given, GatewayError> {
        visit.record.stage("cache");
        if let Some(passed) = Passed::of(ready.request) {
            visit.record.cache = Some(CacheOutcome::Bypass);
            let answer = self.answer(ready, visit).await?;
            return Ok(passed.given(answer));
        }
        let (values, sources) = (ready.values(), ready.sources());
        let asked = Asked {
            rules,
            route_id: &ready.route.id,
            service: ready.service(),
            values,
            sources: &sources,
        };
        let mut errand = match cache.search(asked, ready.budget.left()).await? {
            Search::Found(given) => return Ok(given),
            Search::Ask(errand) => errand,
        };
        loop {
            visit.record.cache = Some(CacheOutcome::Miss);
            let for_others = Ready {
                for_others: Some(&errand),
                ..ready
            };
            let answer = self.answer(for_others, visit).await;
            visit.record.stage("cache");
            let is_for_all = answer.as_ref().is_ok_and(|answer| self.is_for_all(answer, visit));
            match cache.keep(errand, answer, is_for_all, ready.budget.left()).await {
                Kept::Given(given) => return given,
                Kept::Again(again) => errand = again,
            }
        }
    }

    /// Whether an answer is what the service said, and all of it: not an error in the gateway's own words, which name the
    /// request that they are for, not what stands in for a service that failed, not an aggregate without some of its
    /// parts, and not what the service has said is for one caller. Rules for headers have no say in that.
    fn is_for_all(&self, answer: &Response<Bytes>, visit: &Visit<'_>) -> bool {
        let wrapped = visit.record.upstream_status.is_some_and(|status| self.wraps(status));
        let stands_in = answer.extensions().get::<InsteadOf>().is_some();
        let partial = visit.record.parts.iter().any(|part| part.error.is_some());
        let for_one = answer.extensions().get::<ForOne>().is_some();
        !wrapped && !stands_in && !partial && !for_one
    }
}
