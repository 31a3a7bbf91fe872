//! A request that was let in, and where its answer comes from.

use std::sync::Arc;

use super::budget::Budget;
use super::visit::Visit;
use crate::aggregate::Aggregate;
use crate::auth::Identity;
use crate::config::{Route, Target, UpstreamCall};
use crate::limit::RuleSet;
use crate::request::Request;
use crate::respond::FixedAnswer;
use crate::upstream::Stamps;
use crate::upstream::trace::TraceParent;

/// A request that may be answered, but for the request itself.
#[derive(Clone, Copy)]
pub(super) struct Ready<'a> {
    pub(super) route: &'a Route,
    pub(super) destination: Destination<'a>,
    pub(super) identity: Option<&'a Identity>,
    pub(super) plan: Option<&'a RuleSet>,
    pub(super) trace: &'a TraceParent,
    pub(super) budget: Budget,
    /// Whether the answer may be given to others.
    pub(super) for_others: bool,
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
            tells_address: !self.for_others,
        }
    }
}

impl<'a> Destination<'a> {
    /// Of this request; which of several services it goes to is noted.
    pub(super) fn of(route: &'a Route, request: &Request, identity: Option<&Identity>, visit: &mut Visit) -> Self {
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
