//! The config document: text in, checked domain types out, or every mistake at once.
//!
//! The way of a document: text -> `json` or `yaml` -> `tree` (every value knows its line and pointer) ->
//! `placeholder` -> `decode` into the sections of `raw`, which mirror the document -> `check` into the types of
//! this file and of the stages. Nothing outside this module sees `raw`. Each step reports what is wrong to one
//! `report` and goes on with the rest.

mod check;
mod compact;
mod decode;
mod edition;
mod json;
mod packed;
mod placeholder;
mod raw;
mod report;
#[cfg(feature = "schema")]
mod schema;
mod source;
#[cfg(test)]
mod tests;
mod tree;
mod yaml;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use self::decode::Decode as _;
use self::edition::Fillings;
use self::report::Report;
use self::tree::Node;
use crate::aggregate::Aggregate;
use crate::auth::{AuthRules, RouteAuth};
use crate::cache::{CacheRules, CacheSettings};
use crate::edge::{EdgeRules, EntryRules};
use crate::headers::SealedHeaders;
use crate::limit::{PlanRules, RuleSet};
use crate::path::{PathPattern, PathPrefix};
use crate::respond::FixedAnswer;
use crate::router::Conditions;
use crate::transform::TransformRules;
use crate::upstream::Upstream;
use crate::upstream::split::Split;

pub use source::{Document, Origin};

/// A JSON pointer (RFC 6901) into the config document: where a compiled rule came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pointer(Arc<str>);

impl Pointer {
    /// From its text, such as `/routes/2/upstream`.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// That of a member of what is there; the place itself for no name. The name must need no escape.
    pub(crate) fn member(&self, name: &str) -> Self {
        match name {
            "" => self.clone(),
            name => Self(format!("{}/{name}", self.0).into()),
        }
    }
}

/// A config that cannot be wrong: every name resolved, every number in range.
#[derive(Clone, Debug)]
pub struct Config {
    /// In file order.
    pub routes: Vec<Arc<Route>>,
    /// `upstreams`, in file order: each knows its position.
    pub upstreams: Vec<Arc<Upstream>>,
    /// How requests prove who sends them.
    pub auth: AuthRules,
    /// `rate_limiting`: the default and the path overrides.
    pub limits: PathLimits,
    /// `transformations`, in file order; every section whose path matches applies.
    pub transformations: Vec<PathSection<TransformRules>>,
    /// `errors`.
    pub errors: ErrorRules,
    /// Which request headers never reach an upstream.
    pub headers: HeaderRules,
    /// Peers whose `X-Forwarded-For` entries count.
    pub trusted_proxies: Vec<IpNet>,
    /// What every request has to fulfil.
    pub entry: EntryRules,
    /// `defaults`, for the answers to requests that find no route.
    pub unrouted: EdgeRules,
    /// `None` where no route keeps answers.
    pub cache: Option<CacheSettings>,
}

/// One entry of `routes`.
#[derive(Clone, Debug)]
pub struct Route {
    /// Stable name in logs, metrics and counters; made from method and path when absent.
    pub id: Arc<str>,
    /// Where it stands.
    pub pointer: Pointer,
    /// The client's canonical paths it takes.
    pub pattern: PathPattern,
    /// Methods, hosts, headers and query it asks for besides.
    pub conditions: Conditions,
    /// Where its answers come from.
    pub target: Target,
    /// Who may use it.
    pub auth: RouteAuth,
    /// Its own limits, at most two sets; where one states a rate, in place of the default or an override.
    pub limits: Vec<Arc<RuleSet>>,
    /// What one request counts for in every limit.
    pub cost: NonZeroU32,
    /// Whom it lets in, and what its answers say to them.
    pub edge: EdgeRules,
    /// How its answers are kept; `None`: they are not.
    pub cache: Option<Arc<CacheRules>>,
    /// How its requests and answers are reshaped.
    pub transform: TransformRules,
}

