//! Finds the route of a request: a tree of path segments, then the other conditions at its leaves.
//!
//! Precedence: patterns are compared segment by segment from the left (literal, then `{id}` or `*`, then `**`);
//! what still ties, by hosts given (exact before wildcard before none), then by more header and query
//! conditions, then by what `Accept` likes best (before routes that do not ask), then by file order. The search walks the
//! tree in that very order, so its first hit is the route.

use std::collections::HashMap;
use std::sync::Arc;

use http::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_LANGUAGE, CONTENT_TYPE, RANGE};
use http::{HeaderName, Method};

use crate::accept::{Accept, MediaType, Weight};
use crate::config::Route;
use crate::cors;
use crate::error::GatewayError;
use crate::path::Segment;
use crate::request::Request;

#[cfg(test)]
mod tests;

/// What a route asks for besides its path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Empty: every method. `GET` includes `HEAD`.
    pub methods: Vec<Method>,
    /// Empty: every host. Lower case, without a port; `*.example.com` takes one or more labels in front.
    pub hosts: Vec<String>,
    /// Headers that must have exactly this value.
    pub headers: Vec<(HeaderName, String)>,
    /// Query parameters, decoded, of which one occurrence must have exactly this value.
    pub query: Vec<(String, String)>,
    /// What it answers with. Empty: no word of it; else `Accept` must take one of them, and of several routes that are
    /// alike otherwise the one that it likes best is found.
    pub accept: Vec<MediaType>,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Found<'r> {
    /// The route.
    pub route: &'r Arc<Route>,
    /// Whether `Accept` had a say in it: another might have found another route, or none.
    pub by_accept: bool,
    /// The headers, each once, that routes asked for on the way to this one: other values might have found another.
    pub by_headers: Vec<HeaderName>,
}

/// The routing table, compiled once. A look-up follows the path, turning back where a more specific branch
/// leads nowhere; routes on other branches cost nothing, however many there are.
#[derive(Debug)]
pub struct Router {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<Box<str>, usize>,
    single: Option<usize>,
    /// Routes whose pattern ends here, best first.
    here: Vec<Arc<Route>>,
    /// Routes whose pattern goes on with `**` here, best first.
    tail: Vec<Arc<Route>>,
}

const ROOT: usize = 0;

impl Router {
    /// Builds the tree from the routes in file order.
    pub fn new(routes: &[Arc<Route>]) -> Self {
        let mut router = Self {
            nodes: vec![Node::default()],
        };
        for route in routes {
            router.insert(route);
        }
        for node in &mut router.nodes {
            // The sort is stable: file order decides what still ties.
            node.here.sort_by_key(|route| route.conditions.rank());
            node.tail.sort_by_key(|route| route.conditions.rank());
        }
        router
    }

    fn insert(&mut self, route: &Arc<Route>) {
        let mut at = ROOT;
        for segment in route.pattern.segments() {
            at = match segment {
                Segment::Tail => return self.nodes[at].tail.push(Arc::clone(route)),
                Segment::Single => match self.nodes[at].single {
                    Some(next) => next,
                    None => {
                        let next = self.add_node();
                        self.nodes[at].single = Some(next);
                        next
                    }
                },
                Segment::Literal(text) => match self.nodes[at].literals.get(text.as_str()) {
                    Some(&next) => next,
                    None => {
                        let next = self.add_node();
                        self.nodes[at].literals.insert(text.as_str().into(), next);
                        next
                    }
                },
            };
        }
        self.nodes[at].here.push(Arc::clone(route));
    }

    fn add_node(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    /// The route of a request. Errors: `NotAcceptable` when routes fit in everything but what they answer with,
    /// `MethodNotAllowed` when they fit in everything but the method, `NotFound` when none does.
    pub fn find(&self, request: &Request) -> Result<Found<'_>, GatewayError> {
        let segments: Vec<&str> = request.path.segments().collect();
        let mut search = Search {
            nodes: &self.nodes,
            request,
            asked: cors::requested_method(request),
            allow: Vec::new(),
            accept: None,
            refused: Vec::new(),
            by_headers: Vec::new(),
        };
        if let Some(route) = search.below(ROOT, &segments) {
            let by_accept = search.accept.is_some();
            let by_headers = search.by_headers;
            return Ok(Found {
                route,
                by_accept,
                by_headers,
            });
        }
        if !search.refused.is_empty() {
            let types = search.refused.iter().map(ToString::to_string).collect();
            return Err(GatewayError::NotAcceptable { types });
        }
        if search.allow.is_empty() {
            return Err(GatewayError::NotFound);
        }
        search.allow.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        search.allow.dedup();
        Err(GatewayError::MethodNotAllowed { allow: search.allow })
    }
}

struct Search<'r, 'a> {
    nodes: &'r [Node],
    request: &'a Request,
    /// The method that it asks for, if it is a preflight.
    asked: Option<Method>,
    /// Methods of the routes that fit in everything else.
    allow: Vec<Method>,
    /// What the request accepts, once a route asks.
    accept: Option<Accept>,
    /// What the routes answer with that fit in everything else.
    refused: Vec<&'r MediaType>,
    /// The headers that routes have asked for, each once.
    by_headers: Vec<HeaderName>,
}

