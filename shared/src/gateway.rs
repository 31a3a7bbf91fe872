//! The life of a request, top to bottom. Read this file first; `docs/request-life.md` tells the same in prose.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Response, StatusCode};
use serde_json::value::RawValue;

use crate::auth::{Authenticator, Identity};
use crate::cache::{Cache, NotForOthers};
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, ErrorRules, HeaderRules, PathSection, Route, Target, UpstreamCall, UpstreamErrors};
use crate::edge::{EdgeRules, EntryRules};
use crate::edits::{Edits, Stage};
use crate::error::{GatewayError, response};
use crate::event::{Event, EventKind, NotHttp};
use crate::limit::{KeyPart, Limiter, Plans, RuleSet, Subject};
use crate::look_up::TableLookUps;
use crate::other_protocols;
use crate::record::Record;
use crate::request::Request;
use crate::respond;
use crate::router::Router;
use crate::store::Store;
use crate::transform::{TransformRules, Transforms};
use crate::upstream::client::HttpClient;
use crate::upstream::trace::TraceParent;
use crate::upstream::{Caller, InsteadOf, Trail};

mod aggregate;
pub(crate) mod budget;
mod cached;
mod ready;
#[cfg(test)]
mod tests;
mod visit;

use budget::Budget;
use ready::{Destination, Ready};
use visit::Visit;
pub use visit::request_id;

/// Everything that serves requests, built once from a checked config. Shared by all requests of a function
/// environment; whatever it remembers between them (key sets, connections, refused credentials) is that
/// environment's own.
#[derive(Debug)]
pub struct Gateway {
    kind: Option<EventKind>,
    clock: Arc<dyn Clock>,
    headers: HeaderRules,
    trusted_proxies: Vec<ipnet::IpNet>,
    entry: EntryRules,
    unrouted: EdgeRules,
    errors: ErrorRules,
    router: Router,
    authenticator: Authenticator,
    limiter: Limiter,
    plans: Plans,
    transformations: Vec<PathSection<TransformRules>>,
    caller: Caller,
    /// `None` where no route keeps answers.
    cache: Option<Cache>,
    served: AtomicBool,
}

/// The seams a gateway stands on.
#[derive(Clone, Debug)]
pub struct Seams {
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
    /// Calls to upstreams, and to introspection endpoints, which are asked as often.
    pub upstreams: Arc<dyn HttpClient>,
    /// Calls to issuers, for their key sets.
    pub issuers: Arc<dyn HttpClient>,
    /// Counters, API keys, sessions, and key sets that outlive an environment.
    pub store: Arc<dyn Store>,
}

/// What one event comes to.
#[derive(Debug)]
pub struct Answer {
    /// The response event.
    pub event: Box<RawValue>,
    /// The log line, without its newline.
    pub log: String,
}

impl Gateway {
    /// Compiles a checked config. `kind` fixes the front door; `None` tells it from each event's shape.
    pub fn new(config: Config, kind: Option<EventKind>, seams: Seams) -> Self {
        let look_ups = TableLookUps::default();
        let plans = Plans::new(
            config.limits.plans.clone(),
            look_ups.config.clone(),
            Arc::clone(&seams.store),
            Arc::clone(&seams.clock),
        );
        let cache = config
            .cache
            .map(|settings| Cache::new(settings, &seams, &look_ups.state));
        Self {
            kind,
            headers: config.headers,
            trusted_proxies: config.trusted_proxies,
            entry: config.entry,
            unrouted: config.unrouted,
            errors: config.errors,
            router: Router::new(&config.routes),
            authenticator: Authenticator::sharing(config.auth, &seams, &look_ups),
            plans,
            limiter: Limiter::new(config.limits, seams.store, Arc::clone(&seams.clock)),
            transformations: config.transformations,
            caller: Caller::new(seams.upstreams, &config.upstreams),
            cache,
            clock: seams.clock,
            served: AtomicBool::new(false),
        }
    }

    /// Opens what the first request would otherwise wait for. Never fails: what is down now may be up later.
    pub async fn warm(&self) {
        tokio::join!(self.limiter.warm(), self.caller.warm());
    }

