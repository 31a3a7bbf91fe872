//! Texts with `{placeholders}`: what their names mean on a route.

use super::auth::Identity;
use super::header_name;
use crate::auth::ClaimPath;
use crate::config::decode::Text;
use crate::config::report::Report;
use crate::path::PathPattern;
use crate::template::{MemberPath, Resolve, Source};

/// What a text of a route may name.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s> {
    /// The route's path; `None` where it is wrong itself, and then every name may be one of its.
    pub(super) pattern: Option<&'s PathPattern>,
    pub(super) identity: &'s Identity,
    /// Whether the route says `auth: none`.
    pub(super) is_public: bool,
    /// The names of an aggregate's parts, in declared order; empty where texts belong to none.
    pub(super) parts: &'s [&'s str],
}

impl Scope<'_> {
    /// Reads a text for its place: `read` is the `parse` of a template type, `noun` what messages call the text.
    pub(super) fn template<T: Clone>(
        &self,
        text: &Text,
        noun: &str,
        read: impl Fn(&str, Resolve<'_>) -> Result<T, String>,
        report: &mut Report,
    ) -> Option<T> {
        let found = read(&text.value, &mut |name| self.source(name, report));
        text.parse(noun, report, |_| found.clone())
    }

    fn source(&self, name: &str, report: &mut Report) -> Result<Source, String> {
        let (word, rest) = name.split_once('.').unwrap_or((name, ""));
        let part = self.parts.iter().position(|part| *part == word);
        match (word, part) {
            (_, _) if rest.is_empty() => self.path_parameter(name, report),
            ("claims", _) => self.claim(name, rest),
            ("query", _) => Ok(Source::Query(rest.into())),
            ("header", _) => self.header(name, rest),
            (_, Some(part)) => Ok(Source::Part {
                part,
                name: word.into(),
                member: MemberPath::parse(rest).map_err(|why| format!("`{{{}}}`: {why}", name.escape_debug()))?,
            }),
            (_, None) => Err(self.unknown(name, word, report)),
        }
    }

    fn path_parameter(&self, name: &str, report: &mut Report) -> Result<Source, String> {
        let Some(pattern) = self.pattern else {
            let (name, segment) = (name.into(), 0);
            return Ok(Source::PathParameter { name, segment });
        };
        match pattern.parameters().find(|(parameter, _)| *parameter == name) {
            Some((_, segment)) => Ok(Source::PathParameter {
                name: name.into(),
                segment,
            }),
            None => Err(self.unknown(name, name, report)),
        }
    }

    fn claim(&self, name: &str, path: &str) -> Result<Source, String> {
        let name = name.escape_debug();
        if self.is_public {
            return Err(format!(
                "`{{{name}}}`: nobody is known here whose claims there could be (auth: none)"
            ));
        }
        let path = ClaimPath::parse(path).map_err(|why| format!("`{{{name}}}`: {why}"))?;
        Ok(Source::Claim(path))
    }

    /// As limits read headers: after sealing, with the identity stamped on, without credentials.
    fn header(&self, name: &str, header: &str) -> Result<Source, String> {
        let shown = name.escape_debug();
        let header = header_name(header).map_err(|why| format!("`{{{shown}}}`: {why}"))?;
        let identity = self.identity;
        if identity.key_headers.iter().any(|(key, _)| *key == header) {
            return Err(format!(
                "`{{{shown}}}`: this header holds the callers' keys, which go to no service"
            ));
        }
        let is_verified = identity.headers.iter().any(|given| given.header == header);
        if !is_verified && identity.headers_known && identity.client_headers.removes(&header) {
            return Err(format!(
                "`{{{shown}}}`: this header is taken out of every request, and no verified token sets it, so that there is never anything in it"
            ));
        }
        Ok(Source::Header(header))
    }

    fn unknown(&self, name: &str, word: &str, report: &mut Report) -> String {
        let shown = name.escape_debug();
        if self.parts.contains(&word) {
            return format!("`{{{shown}}}` is a whole part: name a member of its answer, such as `{{{word}.id}}`");
        }
        const SOURCES: [&str; 3] = ["claims", "query", "header"];
        let is_path_parameter = name == word;
        let parameters: Vec<&str> = self
            .pattern
            .into_iter()
            .flat_map(PathPattern::parameters)
            .map(|(name, _)| name)
            .collect();
        let near = match is_path_parameter {
            true => report.nearest(word, parameters.iter().copied()),
            false => report.nearest(word, SOURCES.into_iter().chain(self.parts.iter().copied())),
        };
        if let Some(near) = near {
            let meant = format!("{near}{}", &name[word.len()..]);
            return format!("nothing is called `{{{shown}}}` here (did you mean `{{{meant}}}`?)");
        }
        let parts = if self.parts.is_empty() {
            ""
        } else {
            ", {part.x} of another part"
        };
        format!(
            "nothing is called `{{{shown}}}` here: there are {{name}} of the route's path, {{claims.x}}, {{query.x}}, {{header.x}}{parts}"
        )
    }
}
