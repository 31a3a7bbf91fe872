//! What front doors decode before an event is made: paths of an HTTP API, and query parameters.

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
}