/// Where a route's answers come from.
#[derive(Clone, Debug)]
pub enum Target {
    /// `upstream`: a service is called.
    Call(UpstreamCall),
    /// `split`: one of several services is called.
    Split(Split),
    /// `aggregate`: several services are called, and their answers become one.
    Aggregate(Box<Aggregate>),
    /// `respond`: the gateway itself answers, always the same.
    Respond(FixedAnswer),
    /// `respond: usage`: what the caller has used of its limits. It is not charged for asking, but by what the route
    /// states of its own.
    Usage,
}

/// How a route calls its service.
#[derive(Clone, Debug)]
pub struct UpstreamCall {
    /// The service behind it.
    pub upstream: Arc<Upstream>,
    /// Whole segments taken off the path before forwarding.
    pub strip_prefix: Option<PathPrefix>,
    /// The longest an upstream call may take: the route's, else its upstream's, else the default (10 s).
    pub timeout: Duration,
    /// What is answered instead of an error that is the upstream's fault: the route's, else its upstream's.
    pub fallback: Option<Arc<FixedAnswer>>,
}

/// A rule for the paths that a pattern covers.
#[derive(Clone, Debug)]
pub struct PathSection<T> {
    /// Matches the client's canonical path, before `strip_prefix`.
    pub pattern: PathPattern,
    /// What holds there.
    pub rule: T,
}

/// `rate_limiting`.
#[derive(Clone, Debug, Default)]
pub struct PathLimits {
    /// One item per subject over all routes without a rate of their own.
    pub default: Option<Arc<RuleSet>>,
    /// Most specific pattern first: the first that matches wins.
    pub overrides: Vec<PathSection<Arc<RuleSet>>>,
    /// `plans`; without that section nobody has one.
    pub plans: Option<PlanRules>,
}

/// `errors`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ErrorRules {
    /// The shape of an error body.
    pub format: ErrorFormat,
    /// What happens to an upstream's own 4xx and 5xx.
    pub upstream: UpstreamErrors,
}

/// `errors.format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorFormat {
    /// `error`, `message`, `request_id`; RFC 9457 when the client's `Accept` asks for it.
    #[default]
    Json,
    /// RFC 9457 always.
    Problem,
}

/// `errors.upstream`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpstreamErrors {
    /// Passed to the client as they are.
    #[default]
    Pass,
    /// Put into the gateway's own shape.
    Wrap,
}

/// Which request headers are removed from every request.
#[derive(Clone, Debug, Default)]
pub struct HeaderRules {
    /// The built-in families, every header of a `claims_to_headers`, and `sealed_headers`.
    pub sealed: SealedHeaders,
    /// `underscore_headers: keep`.
    pub keep_underscores: bool,
}

/// A document that was checked and found right.
#[derive(Debug)]
pub struct Checked {
    /// Ready to serve.
    pub config: Config,
    /// What is probably not meant, one line each in the form of a mistake.
    pub warnings: Vec<String>,
}

/// Every mistake of a document; `Display` gives one line each: `file:line: pointer: reason`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Mistakes(pub Vec<String>);

/// The largest document, in bytes: ten times what 300 routes take.
const MAX_DOCUMENT: usize = 1024 * 1024;

/// How deep a document may nest. The grammar itself needs a fraction of it.
const MAX_DEPTH: usize = 32;

