//! The query string, from the three forms in which events have it.

use std::borrow::Cow;
use std::collections::HashSet;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use super::json::{self, Object};

/// What no request line can carry in its query (the WHATWG URL standard's query percent-encode set; `http::Uri` refuses
/// the same). Everything else stays as the client wrote it, whether RFC 3986 knows it or not: upstreams may sign it.
const OUTSIDE_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');

/// All but the unreserved characters (RFC 3986 section 2.3). How the client spelled a decoded name or value is lost;
/// this is the one spelling that both kinds of readers, plain percent-decoding and HTML forms, read back as the same
/// text. So a space is `%20`, never `+`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a map of parameters holds.
#[derive(Clone, Copy)]
pub(super) enum Parameters {
    /// Names and values as the client sent them: a load balancer does not decode.
    AsSent,
    /// Names and values decoded, as a REST API gives them.
    Decoded,
}

/// A raw query string, byte for byte but for what no request line can carry.
pub(super) fn as_sent(raw: &str) -> String {
    Cow::from(utf8_percent_encode(raw, OUTSIDE_QUERY)).into_owned()
}

/// The query of `multiValueQueryStringParameters` and, for names that it does not have, of `queryStringParameters`.
/// Names come in the maps' order, the values of one in theirs. Either map may be `null`.
///
/// Which names stood between two values of one name, and whether a name without a value had a `=`, is not in the
/// event. The error is a sentence for a 400.
pub(super) fn of_maps(envelope: &Object<'_>, form: Parameters) -> Result<String, String> {
    let lists = envelope.object("multiValueQueryStringParameters", "multiValueQueryStringParameters.")?;
    let singles = envelope.object("queryStringParameters", "queryStringParameters.")?;
    let mut query = String::new();
    for (name, values) in lists.members() {
        if !json::each_text(values, |value| append(&mut query, name, &value, form)) {
            return Err(envelope.wrong(
                "multiValueQueryStringParameters",
                "has a member that is no list of strings",
            ));
        }
    }
    // A table, because there are as many names as a client likes: thousands fit into one request.
    let listed: HashSet<&str> = lists.members().map(|(name, _)| name).collect();
    for (name, value) in singles.members().filter(|(name, _)| !listed.contains(name)) {
        let value = json::text(value)
            .ok_or_else(|| envelope.wrong("queryStringParameters", "has a member that is no string"))?;
        append(&mut query, name, &value, form);
    }
    Ok(query)
}

fn append(query: &mut String, name: &str, value: &str, form: Parameters) {
    let outside = match form {
        Parameters::AsSent => OUTSIDE_QUERY,
        Parameters::Decoded => RESERVED,
    };
    if !query.is_empty() {
        query.push('&');
    }
    query.extend(utf8_percent_encode(name, outside));
    query.push('=');
    query.extend(utf8_percent_encode(value, outside));
}
