//! What front doors decode before an event is made: paths of an HTTP API, and query parameters.

use std::collections::BTreeMap;
use std::fmt::Write;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// An HTTP API's `rawPath`: escapes decoded once, and cut at a decoded `?`.
///
/// Escapes that are no UTF-8 together stay as they are: JSON cannot carry their bytes, and a replacement
/// character would be another path.
pub(crate) fn raw_path(path: &str) -> String {
    let decoded: Vec<u8> = percent_decode_str(path).collect();
    let mut text = String::with_capacity(decoded.len());
    for chunk in decoded.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    if let Some(end) = text.find('?') {
        text.truncate(end);
    }
    text
}

/// `queryStringParameters`: decoded, the values of one name joined by commas.
pub(crate) fn query_parameters(query: &str) -> Map<String, Value> {
    let mut parameters: Map<String, Value> = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match parameters.get_mut(name.as_ref()) {
            Some(Value::String(values)) => {
                values.push(',');
                values.push_str(&value);
            }
            _ => {
                parameters.insert(name.into_owned(), value.into_owned().into());
            }
        }
    }
    parameters
}

/// A REST API's query parameters: decoded, bytes that are no UTF-8 replaced. It cuts at `;` as at `&`.
pub(crate) fn decoded_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = query.split(['&', ';']);
    pairs.flat_map(|pair| form_urlencoded::parse(pair.as_bytes()).into_owned())
}

/// A load balancer's query parameters: not decoded. A name alone has the empty value.
pub(crate) fn raw_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.to_owned())
    })
}

/// The values of each name, in order.
pub(crate) fn grouped(pairs: impl Iterator<Item = (String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in pairs {
        groups.entry(name).or_default().push(value);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_http_api_decodes_paths_once() {
        for (path, raw) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a%20b", "/a b"),
            ("/a%2Fb", "/a/b"),
            ("/%252e%252e/b", "/%2e%2e/b"),
            ("/%2e%2E/b", "/../b"),
            ("/a%3Fb%3Dc/d", "/a"),
            ("/a%00b", "/a\0b"),
            ("/caf%C3%A9", "/café"),
            ("/a+b", "/a+b"),
            ("/a%zzb", "/a%zzb"),
            ("/a%", "/a%"),
            ("/a%f", "/a%f"),
        ] {
            assert_eq!(raw_path(path), raw, "{path}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_stay_escaped() {
        assert_eq!(raw_path("/a%FFb"), "/a%FFb");
        assert_eq!(raw_path("/%c3/%28"), "/%C3/(");
        assert_eq!(raw_path("/%C0%AE%C0%AE/x"), "/%C0%AE%C0%AE/x");
    }

    #[test]
    fn query_values_of_one_name_are_joined() {
        let parameters = query_parameters("a=1&b=x+y&a=2&c&a=%2C&%C3%A9=%20");
        assert_eq!(
            Value::Object(parameters),
            serde_json::json!({"a": "1,2,,", "b": "x y", "c": "", "é": " "})
        );
    }

    fn shown(pairs: impl Iterator<Item = (String, String)>) -> String {
        let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}>{value}")).collect();
        pairs.join(" | ")
    }

    #[test]
    fn a_rest_api_decodes_and_cuts_at_semicolons() {
        for (query, pairs) in [
            ("", ""),
            ("&&", ""),
            ("a=1&b=x+y%20z&a=2", "a>1 | b>x y z | a>2"),
            ("a=1;b=2", "a>1 | b>2"),
            ("flag&empty=&=x", "flag> | empty> | >x"),
            ("a=b=c&%C3%A9=%26%3D%3B", "a>b=c | é>&=;"),
            ("a=%zz&b=%", "a>%zz | b>%"),
            ("a=%FF", "a>\u{fffd}"),
        ] {
            assert_eq!(shown(decoded_pairs(query)), pairs, "{query}");
        }
    }

    #[test]
    fn a_load_balancer_decodes_nothing() {
        for (query, pairs) in [
            ("", ""),
            ("&a=1&a=%32&&b=x+y", "a>1 | a>%32 | b>x+y"),
            ("flag&empty=&=x", "flag> | empty> | >x"),
            ("a=b=c;d=%zz", "a>b=c;d=%zz"),
        ] {
            assert_eq!(shown(raw_pairs(query)), pairs, "{query}");
        }
    }

    #[test]
    fn values_keep_their_order_in_their_name() {
        let groups = grouped(raw_pairs("b=2&a=1&b=1"));
        assert_eq!(
            serde_json::json!(groups),
            serde_json::json!({"a": ["1"], "b": ["2", "1"]})
        );
    }
}
