//! The grammar: every key of the document with its type. The field names are the keys and the doc comments
//! are what editors show (`docs/config.schema.json`); `docs/configuration.md` tells the same at length.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use http::StatusCode;

use super::decode::{
    At, Body, ByteSize, Choice, Decode, Field, List, Map, OneOf, OneOrList, OneOrMore, Section, Slot, Text,
    fill_section, plain, sections,
};
use super::report::Report;
use super::tree::{Node, Place, Value};
use super::{ErrorFormat, UpstreamErrors};
use crate::limit::{ChargeOn, OnError, Period};
use crate::transform::OnUnparsable;

pub(super) mod aggregate;
pub(super) mod auth;
pub(super) mod cache;
pub(super) mod edge;
pub(super) mod transform;
pub(super) mod upstreams;

use aggregate::Composition;
use auth::Auth;
use auth::route::RouteAuth;
use cache::Cache;
use edge::{Compress, Cors, Ip, MaxHeaders, OrNone, SecurityStance};
use transform::{Transform, Transformation};
use upstreams::{Service, Share};

sections! {
    /// The config of a Tollgate gateway.
    Document {
        /// The version of this grammar: 1.
        version: At<NonZeroU32>,
        /// What holds where nothing more specific is said.
        defaults: Defaults,
        /// The shape of error answers.
        errors: Errors,
        /// Addresses and networks (CIDR) whose X-Forwarded-For entries count.
        trusted_proxies: List<Text>,
        /// Further request headers that never reach an upstream.
        sealed_headers: List<Text>,
        /// Request headers with an underscore in their name: drop (default) or keep.
        underscore_headers: OneOf<UnderscoreHeaders>,
        /// What the front door says in X-Origin-Secret of every request; one, or two while it is replaced.
        origin_secret: List<Text>,
        /// Who may come at all, by address.
        ip: Ip,
        /// How large the headers of a request may be; default what the front door takes.
        max_headers: MaxHeaders,
        /// Named services.
        upstreams: Map<Service>,
        /// How callers prove who they are. Without it every route must say `auth: none`.
        auth: Auth,
        /// How often callers may call.
        rate_limiting: RateLimiting,
        /// What callers may do by the plan they have. Plans that are not here are looked for in the config table; without
        /// this section nobody has a plan.
        plans: Map<Plan>,
        /// How requests and answers are reshaped, by path.
        transformations: List<Transformation>,
        /// What is served.
        (required) routes: List<Route>,
    }

    /// What holds where nothing more specific is said.
    Defaults {
        /// The longest an upstream call may take; default 10s.
        timeout: At<Duration>,
        /// How large the body of a request may be; default what Lambda takes.
        max_body: At<ByteSize>,
        /// Which sites' pages may read answers of routes that say nothing of it.
        cors: Cors,
        /// What answers tell browsers to be careful about: none (default), standard, or headers in place of the standard
        /// ones or beside them.
        security_headers: SecurityStance,
        /// Which answers are compressed for clients that take gzip: false (default), true, or some.
        compress: Compress,
        /// How many bytes the answers that routes keep (cache) may take in each function environment; default 16MiB.
        cache_memory: At<ByteSize>,
    }

    /// The shape of error answers.
    Errors {
        /// json (default), or problem for RFC 9457 always.
        format: OneOf<ErrorFormat>,
        /// What happens to upstreams' own 4xx and 5xx: pass (default) or wrap.
        upstream: OneOf<UpstreamErrors>,
    }

    /// How often callers may call.
    RateLimiting {
        /// What holds on every path without an override, and on every route that states no rate of its own.
        default: Shared,
        /// Other limits for some paths; the most specific path wins.
        overrides: List<Override>,
        /// The claim that names a caller's plan, as a dotted path; API keys name theirs themselves.
        plan_claim: Text,
        /// The plan of callers who are known and have none.
        default_plan: Text,
    }

    /// A rate, quotas, or both, which routes share.
    Shared {
        /// So many in each calendar window (UTC), beside the rate; one, or a list with several periods.
        quota: OneOrList<Amount>,
        ..rate: Rate,
    }

    /// Limits for some paths.
    Override {
        /// The paths they hold for, patterns allowed.
        (required) path: Text,
        ..shared: Shared,
    }

    /// What holds for each caller who has this plan.
    Plan {
        /// How fast.
        rate_limit: Box<Pace>,
        /// So many in each calendar window (UTC); one, or a list with several periods.
        quota: OneOrList<Amount>,
        ..manner: Manner,
    }

    /// A rate.
    Rate {
        ..pace: Pace,
        ..counting: Counting,
    }

    /// How fast: exactly one requests_per_... key.
    Pace {
        /// So many each second.
        requests_per_second: At<NonZeroU32>,
        /// So many each minute.
        requests_per_minute: At<NonZeroU32>,
        /// So many each hour.
        requests_per_hour: At<NonZeroU32>,
        /// So many each day.
        requests_per_day: At<NonZeroU32>,
        /// How many fit at once; default the number of the rate.
        burst: At<NonZeroU32>,
    }

    /// A quota of a route's own.
    Quota {
        ..amount: Amount,
        ..counting: Counting,
    }

    /// How many in which time.
    Amount {
        /// How many.
        (required) requests: At<NonZeroU64>,
        /// In which calendar window, UTC: minute, hour, day or month.
        (required) per: OneOf<Period>,
    }

    /// By what is counted, and how.
    Counting {
        /// What is counted by: client_ip (default), route, api_key, user, header:Name, claim:name, or a list of these.
        key: OneOrMore,
        /// Take a header for the key although any client can set it; default false.
        trust_client_key: At<bool>,
        ..manner: Manner,
    }

    /// How is counted.
    Manner {
        /// While requests cannot be counted: local (default; a tenth of the rate in each function environment), allow or
        /// deny (503).
        on_error: OneOf<OnError>,
        /// exact (default): one write for each request. lease: one write for several, taken ahead and spent soon after.
        mode: OneOf<CountingMode>,
        /// With mode lease, how many requests one write takes at most; default 50.
        lease_size: At<NonZeroU32>,
        /// all (default), or success: what the upstream answers with a 5xx, or not at all, is given back.
        charge_on: OneOf<ChargeOn>,
        /// Count, and log what would be refused, but refuse nothing; default false.
        shadow: At<bool>,
    }

    /// What is served.
    #[cfg_attr(feature = "schema", schemars(extend("oneOf" = [{ "required": ["upstream"] }, { "required": ["split"] }, { "required": ["aggregate"] }, { "required": ["respond"] }])))]
    Route {
        /// Its name in logs, metrics and counters; default made from methods and path.
        id: Text,
        /// The paths it takes: literal segments, * or {name} for one segment, ** for any tail.
        (required) path: Text,
        /// The methods it takes; default all. GET includes HEAD.
        methods: List<Text>,
        /// The hosts it takes; *.example.com for any below; default all.
        hosts: List<Text>,
        /// Request headers that must have exactly these values.
        headers: Map<Text>,
        /// Query parameters that must have exactly these values.
        query: Map<Text>,
        /// The media types that it answers with: Accept decides between routes that are alike otherwise.
        accept: List<Text>,
        /// The service behind it: a name of upstreams, or a URL. Or else split, aggregate or respond.
        upstream: Text,
        /// Several services that share its requests by weight, instead of an upstream; a canary comes last.
        split: List<Share>,
        /// With split, what always goes to the same service: user, client_ip, cookie:NAME or header:NAME. Default nothing.
        sticky: Text,
        /// The gateway's own answer, instead of an upstream: health, or status, headers and body.
        respond: Box<Respond>,
        /// What clients get instead of the gateway's own 502, 503 or 504 about its upstream, in place of the upstream's.
        fallback: Box<FixedAnswer>,
        /// Whole segments taken off the path before forwarding.
        strip_prefix: Text,
        /// The longest an upstream call may take; default: the upstream's.
        timeout: At<Duration>,
        /// none: no credentials are looked at. Else which methods, scopes and claims are asked for.
        auth: RouteAuth,
        /// Its own rate, in place of the default or an override.
        rate_limit: Box<Rate>,
        /// Its own quota, or a list of several; what is shared holds beside it unless the route has a rate of its own.
        quota: OneOrList<Quota>,
        /// What one request counts for in every limit; default 1.
        cost: At<NonZeroU32>,
        /// Who may use it, by address, of those who may come at all.
        ip: Box<Ip>,
        /// How large the body of a request may be; default defaults.max_body.
        max_body: At<ByteSize>,
        /// Which sites' pages may read its answers, in place of defaults.cors; none: the upstream says so.
        cors: Box<OrNone<Cors>>,
        /// What its answers tell browsers to be careful about, in place of defaults.security_headers.
        security_headers: Box<SecurityStance>,
        /// Which of its answers are compressed, in place of defaults.compress.
        compress: Box<Compress>,
        /// How its requests and answers are reshaped, after what transformations do to them.
        transform: Transform,
        /// Which of its answers to GET and HEAD are kept for others, and how long; default none.
        cache: Box<Cache>,
        ..composition: Composition,
    }

    /// An answer that is the same for every request.
    FixedAnswer {
        /// From 200 to 599; default 200.
        status: At<StatusCode>,
        /// Its headers; Content-Type is text/plain or application/json by the body when left out.
        headers: Map<Text>,
        /// A text as it stands, or an object or a list that is served as JSON; default none.
        body: Body,
    }
}