/// Reads and checks a document, JSON or YAML by its content: JSON begins with `{`. `name` stands in messages as
/// the file; `variable` fills placeholders.
///
/// # Errors
/// Every mistake of the document at once, in file order. No message shows what a placeholder was filled with.
pub fn parse(name: &str, text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Checked, Mistakes> {
    // Lines are there for messages, and knowing them is dear: most documents are right, and need none. YAML has them
    // at hand.
    if begins_like_json(text)
        && let Ok(checked) = checked(text, variable, Report::without_lines(name))
        && checked.warnings.is_empty()
    {
        return Ok(checked);
    }
    checked(text, variable, Report::new(name))
}

/// No YAML config begins with a slash, but JSON with a comment in front does: it is told so.
fn begins_like_json(text: &str) -> bool {
    // Some editors begin files with a byte order mark, which neither syntax wants.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.trim_start().starts_with(['{', '/'])
}

fn checked(text: &str, variable: &dyn Fn(&str) -> Option<String>, mut report: Report) -> Result<Checked, Mistakes> {
    let fillings = Fillings::of(variable);
    let mut config = read(text, &|name| fillings.look_up(name), &mut report);
    // Only what others read tells editions apart.
    let cache = config.as_mut().and_then(|config| config.cache.as_mut());
    if let Some(cache) = cache.filter(|cache| cache.table().is_some()) {
        cache.edition = fillings.edition(text);
    }
    let begins = report.at(1);
    let warnings = report.finish()?;
    // A document that cannot be read leaves a mistake, so that one without mistakes has a config.
    let config = config.ok_or_else(|| Mistakes(vec![format!("{begins}: there is no document")]))?;
    Ok(Checked { config, warnings })
}

/// A section of `plans` by itself, as the config table has it: JSON, without placeholders. `item` is where it is kept;
/// messages begin with it, and it stands in the place of a pointer.
///
/// # Errors
/// Every mistake at once.
pub(crate) fn plan(name: &str, item: &str, text: &str) -> Result<RuleSet, Mistakes> {
    let mut report = Report::new(item);
    let rules = read_tree(text, &mut report).and_then(|mut tree| {
        placeholder::fill(&mut tree, &|_| None, &mut report);
        let section = raw::Plan::decode(tree, &mut report)?;
        check::plan(name, &section, &mut report)
    });
    report.finish()?;
    // What is not right has left a mistake.
    let mut rules = rules.ok_or_else(|| Mistakes(vec![format!("{item}: there is no plan")]))?;
    rules.pointer = Pointer::new(item);
    Ok(rules)
}

/// The document in its shortest JSON form, unchecked and with its placeholders: what a parameter would carry.
///
/// # Errors
/// What keeps the text from being a document at all.
pub fn compact(name: &str, text: &str) -> Result<String, Mistakes> {
    let mut report = Report::new(name);
    let json = read_tree(text, &mut report).map(|tree| compact::write(&tree, &report));
    report.finish()?;
    Ok(json.unwrap_or_default())
}

/// The document in the form that `GATEWAY_CONFIG` takes in one line: `packed:` and its shortest JSON, compressed.
/// Unchecked and with its placeholders, as [`compact()`] gives it.
///
/// # Errors
/// What keeps the text from being a document at all.
pub fn pack(name: &str, text: &str) -> Result<String, Mistakes> {
    compact(name, text).map(|json| packed::pack(&json))
}

fn read(text: &str, variable: &dyn Fn(&str) -> Option<String>, report: &mut Report) -> Option<Config> {
    let mut tree = read_tree(text, report)?;
    placeholder::fill(&mut tree, variable, report);
    let document = raw::Document::decode(tree, report)?;
    Some(check::check(&document, report))
}

fn read_tree(text: &str, report: &mut Report) -> Option<Node> {
    if text.len() > MAX_DOCUMENT {
        report.unreadable(1, &format!("larger than {MAX_DOCUMENT} bytes, the most that is read"));
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    report.expect(text.len());
    let mut tree = match begins_like_json(text) {
        true => json::read(text, report),
        false => yaml::read(text, report),
    }?;
    report.refuse_duplicates(&mut tree);
    Some(tree)
}

/// The JSON Schema (draft 2020-12) of the document, for editors: `docs/config.schema.json`. Not part of the
/// function, which is why it has a feature of its own.
#[cfg(feature = "schema")]
pub fn schema() -> serde_json::Value {
    schema::schema()
}
