//! The headers of a proxy event, in whichever form it has them.
//!
//! Every well-formed header is taken, even of a broken event, so that its answer can be in the client's own format.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, HOST, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::value::RawValue;

use super::json::{self, Object};

/// Headers whose values no `Debug` output shows, wherever it ends up.
const CREDENTIALS: [HeaderName; 3] = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];

/// As many as an ordinary request has; a map grows by itself beyond.
const ORDINARY: usize = 64;

/// Headers as they are read.
#[derive(Default)]
pub(super) struct Headers {
    pub(super) map: HeaderMap,
    /// `host` headers; there should be one.
    hosts: Vec<String>,
}

impl Headers {
    /// Takes the headers of payload format 2.0: one value a name, cookies apart. The error is about the first that is
    /// malformed.
    pub(super) fn read_joined(&mut self, envelope: &Object<'_>) -> Result<(), String> {
        let in_headers = envelope
            .object("headers", "headers.")
            .and_then(|given| self.take_all(&given));
        let in_cookies = self.take_cookies(envelope);
        in_headers.and(in_cookies)
    }

    /// Takes the headers of REST APIs and load balancers: from `multiValueHeaders`, which keeps repeats apart, and from
    /// `headers` those that are not there. Either may be `null`. The error is about the first that is malformed.
    pub(super) fn read_repeated(&mut self, envelope: &Object<'_>) -> Result<(), String> {
        let lists = envelope.object("multiValueHeaders", "multiValueHeaders.");
        let in_lists = lists.and_then(|lists| self.take_lists(&lists));
        let singles = envelope.object("headers", "headers.");
        let in_headers = singles.and_then(|singles| match self.map.is_empty() && self.hosts.is_empty() {
            true => self.take_all(&singles),
            false => self.take_missing(&singles),
        });
        self.join_cookies();
        in_lists.and(in_headers)
    }

    /// Takes the one header of a `TOKEN` authorizer's event: the value alone, which is that of `Authorization`.
    pub(super) fn read_token(&mut self, envelope: &Object<'_>) -> Result<(), String> {
        match envelope.text("authorizationToken")? {
            None => Ok(()),
            Some(token) => self.take(AUTHORIZATION, &token),
        }
    }

    /// What the client asked for, or, when it did not say (HTTP/1.0), the name it reached the front door by.
    pub(super) fn authority(&self, context: &Object<'_>) -> Result<String, String> {
        match &self.hosts[..] {
            [_, _, ..] => Err("The request has more than one `host` header.".into()),
            [host] if !host.is_empty() => Ok(host.clone()),
            _ => Ok(context.text("domainName")?.unwrap_or_default().into_owned()),
        }
    }

    /// Whether the client spoke TLS to the front door.
    pub(super) fn https(&self) -> bool {
        https(&self.map)
    }

    /// The services write names in one case, but any is taken: a repeat in another case is a repeat.
    fn take_all(&mut self, given: &Object<'_>) -> Result<(), String> {
        self.map.reserve(given.len().min(ORDINARY));
        let mut wrong = None;
        for (name, value) in given.members() {
            let taken = single(name, value).and_then(|(name, text)| self.take(name, &text));
            wrong = wrong.or(taken.err());
        }
        wrong.map_or(Ok(()), Err)
    }

    fn take_lists(&mut self, given: &Object<'_>) -> Result<(), String> {
        self.map.reserve(given.len().min(ORDINARY));
        let mut wrong = None;
        for (name, values) in given.members() {
            wrong = wrong.or(self.take_list(name, values).err());
        }
        wrong.map_or(Ok(()), Err)
    }

    fn take_list(&mut self, name: &str, values: &RawValue) -> Result<(), String> {
        let name = header_name(name, "multiValueHeaders")?;
        let mut wrong = None;
        let is_list = json::each_text(values, |text| {
            wrong = wrong.take().or(self.take(name.clone(), &text).err());
        });
        match is_list {
            true => wrong.map_or(Ok(()), Err),
            false => Err(format!("The event's header `{name}` is not a list of strings.")),
        }
    }