    /// Answers one event; `deadline` is when Lambda ends the invocation. Only an event that is no HTTP request
    /// is an error: every other one, however broken, gets an answer and a log line.
    pub async fn handle(&self, payload: &str, deadline: Timestamp) -> Result<Answer, NotHttp> {
        self.handle_telling(payload, deadline, &mut Edits::default()).await
    }

    /// The same, which tells `edits` what it changes.
    pub async fn handle_telling(
        &self,
        payload: &str,
        deadline: Timestamp,
        edits: &mut Edits,
    ) -> Result<Answer, NotHttp> {
        let now = self.clock.now();
        let mut record = Record::start(now, !self.served.swap(true, Ordering::Relaxed));
        record.stage("read");
        let event = Event::read(payload, self.kind)?;
        let form = event.form();
        let budget = Budget::new(event.kind(), now, deadline);
        let mut visit = Visit::open(record, &event, budget, self.errors.format, &self.unrouted, edits);

        let outcome = AssertUnwindSafe(self.run(event, budget, &mut visit))
            .catch_unwind()
            .await;
        let answer = outcome.unwrap_or_else(|panic| {
            Err(GatewayError::Internal {
                why: panic_message(&*panic),
            })
        });
        let answer = answer.unwrap_or_else(|error| visit.refuse(&error));
        Ok(visit.end(form, answer))
    }

    /// The stages in order. Each either goes on or ends the request with its error; what later answers must
    /// carry is kept in `visit` as soon as it is known.
    async fn run(&self, event: Event, budget: Budget, visit: &mut Visit<'_>) -> Result<Response<Bytes>, GatewayError> {
        let mut request = event.request(&self.trusted_proxies)?;
        visit.record.method = Some(request.method.clone());
        visit.record.path = Some(request.path.as_str().to_owned());
        let trace = TraceParent::of(&request.headers);
        visit.record.trace_id = Some(trace.trace_id().to_owned());
        self.entry.check(&request)?;
        other_protocols::refuse(&request.headers)?;
        let headers = &mut request.headers;
        visit
            .edits
            .headers(Stage::Seal, None, headers, |headers| self.headers.seal(headers));

        visit.record.stage("route");
        let found = self.router.find(&request)?;
        let route = found.route;
        visit.record.route = Some(Arc::clone(&route.id));
        visit.enter(found, &request);
        route.edge.check_address(&request)?;
        if let Some(answer) = visit.preflight(&request) {
            return Ok(answer);
        }

        let rules = self.limiter.rules(route, &request.path);
        let (anonymous, personal): (Vec<&RuleSet>, Vec<&RuleSet>) =
            rules.into_iter().partition(|rule| rule.needs_no_identity());
        self.admit(&anonymous, route, &request, None, visit).await?;

        visit.record.stage("authenticate");
        let identity = self.authenticator.authenticate(route, &request, budget.left()).await?;
        visit.edits.request(Stage::Withhold, None, &mut request, |request| {
            self.authenticator.withhold(route, identity.as_ref(), request);
        });
        if let Some(identity) = &identity {
            visit.record.auth = identity.method_names();
            let (at, headers) = (identity.proven_by(), &mut request.headers);
            visit
                .edits
                .headers(Stage::Stamp, Some(at), headers, |headers| identity.stamp(headers));
            // A rule names its own subject; only where none counts is the caller's hash worth its price.
            if visit.record.subject.is_none() && personal.is_empty() {
                let caller = Subject::of_caller(identity, route, &request);
                visit.record.subject = Some(caller.as_str().to_owned());
            }
        }
        self.admit(&personal, route, &request, identity.as_ref(), visit).await?;
        let plan = match &identity {
            Some(identity) => self.plans.of(identity, route.cost.get(), &mut visit.patience).await?,
            None => None,
        };
        if let Some(plan) = plan.as_deref().filter(|_| !matches!(route.target, Target::Usage)) {
            self.admit(&[plan], route, &request, identity.as_ref(), visit).await?;
        }
        route.edge.check_body(&request)?;

        let transforms = Transforms::of(&self.transformations, route, &request.path);
        let (identity, plan) = (identity.as_ref(), plan.as_deref());
        let ready = Ready {
            route,
            request: &request,
            identity,
            plan,
            destination: Destination::of(route, &request, identity, visit),
            transforms: &transforms,
            trace: &trace,
            budget,
            for_others: None,
        };
        self.cached(ready, visit).await
    }