impl<'r> Search<'r, '_> {
    fn below(&mut self, at: usize, rest: &[&str]) -> Option<&'r Arc<Route>> {
        let node = &self.nodes[at];
        let found = match rest.split_first() {
            None => self.first(&node.here),
            Some((segment, rest)) => {
                let literal = node.literals.get(*segment).and_then(|&next| self.below(next, rest));
                literal.or_else(|| {
                    node.single
                        .filter(|_| !segment.is_empty())
                        .and_then(|next| self.below(next, rest))
                })
            }
        };
        found.or_else(|| self.first(&node.tail))
    }

    fn first(&mut self, candidates: &'r [Arc<Route>]) -> Option<&'r Arc<Route>> {
        let mut best: Option<(&'r Arc<Route>, Weight)> = None;
        for route in candidates {
            // Those of one rank stand together.
            if best.is_some_and(|(best, _)| best.conditions.rank() != route.conditions.rank()) {
                break;
            }
            self.note_headers(route);
            let fits = match route.edge.cors {
                Some(_) if self.asked.is_some() => route.conditions.may_hold_after_preflight(self.request),
                _ => route.conditions.hold_but_for_method(self.request),
            };
            if !fits {
                continue;
            }
            if self.takes_method(route) {
                let Some(weight) = self.weigh(route) else {
                    return Some(route);
                };
                if weight > best.map_or(0, |(_, weight)| weight) {
                    best = Some((route, weight));
                }
                continue;
            }
            self.allow.extend(route.conditions.methods.iter().cloned());
            if route.conditions.methods.contains(&Method::GET) {
                self.allow.push(Method::HEAD);
            }
        }
        best.map(|(route, _)| route)
    }

    fn note_headers(&mut self, route: &Route) {
        let asks = !route.conditions.headers.is_empty() && route.conditions.take_host_and_query(self.request);
        for (name, _) in route.conditions.headers.iter().filter(|_| asks) {
            if !self.by_headers.contains(name) {
                self.by_headers.push(name.clone());
            }
        }
    }

    /// How much the request likes what a route answers with; `None` where that does not matter.
    fn weigh(&mut self, route: &'r Route) -> Option<Weight> {
        let types = &route.conditions.accept;
        // What the request itself will accept, its preflight does not say.
        let is_preflight = self.asked.is_some() && route.edge.cors.is_some();
        if types.is_empty() || is_preflight {
            return None;
        }
        let accept = self.accept.get_or_insert_with(|| Accept::of(&self.request.headers));
        let weight = types.iter().map(|media| accept.weight(media)).max().unwrap_or(0);
        if weight == 0 {
            self.refused.extend(types);
        }
        Some(weight)
    }
}

impl Search<'_, '_> {
    /// Whether the route takes the request's method; of a CORS preflight (Fetch standard, section 4.8) that which it asks for.
    /// Where the upstream answers preflights, its own `OPTIONS` counts as well.
    fn takes_method(&self, route: &Route) -> bool {
        let asked = self.asked.as_ref();
        let for_it = asked.is_some_and(|asked| route.conditions.take_method(asked));
        let answered_here = asked.is_some() && route.edge.cors.is_some();
        for_it || !answered_here && route.conditions.take_method(&self.request.method)
    }
}

impl Conditions {
    /// Smaller is better.
    fn rank(&self) -> (u8, std::cmp::Reverse<usize>, bool) {
        let hosts = match self.hosts.as_slice() {
            [] => 2,
            hosts if hosts.iter().any(|host| host.starts_with("*.")) => 1,
            _ => 0,
        };
        let more = std::cmp::Reverse(self.headers.len() + self.query.len());
        (hosts, more, self.accept.is_empty())
    }

    fn take_method(&self, method: &Method) -> bool {
        self.methods.is_empty()
            || self.methods.contains(method)
            || (*method == Method::HEAD && self.methods.contains(&Method::GET))
    }

    fn hold_but_for_method(&self, request: &Request) -> bool {
        self.take_host_and_query(request) && self.headers.iter().all(|header| has(request, header))
    }

    /// The same of the request that a preflight is for. What will be in its headers no preflight says, so of those that it may
    /// have any value will do: of those that it names, and of those that browsers never name.
    fn may_hold_after_preflight(&self, request: &Request) -> bool {
        let may_have = |(name, _): &(HeaderName, String)| SAFELISTED.contains(name) || cors::announces(request, name);
        self.take_host_and_query(request)
            && self
                .headers
                .iter()
                .all(|header| has(request, header) || may_have(header))
    }

    fn take_host_and_query(&self, request: &Request) -> bool {
        self.take_host(&request.host)
            && self.query.iter().all(|(name, value)| {
                url::form_urlencoded::parse(request.query.as_bytes())
                    .any(|(found_name, found)| found_name == name.as_str() && found == value.as_str())
            })
    }

    fn take_host(&self, host: &str) -> bool {
        self.hosts.is_empty()
            || self.hosts.iter().any(|wanted| match wanted.strip_prefix('*') {
                // `.example.com`: at least one label has to stand in front of it.
                Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
                None => host == wanted,
            })
    }
}

/// Headers that pages may set unasked (Fetch standard, section 2.2.2), some only with certain values.
const SAFELISTED: [HeaderName; 5] = [ACCEPT, ACCEPT_LANGUAGE, CONTENT_LANGUAGE, CONTENT_TYPE, RANGE];

fn has(request: &Request, (name, value): &(HeaderName, String)) -> bool {
    let mut values = request.headers.get_all(name).iter();
    values.any(|found| found.as_bytes() == value.as_bytes())
}
