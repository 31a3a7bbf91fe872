//! What each front door loses or renames on its way, so that suites can say what to expect behind it.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::gateway::Event;

/// All but RFC 3986's unreserved characters: what is escaped in a query that had to be written anew.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Event {
    /// Of the values that come under one name, those that the front door passes: all, or the last.
    pub fn repeats<T: Copy>(self, values: &[T]) -> Vec<T> {
        match self {
            Self::Alb => values.last().copied().into_iter().collect(),
            _ => values.to_vec(),
        }
    }

    /// A query string as it reaches an upstream. Where events have maps for it, names come in the order of the local
    /// runtime's maps, which is that of the alphabet; REST APIs decode it besides, and so it is encoded anew.
    pub fn query(self, sent: &str) -> String {
        let pairs: Vec<(String, String)> = match self {
            Self::Http | Self::Url => return sent.to_owned(),
            Self::Rest => form_urlencoded::parse(sent.as_bytes()).into_owned().collect(),
            Self::Alb | Self::AlbMulti => {
                let pairs = sent.split('&').filter(|pair| !pair.is_empty());
                let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
                pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
            }
        };
        let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, value) in &pairs {
            values.entry(name).or_default().push(value);
        }
        let written = |text: &str| match self {
            Self::Rest => utf8_percent_encode(text, RESERVED).to_string(),
            _ => text.to_owned(),
        };
        let left = values.into_iter().flat_map(|(name, values)| {
            let values = self.repeats(&values).into_iter();
            values.map(move |value| format!("{}={}", written(name), written(value)))
        });
        left.collect::<Vec<_>>().join("&")
    }

    /// A request's target as it reaches an upstream, whatever else happens to its path.
    pub fn target(self, sent: &str) -> String {
        match sent.split_once('?') {
            Some((path, query)) => format!("{path}?{}", self.query(query)),
            None => sent.to_owned(),
        }
    }

    /// The name under which a client gets an answer's `WWW-Authenticate`: REST APIs change it.
    pub fn www_authenticate(self) -> &'static str {
        match self {
            Self::Rest => "x-amzn-remapped-www-authenticate",
            _ => "WWW-Authenticate",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_as_they_arrive() {
        let sent = "z=1&a=%2F+&z=%C3%A9&&b";
        assert_eq!(Event::Http.query(sent), sent);
        assert_eq!(Event::Url.query(sent), sent);
        assert_eq!(Event::Rest.query(sent), "a=%2F%20&b=&z=1&z=%C3%A9");
        assert_eq!(Event::AlbMulti.query(sent), "a=%2F+&b=&z=1&z=%C3%A9");
        assert_eq!(Event::Alb.query(sent), "a=%2F+&b=&z=%C3%A9");
        assert_eq!(Event::Alb.target("/a?b"), "/a?b=");
        assert_eq!(Event::Alb.target("/a"), "/a");
    }

    #[test]
    fn one_front_door_loses_repeats() {
        for event in [Event::Http, Event::Url, Event::Rest, Event::AlbMulti] {
            assert_eq!(event.repeats(&[1, 2]), [1, 2], "{event:?}");
        }
        assert_eq!(Event::Alb.repeats(&[1, 2]), [2]);
        assert!(Event::Alb.repeats::<u8>(&[]).is_empty());
    }
}