    /// What the route's target gives, reshaped.
    async fn answer(&self, ready: Ready<'_>, visit: &mut Visit<'_>) -> Result<Response<Bytes>, GatewayError> {
        let mut answer = match ready.destination {
            Destination::Call(call) => self.call(call, ready, visit).await?,
            Destination::Aggregate(aggregate) => self.aggregate(aggregate, ready, visit).await?,
            Destination::Respond(fixed) => visit.respond(fixed),
            Destination::Usage => self.usage(ready, visit).await?,
        };
        if ready.for_others.is_some() {
            NotForOthers::mark(&mut answer);
        }
        visit.record.stage("transform");
        if visit.record.upstream_status.is_some_and(|status| self.wraps(status)) {
            let wrapped = visit.edits.answer(Stage::Wrap, answer, |answer| {
                response::wrap_upstream(answer, visit.error_format, &visit.request_id)
            });
            return Ok(ready.transforms.headers(wrapped, &ready.values(), visit.edits));
        }
        ready.transforms.response(answer, &ready.values(), visit.edits)
    }

    /// What the caller has left of the limits that are shared by routes, and of the plan.
    async fn usage(&self, ready: Ready<'_>, visit: &mut Visit<'_>) -> Result<Response<Bytes>, GatewayError> {
        let Ready {
            route,
            request,
            identity,
            plan,
            ..
        } = ready;
        visit.record.stage("respond");
        let sets = self.limiter.shared(&request.path).into_iter().chain(plan);
        let mut usage = Vec::new();
        // What is counted by route is counted elsewhere: here it is always full.
        let shown = |set: &&RuleSet| !set.manner.shadow && !set.key.contains(&KeyPart::Route);
        for set in sets.filter(shown) {
            let subject = Subject::of(set, route, request, identity);
            usage.extend(self.limiter.usage(set, &subject, &mut visit.patience).await?);
        }
        Ok(respond::usage(plan.map(|plan| &*plan.name), &usage))
    }

    /// Counts the request against each of these. What was decided is kept for every later answer.
    async fn admit(
        &self,
        rules: &[&RuleSet],
        route: &Route,
        request: &Request,
        identity: Option<&Identity>,
        visit: &mut Visit<'_>,
    ) -> Result<(), GatewayError> {
        for rule in rules {
            visit.record.stage("limit");
            let subject = Subject::of(rule, route, request, identity);
            visit.record.subject = Some(subject.as_str().to_owned());
            let cost = route.cost.get();
            let admission = self.limiter.admit(rule, &subject, cost, &mut visit.patience).await;
            visit.admitted(admission)?;
        }
        Ok(())
    }

    async fn call(
        &self,
        call: &UpstreamCall,
        ready: Ready<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<Response<Bytes>, GatewayError> {
        visit.record.stage("call");
        visit.record.upstream = Some(Arc::clone(&call.upstream.name));
        let request = ready.outgoing(visit.edits)?;
        let stamps = ready.stamps(&visit.request_id);
        let mut trail = Trail::default();
        let answer = self
            .caller
            .call_on(call, &request, stamps, ready.budget.left(), &mut trail)
            .await;
        visit.record.trail = trail;
        if answer.as_ref().map_or(true, failed) {
            self.limiter.give_back(&mut visit.limits, &mut visit.patience).await;
        }
        let answer = answer?;
        match answer.extensions().get() {
            Some(InsteadOf(error)) => visit.record.fall_back(error),
            None => visit.record.upstream_status = Some(answer.status()),
        }
        Ok(answer)
    }

    /// Whether `errors.upstream` puts an upstream's answer of this status into the gateway's own shape.
    fn wraps(&self, status: StatusCode) -> bool {
        self.errors.upstream == UpstreamErrors::Wrap && (status.is_client_error() || status.is_server_error())
    }
}

/// Whether an upstream did not do what it was asked.
fn failed(answer: &Response<Bytes>) -> bool {
    answer.status().is_server_error() || answer.extensions().get::<InsteadOf>().is_some()
}

/// What a panic says, for the log.
pub fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without a message"))
}
