//! A request that was let in, and where its answer comes from.

use std::borrow::Cow;
use std::sync::Arc;

use super::budget::Budget;
use super::visit::Visit;
use crate::aggregate::Aggregate;
use crate::auth::Identity;
use crate::cache::Errand;
use crate::config::{Route, Target, UpstreamCall};
use crate::edits::Edits;
use crate::error::GatewayError;
use crate::limit::RuleSet;
use crate::request::Request;
use crate::respond::FixedAnswer;
use crate::template::{Source, Values};
use crate::transform::Transforms;
use crate::upstream::Stamps;
use crate::upstream::trace::TraceParent;

/// A request that may be answered.
#[derive(Clone, Copy)]
pub(super) struct Ready<'a> {
    pub(super) route: &'a Route,
    /// The client's, sealed and stamped.
    pub(super) request: &'a Request,
    pub(super) identity: Option<&'a Identity>,
    pub(super) plan: Option<&'a RuleSet>,
    pub(super) destination: Destination<'a>,
    pub(super) transforms: &'a Transforms<'a>,
    pub(super) trace: &'a TraceParent,
    pub(super) budget: Budget,
    /// What is asked instead of the request itself, where the answer may be given to others.
    pub(super) for_others: Option<&'a Errand<'a>>,
}

/// A route's target for one request.
#[derive(Clone, Copy)]
pub(super) enum Destination<'a> {
    Call(&'a UpstreamCall),
    Aggregate(&'a Aggregate),
    Respond(&'a FixedAnswer),
    Usage,
}

impl<'a> Ready<'a> {
    /// What texts of the config are filled with: always of the request that the client sent.
    pub(super) fn values(&self) -> Values<'a> {
        Values {
            request: self.request,
            identity: self.identity,
            parts: &[],
        }
    }

    /// What texts of the config name that have a part in the answer.
    pub(super) fn sources(&self) -> Vec<&'a Source> {
        let of_parts = match self.destination {
            Destination::Aggregate(aggregate) => Some(aggregate.sources()),
            Destination::Call(_) | Destination::Respond(_) | Destination::Usage => None,
        };
        self.transforms
            .sources()
            .chain(of_parts.into_iter().flatten())
            .collect()
    }

    /// The request as a service gets it.
    ///
    /// # Errors
    /// As [`Transforms::request`].
    pub(super) fn outgoing(&self, edits: &mut Edits) -> Result<Cow<'a, Request>, GatewayError> {
        let mut request = self.transforms.request(self.asking(), &self.values(), edits)?;
        if let Some(entry) = self.for_others.and_then(Errand::in_doubt) {
            entry.ask_whether_changed(&mut request.to_mut().headers);
        }
        Ok(request)
    }

    /// The request whose headers parts of an aggregate get.
    pub(super) fn for_parts(&self, edits: &mut Edits) -> Cow<'a, Request> {
        self.transforms.headers_for_parts(self.asking(), &self.values(), edits)
    }

    fn asking(&self) -> &'a Request {
        self.for_others.map_or(self.request, |errand| &errand.request)
    }

    /// The name of the one service that is called, if it is one.
    pub(super) fn service(&self) -> Option<&'a str> {
        match self.destination {
            Destination::Call(call) => Some(&call.upstream.name),
            Destination::Aggregate(_) | Destination::Respond(_) | Destination::Usage => None,
        }
    }

    /// What services are told of the exchange.
    pub(super) fn stamps<'s>(&'s self, request_id: &'s str) -> Stamps<'s> {
        Stamps {
            request_id,
            trace: self.trace,
            // An answer that is kept for others must not depend on where the first of them is.
            tells_address: self.for_others.is_none(),
        }
    }
}

impl<'a> Destination<'a> {
    /// Of this request; which of several services it goes to is noted.
    pub(super) fn of(route: &'a Route, request: &Request, identity: Option<&Identity>, visit: &mut Visit<'_>) -> Self {
        match &route.target {
            Target::Call(call) => Self::Call(call),
            Target::Split(split) => {
                let call = split.choose(request, identity);
                visit.record.variant = Some(Arc::clone(&call.upstream.name));
                Self::Call(call)
            }
            Target::Aggregate(aggregate) => Self::Aggregate(aggregate),
            Target::Respond(fixed) => Self::Respond(fixed),
            Target::Usage => Self::Usage,
        }
    }
}