    /// Takes the headers of names that were not taken before. Almost always there are none.
    fn take_missing(&mut self, given: &Object<'_>) -> Result<(), String> {
        let mut missing = Vec::new();
        let mut wrong = None;
        for (name, value) in given.members().filter(|(name, _)| !self.holds(name)) {
            match single(name, value) {
                Ok(header) => missing.push(header),
                Err(why) => wrong = wrong.or(Some(why)),
            }
        }
        for (name, text) in missing {
            wrong = wrong.or(self.take(name, &text).err());
        }
        wrong.map_or(Ok(()), Err)
    }

    fn holds(&self, name: &str) -> bool {
        self.map.contains_key(name) || !self.hosts.is_empty() && name.eq_ignore_ascii_case(HOST.as_str())
    }

    /// Makes one header of several: HTTP/2 clients send cookies apart, HTTP/1.1 has them in one (RFC 9113 section 8.2.3).
    fn join_cookies(&mut self) {
        let all = self.map.get_all(COOKIE);
        if all.iter().nth(1).is_none() {
            return;
        }
        let lines: Vec<&[u8]> = all.iter().map(HeaderValue::as_bytes).collect();
        // Made of header values, it is one.
        if let Ok(mut joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..])) {
            joined.set_sensitive(true);
            self.map.insert(COOKIE, joined);
        }
    }

    fn take(&mut self, name: HeaderName, text: &str) -> Result<(), String> {
        if name == HOST {
            self.hosts.push(text.to_owned());
            return Ok(());
        }
        // The body is measured anew for the upstream.
        if name == CONTENT_LENGTH {
            return Ok(());
        }
        let mut value = HeaderValue::from_bytes(text.as_bytes())
            .map_err(|_| format!("The event's header `{name}` holds a control character."))?;
        value.set_sensitive(CREDENTIALS.contains(&name));
        self.map.try_append(name, value).map_err(too_many).map(drop)
    }

    /// Puts the cookies, which payload format 2.0 lists apart, back into one header (RFC 6265 section 5.4). They stand
    /// in for a `cookie` header that is there as well.
    fn take_cookies(&mut self, envelope: &Object<'_>) -> Result<(), String> {
        let Some(list) = envelope.get("cookies") else {
            return Ok(());
        };
        let (mut joined, mut count) = (String::new(), 0);
        let is_list = json::each_text(list, |cookie| {
            if count > 0 {
                joined.push_str("; ");
            }
            joined.push_str(&cookie);
            count += 1;
        });
        if !is_list {
            return Err(envelope.wrong("cookies", "is not a list of strings"));
        }
        if count == 0 {
            return Ok(());
        }
        let mut value = HeaderValue::from_maybe_shared(Bytes::from(joined))
            .map_err(|_| envelope.wrong("cookies", "holds a control character"))?;
        value.set_sensitive(true);
        self.map.try_insert(COOKIE, value).map_err(too_many).map(drop)
    }
}

/// The front doors overwrite what the client says here, so that the word is theirs. API Gateway and Function URLs
/// speak TLS only; a load balancer's listener, or the local runtime, may say `http`.
pub(super) fn https(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_none_or(|proto| proto != "http")
}

/// A member of `headers`.
fn single<'a>(name: &str, value: &'a RawValue) -> Result<(HeaderName, Cow<'a, str>), String> {
    let name = header_name(name, "headers")?;
    match json::text(value) {
        Some(text) => Ok((name, text)),
        None => Err(format!("The event's header `{name}` is not a string.")),
    }
}

fn header_name(name: &str, member: &str) -> Result<HeaderName, String> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("The event's `{member}` hold an invalid name."))
}

fn too_many(_: http::header::MaxSizeReached) -> String {
    "The event's `headers` hold too many names.".into()
}