/// `respond` of a route.
#[derive(Debug)]
pub(super) enum Respond {
    /// One that the gateway knows by name.
    Named(OneOf<NamedAnswer>),
    Fixed(FixedAnswer),
}

impl Decode for Respond {
    fn decode(node: Node, report: &mut Report) -> Option<Self> {
        match &node.value {
            Value::Map(_) => FixedAnswer::decode(node, report).map(Self::Fixed),
            Value::Text(_) => OneOf::decode(node, report).map(Self::Named),
            _ => super::decode::refuse(
                &node,
                "health, usage, or an object with status, headers and body",
                report,
            ),
        }
    }
}

/// An answer that has a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum NamedAnswer {
    Health,
    Usage,
}

impl Choice for NamedAnswer {
    const WORDS: &'static [(&'static str, Self)] = &[("health", Self::Health), ("usage", Self::Usage)];
}

/// `underscore_headers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnderscoreHeaders {
    Drop,
    Keep,
}

impl Choice for UnderscoreHeaders {
    const WORDS: &'static [(&'static str, Self)] = &[("drop", Self::Drop), ("keep", Self::Keep)];
}

impl Choice for ErrorFormat {
    const WORDS: &'static [(&'static str, Self)] = &[("json", Self::Json), ("problem", Self::Problem)];
}

impl Choice for Period {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("minute", Self::Minute),
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("month", Self::Month),
    ];

    fn why_not(word: &str) -> Option<&'static str> {
        (word == "second").then_some("so short a window is a rate: requests_per_second")
    }
}

/// `mode` of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CountingMode {
    Exact,
    Lease,
}

impl Choice for CountingMode {
    const WORDS: &'static [(&'static str, Self)] = &[("exact", Self::Exact), ("lease", Self::Lease)];
}

impl Choice for ChargeOn {
    const WORDS: &'static [(&'static str, Self)] = &[("all", Self::All), ("success", Self::Success)];
}

impl Choice for OnError {
    const WORDS: &'static [(&'static str, Self)] =
        &[("local", Self::Local), ("allow", Self::Allow), ("deny", Self::Deny)];
}

impl Choice for UpstreamErrors {
    const WORDS: &'static [(&'static str, Self)] = &[("pass", Self::Pass), ("wrap", Self::Wrap)];
}

impl Choice for OnUnparsable {
    const WORDS: &'static [(&'static str, Self)] = &[("refuse", Self::Refuse), ("pass", Self::Pass)];
}
