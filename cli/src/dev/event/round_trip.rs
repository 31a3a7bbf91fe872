//! What a front door makes of a request, the gateway reads back: for any request, but for what each kind loses.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue, Method, Version};
use proptest::prelude::*;
use tollgate::event::Event;
use tollgate::path::CanonicalPath;

use super::*;
use crate::dev::decode::{decoded_pairs, grouped, raw_pairs};

const DOORS: [Door; 5] = [
    Door::Http,
    Door::Url,
    Door::Rest,
    Door::Alb { multi_value: false },
    Door::Alb { multi_value: true },
];

/// A request as a client sends it.
#[derive(Clone, Debug)]
struct Sent {
    method: Method,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    cookies: Vec<String>,
    media_type: Option<&'static str>,
    body: Vec<u8>,
}

fn sent() -> impl Strategy<Value = Sent> {
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let method = prop::sample::select(methods.to_vec()).prop_map(|name| name.parse().unwrap());
    let segment = "([a-z0-9~_.+@-]|%20|%C3%A9|%3F|%23|%41){0,4}";
    let path = prop::collection::vec(segment, 1..4).prop_map(|segments| format!("/{}", segments.join("/")));
    let canonical = |path: &str| CanonicalPath::from_encoded(path).is_ok();
    let path = path.prop_filter("it is canonical, cut or not", move |path| {
        canonical(path) && canonical(before_question_mark(path))
    });
    let query = "([a-c]=([a-z0-9~.+/?:@-]|%20|%26|%3D|%C3%A9|%2B){0,4}&?|&|[a-c]&){0,6}";
    let header = ("x-[a-d]", "([!-~]([ -~]{0,6}[!-~])?)?");
    let media_types = [None, Some("application/json"), Some("text/plain"), Some("image/png")];
    let rest = (
        prop::collection::vec(header, 0..6),
        prop::collection::vec("[a-z]=[a-z0-9]{0,3}(; [a-z]=[a-z0-9]{0,3})?", 0..3),
        prop::sample::select(media_types.to_vec()),
        prop::collection::vec(any::<u8>(), 0..24),
    );
    (method, path, query, rest).prop_map(|(method, path, query, (headers, cookies, media_type, body))| Sent {
        method,
        path,
        query,
        headers,
        cookies,
        media_type,
        body,
    })
}

/// An HTTP API cuts the path at a decoded `?`.
fn before_question_mark(path: &str) -> &str {
    path.split("%3F").next().unwrap_or_default()
}

impl Sent {
    fn parts(&self) -> Parts {
        let target = match self.query.as_str() {
            "" => self.path.clone(),
            query => format!("{}?{query}", self.path),
        };
        let mut request = http::Request::builder()
            .method(self.method.clone())
            .uri(target)
            .version(Version::HTTP_11)
            .header("host", "api.example.com");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        for cookies in &self.cookies {
            request = request.header("cookie", cookies);
        }
        if let Some(media_type) = self.media_type {
            request = request.header(CONTENT_TYPE, media_type);
        }
        request.body(()).unwrap().into_parts().0
    }

    /// As the gateway reads it behind this front door.
    fn read(&self, door: Door) -> tollgate::request::Request {
        let (parts, body) = (self.parts(), Bytes::copy_from_slice(&self.body));
        let request = Request {
            parts: &parts,
            host: "api.example.com",
            body: &body,
            client: "192.0.2.7:51000".parse().unwrap(),
            port: 9000,
            now: Timestamp::from_secs(1_583_348_638),
            request_id: "id",
            extended_request_id: "JKJaXmPLvHcESHA=",
            trace_id: "1-5e6722a7-cc56xmpl46db7ae02d4da47e",
        };
        let event = build(door, &request).to_string();
        let read = Event::read(&event, Some(door.kind())).unwrap_or_else(|error| panic!("{error}: {event}"));
        read.request(&[]).unwrap_or_else(|error| panic!("{error:?}: {event}"))
    }

    fn path(&self, door: Door) -> CanonicalPath {
        let path = match door {
            Door::Http => before_question_mark(&self.path),
            _ => &self.path,
        };
        CanonicalPath::from_encoded(path).unwrap()
    }

    /// The values of each name of ours.
    fn headers(&self, door: Door) -> BTreeMap<String, Vec<String>> {
        let mut headers = grouped(self.headers.iter().cloned());
        for values in headers.values_mut() {
            *values = match door {
                Door::Http | Door::Url => vec![values.join(", ")],
                Door::Alb { multi_value: false } => values.split_off(values.len() - 1),
                Door::Rest | Door::Alb { multi_value: true } => std::mem::take(values),
            };
        }
        headers
    }

    fn cookies(&self, door: Door) -> Option<String> {
        match door {
            Door::Alb { multi_value: false } => self.cookies.last().cloned(),
            _ => (!self.cookies.is_empty()).then(|| self.cookies.join("; ")),
        }
    }
}

fn values(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let ours = headers.iter().filter(|(name, _)| name.as_str().len() == "x-a".len());
    grouped(ours.map(|(name, value)| (name.to_string(), text(value))))
}

/// What is left of a query: all of it, or the values of each name, whatever the order of names.
fn parameters(door: Door, query: &str) -> BTreeMap<String, Vec<String>> {
    match door {
        Door::Http | Door::Url => [(query.to_owned(), Vec::new())].into(),
        Door::Rest => grouped(decoded_pairs(query)),
        Door::Alb { multi_value: true } => grouped(raw_pairs(query)),
        Door::Alb { multi_value: false } => {
            let mut parameters = grouped(raw_pairs(query));
            for values in parameters.values_mut() {
                *values = values.split_off(values.len() - 1);
            }
            parameters
        }
    }
}

proptest! {
    #[test]
    fn requests_survive(sent in sent()) {
        for door in DOORS {
            let read = sent.read(door);
            prop_assert_eq!(&read.method, &sent.method);
            prop_assert_eq!(&read.path, &sent.path(door), "{:?}", door);
            prop_assert_eq!(&read.mount, "", "{:?}", door);
            prop_assert_eq!(parameters(door, &read.query), parameters(door, &sent.query), "{:?}", door);
            prop_assert_eq!(values(&read.headers), sent.headers(door), "{:?}", door);
            let cookies: Vec<&HeaderValue> = read.headers.get_all("cookie").iter().collect();
            let expected = sent.cookies(door);
            prop_assert_eq!(cookies, expected.iter().map(String::as_str).collect::<Vec<_>>(), "{:?}", door);
            prop_assert_eq!(&read.body[..], &sent.body[..], "{:?}", door);
            prop_assert_eq!(read.client_ip.to_string(), "192.0.2.7", "{:?}", door);
            prop_assert_eq!(&read.authority, "api.example.com", "{:?}", door);
            prop_assert!(!read.https, "{:?}", door);
        }
    }
}
