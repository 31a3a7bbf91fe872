//! Requests with credentials in them: the events of `events/`, with what a case changes of them.

use std::collections::BTreeSet;

use http::HeaderMap;
use http::header::COOKIE;
use serde_json::{Value, json};
use url::form_urlencoded;

/// One event of `events/`.
macro_rules! event {
    ($name:literal) => {
        $crate::gateway::tests::methods::sent::Sent::of(include_str!(concat!("../../../../../events/", $name, ".json")))
    };
}
pub(super) use event;

/// A request as its front door hands it over.
#[derive(Clone, Debug)]
pub(super) struct Sent(pub(super) Value);

/// What a client may put a credential into.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Header(String),
    Parameter(String),
    Cookie(String),
}

impl Sent {
    pub(super) fn of(event: &str) -> Self {
        Self(serde_json::from_str(event).expect("JSON"))
    }

    /// Of a client that shows nothing, by an HTTP API.
    pub(super) fn http() -> Self {
        event!("http-get").without("/headers/authorization")
    }

    pub(super) fn url() -> Self {
        event!("url-get")
    }

    pub(super) fn rest() -> Self {
        event!("rest-get")
    }

    pub(super) fn alb() -> Self {
        event!("alb-get")
    }

    pub(super) fn alb_multi() -> Self {
        event!("alb-multi-get")
    }

    /// The same front door's request of a client that shows nothing.
    fn plain(&self) -> Self {
        let context = &self.0["requestContext"];
        match () {
            () if context.get("elb").is_some() && self.0.get("multiValueHeaders").is_some() => Self::alb_multi(),
            () if context.get("elb").is_some() => Self::alb(),
            () if self.0.get("httpMethod").is_some() => Self::rest(),
            () if self.0["headers"]["host"]
                .as_str()
                .is_some_and(|host| host.contains(".lambda-url.")) =>
            {
                Self::url()
            }
            () => Self::http(),
        }
    }

    pub(super) fn without(mut self, pointer: &str) -> Self {
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        let parent = self.0.pointer_mut(parent).and_then(Value::as_object_mut);
        parent.expect("an object").remove(name).expect("a member");
        self
    }

    /// With this in place of what the event has there.
    pub(super) fn with(mut self, pointer: &str, value: Value) -> Self {
        *self.0.pointer_mut(pointer).expect("a place in the event") = value;
        self
    }

    /// With what an authorizer says.
    pub(super) fn authorizer(mut self, value: Value) -> Self {
        self.0["requestContext"]["authorizer"] = value;
        self
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        if self.0.get("headers").is_some() {
            self.0["headers"][name] = json!(value);
        }
        if let Some(lists) = self.0.get_mut("multiValueHeaders") {
            lists[name] = json!([value]);
        }
        self
    }

    pub(super) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With this besides the query that is there.
    pub(super) fn parameter(mut self, name: &str, value: &str) -> Self {
        match self.0.get_mut("rawQueryString") {
            Some(query) => *query = json!(format!("{}&{name}={value}", query.as_str().expect("text"))),
            None => {
                for (map, value) in [
                    ("queryStringParameters", json!(value)),
                    ("multiValueQueryStringParameters", json!([value])),
                ] {
                    if let Some(parameters) = self.0.get_mut(map) {
                        parameters[name] = value;
                    }
                }
            }
        }
        self
    }

    /// With these as all cookies.
    pub(super) fn cookies(mut self, cookies: &[&str]) -> Self {
        if self.0.get("version").is_none() {
            return self.header("cookie", &cookies.join("; "));
        }
        self.0["cookies"] = json!(cookies);
        self
    }

    /// As another site's page has a browser send it.
    pub(super) fn posted_from(mut self, origin: &str) -> Self {
        let place = match self.0.get("version") {
            Some(_) => "/requestContext/http/method",
            None => "/httpMethod",
        };
        *self.0.pointer_mut(place).expect("a method") = json!("POST");
        self.header("origin", origin)
    }

    /// Those of its parts that its front door's requests do not have anyway.
    pub(super) fn shown(&self) -> BTreeSet<Part> {
        &self.parts() - &self.plain().parts()
    }

    fn parts(&self) -> BTreeSet<Part> {
        let names = |map: &str| -> Vec<String> {
            let members = self.0.get(map).and_then(Value::as_object).into_iter().flatten();
            members.map(|(name, _)| name.to_ascii_lowercase()).collect()
        };
        let mut headers = names("headers");
        headers.extend(names("multiValueHeaders"));
        let mut parameters = names("queryStringParameters");
        parameters.extend(names("multiValueQueryStringParameters"));
        let query = self.0["rawQueryString"].as_str().unwrap_or_default();
        parameters.extend(query_names(query));
        let cookies = self.0.get("cookies").and_then(Value::as_array).into_iter().flatten();
        let cookies = cookies.filter_map(Value::as_str).chain(
            ["/headers/cookie", "/multiValueHeaders/cookie/0"]
                .iter()
                .filter_map(|place| self.0.pointer(place)?.as_str()),
        );
        let headers = headers.into_iter().filter(|name| name != "cookie").map(Part::Header);
        headers
            .chain(parameters.into_iter().map(Part::Parameter))
            .chain(cookies.flat_map(cookie_names).map(Part::Cookie))
            .collect()
    }
}

impl Part {
    /// Whether an upstream gets it.
    pub(super) fn is_in(&self, request: &http::Request<bytes::Bytes>) -> bool {
        match self {
            Self::Header(name) => request.headers().contains_key(name),
            Self::Parameter(name) => query_names(request.uri().query().unwrap_or_default()).contains(name),
            Self::Cookie(name) => cookies_of(request.headers()).contains(name),
        }
    }

    pub(super) fn words(&self) -> String {
        match self {
            Self::Header(name) => format!("`{name}`"),
            Self::Parameter(name) => format!("`?{name}=`"),
            Self::Cookie(name) => format!("the cookie `{name}`"),
        }
    }
}

fn query_names(query: &str) -> Vec<String> {
    form_urlencoded::parse(query.as_bytes())
        .map(|(name, _)| name.into_owned())
        .collect()
}

fn cookies_of(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(COOKIE).iter();
    lines
        .flat_map(|line| cookie_names(line.to_str().expect("text")))
        .collect()
}

fn cookie_names(line: &str) -> Vec<String> {
    let pairs = line.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.map(|(name, _)| name.to_owned()).collect()
}
