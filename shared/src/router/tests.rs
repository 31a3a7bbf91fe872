use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;
use crate::auth::RouteAuth;
use crate::config::{Pointer, Target};
use crate::edge::EdgeRules;
use crate::path::PathPattern;
use crate::testing::{call, headers, request};
use crate::transform::TransformRules;

fn route(id: &str, path: &str, conditions: Conditions) -> Arc<Route> {
    Arc::new(Route {
        id: id.into(),
        pointer: Pointer::new("/routes/0"),
        pattern: PathPattern::parse(path).expect("a pattern"),
        conditions,
        target: Target::Call(call("http://service.internal", None)),
        auth: RouteAuth::None,
        limits: Vec::new(),
        cost: NonZeroU32::MIN,
        edge: EdgeRules::default(),
        cache: None,
        transform: TransformRules::default(),
    })
}

fn plain(paths: &[&str]) -> Router {
    let routes: Vec<_> = paths
        .iter()
        .map(|path| route(path, path, Conditions::default()))
        .collect();
    Router::new(&routes)
}

fn methods(methods: &[Method]) -> Conditions {
    Conditions {
        methods: methods.to_vec(),
        ..Conditions::default()
    }
}

fn found(router: &Router, request: &Request) -> Result<String, GatewayError> {
    router.find(request).map(|found| found.route.id.to_string())
}

#[test]
fn patterns_are_compared_segment_by_segment_from_the_left() {
    let router = plain(&[
        "/**", "/a/**", "/a/*/c", "/a/b/**", "/a/{id}", "/a/b", "/*/b/c", "/a/*/**",
    ]);
    for (path, winner) in [
        ("/", "/**"),
        ("/x", "/**"),
        ("/a", "/a/**"),
        ("/a/", "/a/**"),
        ("/a/b", "/a/b"),
        ("/a/b/", "/a/b/**"),
        ("/a/b/c", "/a/b/**"),
        ("/a/x", "/a/{id}"),
        ("/a/x/c", "/a/*/c"),
        ("/a/x/d", "/a/*/**"),
        ("/x/b/c", "/*/b/c"),
        ("/x/b/d", "/**"),
        ("/A/b", "/**"),
    ] {
        assert_eq!(
            found(&router, &request(Method::GET, path)).as_deref(),
            Ok(winner),
            "{path}"
        );
    }
}

#[test]
fn a_trailing_slash_is_a_path_of_its_own() {
    let router = plain(&["/a", "/b/"]);
    assert!(found(&router, &request(Method::GET, "/a")).is_ok());
    assert_eq!(
        found(&router, &request(Method::GET, "/a/")),
        Err(GatewayError::NotFound)
    );
    assert!(found(&router, &request(Method::GET, "/b/")).is_ok());
    assert_eq!(found(&router, &request(Method::GET, "/b")), Err(GatewayError::NotFound));
}

#[test]
fn the_search_turns_back_when_a_better_looking_branch_has_no_route() {
    let router = plain(&["/a/b/c", "/*/b/d", "/a/**"]);
    assert_eq!(found(&router, &request(Method::GET, "/a/b/d")).as_deref(), Ok("/a/**"));
    assert_eq!(found(&router, &request(Method::GET, "/x/b/d")).as_deref(), Ok("/*/b/d"));
}

#[test]
fn a_more_specific_route_of_another_method_does_not_hide_a_wider_one() {
    let router = Router::new(&[
        route("narrow", "/a/b", methods(&[Method::POST])),
        route("wide", "/a/**", methods(&[Method::GET])),
    ]);
    assert_eq!(found(&router, &request(Method::GET, "/a/b")).as_deref(), Ok("wide"));
    assert_eq!(found(&router, &request(Method::POST, "/a/b")).as_deref(), Ok("narrow"));
}

#[test]
fn method_not_allowed_names_every_method_of_the_routes_that_fit_otherwise() {
    let router = Router::new(&[
        route("read", "/a", methods(&[Method::GET])),
        route("write", "/a", methods(&[Method::PUT, Method::POST])),
        route(
            "elsewhere",
            "/a",
            Conditions {
                hosts: vec!["other.example.com".into()],
                ..methods(&[Method::DELETE])
            },
        ),
    ]);
    let allow = vec![Method::GET, Method::HEAD, Method::POST, Method::PUT];
    assert_eq!(
        found(&router, &request(Method::DELETE, "/a")),
        Err(GatewayError::MethodNotAllowed { allow })
    );
    assert_eq!(
        found(&router, &request(Method::DELETE, "/b")),
        Err(GatewayError::NotFound)
    );
}

#[test]
fn get_includes_head_and_nothing_else() {
    let router = Router::new(&[route("read", "/a", methods(&[Method::GET]))]);
    assert!(found(&router, &request(Method::HEAD, "/a")).is_ok());
    assert!(found(&router, &request(Method::OPTIONS, "/a")).is_err());
    let lower = Method::from_bytes(b"get").expect("a token");
    assert!(found(&router, &request(lower, "/a")).is_err());
}

#[test]
fn a_preflight_matches_by_the_method_it_asks_for() {
    let router = Router::new(&[
        route("read", "/a", methods(&[Method::GET])),
        route("write", "/a", methods(&[Method::PUT])),
    ]);
    let mut ask = request(Method::OPTIONS, "/a");
    ask.headers = headers(&[
        ("origin", "https://app.example.com"),
        ("access-control-request-method", "PUT"),
    ]);
    assert_eq!(found(&router, &ask).as_deref(), Ok("write"));
    ask.headers.remove("origin");
    assert!(
        found(&router, &ask).is_err(),
        "without an origin it is an ordinary OPTIONS"
    );
    ask.headers = headers(&[
        ("origin", "https://app.example.com"),
        ("access-control-request-method", "DELETE"),
    ]);
    assert!(found(&router, &ask).is_err());
}

fn with_cors(mut route: Arc<Route>) -> Arc<Route> {
    let rules = crate::cors::CorsRules {
        origins: crate::cors::AllowedOrigins::Any,
        methods: None,
        headers: None,
        expose: http::HeaderValue::from_static(""),
        max_age: 0,
        credentials: false,
    };
    Arc::make_mut(&mut route).edge.cors = Some(Arc::new(rules));
    route
}

fn asking(method: &str, names: &str) -> Request {
    let mut preflight = request(Method::OPTIONS, "/a");
    preflight.headers = headers(&[
        ("origin", "https://app.example.com"),
        ("access-control-request-method", method),
        ("access-control-request-headers", names),
        ("accept", "*/*"),
    ]);
    preflight
}

/// Else whoever writes a preflight would pass conditions that may be a secret between two services.
#[test]
fn what_a_preflight_announces_counts_only_where_the_gateway_answers_it() {
    let conditions = Conditions {
        methods: vec![Method::PUT],
        headers: vec![
            ("x-version".parse().unwrap(), "2".into()),
            (http::header::ACCEPT, "a/b".into()),
        ],
        ..Conditions::default()
    };
    let bare = route("bare", "/a", conditions);
    let asked = asking("PUT", "x-version");
    assert_eq!(
        found(&Router::new(std::slice::from_ref(&bare)), &asked),
        Err(GatewayError::NotFound)
    );
    let answered = Router::new(&[with_cors(bare)]);
    assert_eq!(found(&answered, &asked), Ok("bare".into()));
    assert_eq!(found(&answered, &asking("PUT", "x-other")), Err(GatewayError::NotFound));
    let mut plain = asked;
    plain.method = Method::PUT;
    assert_eq!(found(&answered, &plain), Err(GatewayError::NotFound), "no preflight");
}

#[test]
fn a_route_of_its_own_for_options_takes_no_preflight_for_another_method() {
    let first = route("first", "/a", methods(&[Method::GET, Method::OPTIONS]));
    let second = route("second", "/a", methods(&[Method::PUT]));
    let asked = asking("PUT", "");
    let answered = Router::new(&[with_cors(first.clone()), with_cors(second.clone())]);
    assert_eq!(found(&answered, &asked), Ok("second".into()));
    let theirs = Router::new(&[first, second]);
    assert_eq!(
        found(&theirs, &asked),
        Ok("first".into()),
        "a service that answers preflights itself"
    );
}

#[test]
fn hosts_headers_and_query_filter_and_the_more_particular_route_wins() {
    let host = |host: &str| Conditions {
        hosts: vec![host.into()],
        ..Conditions::default()
    };
    let beta = Conditions {
        headers: vec![(HeaderName::from_static("x-beta"), "1".into())],
        ..Conditions::default()
    };
    let debug = Conditions {
        query: vec![("debug".into(), "a b".into())],
        ..beta.clone()
    };
    let router = Router::new(&[
        route("any", "/a", Conditions::default()),
        route("beta", "/a", beta),
        route("debug", "/a", debug),
        route("wildcard", "/a", host("*.example.org")),
        route("exact", "/a", host("www.example.org")),
    ]);
    let mut ask = request(Method::GET, "/a");
    assert_eq!(found(&router, &ask).as_deref(), Ok("any"));
    ask.headers = headers(&[("x-beta", "0"), ("x-beta", "1")]);
    assert_eq!(found(&router, &ask).as_deref(), Ok("beta"));
    ask.query = "debug=1&debug=a+b".into();
    assert_eq!(found(&router, &ask).as_deref(), Ok("debug"));
    ask.host = "api.example.org".into();
    assert_eq!(found(&router, &ask).as_deref(), Ok("wildcard"));
    ask.host = "www.example.org".into();
    assert_eq!(found(&router, &ask).as_deref(), Ok("exact"));
    for not_below in ["example.org", ".example.org", "evil-example.org"] {
        ask.host = not_below.into();
        assert_eq!(found(&router, &ask).as_deref(), Ok("debug"), "{not_below}");
    }
}

#[test]
fn file_order_decides_what_still_ties() {
    let header = |value: &str| Conditions {
        headers: vec![(HeaderName::from_static("x-a"), value.into())],
        ..Conditions::default()
    };
    let query = Conditions {
        query: vec![("a".into(), "1".into())],
        ..Conditions::default()
    };
    let router = Router::new(&[route("first", "/a", query), route("second", "/a", header("1"))]);
    let mut ask = request(Method::GET, "/a");
    ask.headers = headers(&[("x-a", "1")]);
    ask.query = "a=1".into();
    assert_eq!(found(&router, &ask).as_deref(), Ok("first"));
}

proptest! {
    /// Against the plain reading of the rule: of all patterns that match, the smallest in segment order wins.
    #[test]
    fn the_tree_finds_what_a_scan_finds(
        patterns in prop::collection::btree_set(pattern(), 1..12),
        path in prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 0..4),
    ) {
        let path = format!("/{}", path.join("/"));
        let texts: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let ask = request(Method::GET, &path);
        let mut matching: Vec<PathPattern> =
            texts.iter().map(|text| PathPattern::parse(text).expect("a pattern")).filter(|p| p.matches(&ask.path)).collect();
        matching.sort_by(|a, b| a.segments().cmp(b.segments()));
        let by_scan = matching.first().map(|pattern| pattern.as_str().to_owned()).ok_or(GatewayError::NotFound);
        prop_assert_eq!(found(&plain(&texts), &ask), by_scan);
    }
}

fn pattern() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec!["a", "b", "*"]);
    (prop::collection::vec(segment, 0..4), any::<bool>()).prop_map(|(segments, tail)| {
        let mut segments = segments;
        if tail {
            segments.push("**");
        }
        format!("/{}", segments.join("/"))
    })
}

fn answering(types: &[&str]) -> Conditions {
    let types = types.iter().map(|text| MediaType::parse(text).expect("a media type"));
    Conditions {
        accept: types.collect(),
        ..Conditions::default()
    }
}

const V1: &str = "application/vnd.a.v1+json";
const V2: &str = "application/vnd.a.v2+json";

fn accepting(path: &str, accept: &str) -> Request {
    let mut request = request(Method::GET, path);
    request.headers = headers(&[("accept", accept)]);
    request
}

#[test]
fn accept_decides_between_routes_that_are_alike() {
    let router = Router::new(&[
        route("v1", "/a", answering(&[V1])),
        route("v2", "/a", answering(&[V2, "application/json;version=2"])),
    ]);
    for (accept, id) in [
        (V1, "v1"),
        (V2, "v2"),
        ("*/*", "v1"),
        ("application/*;q=0.1", "v1"),
        ("application/vnd.a.v1+json;q=0.5, application/vnd.a.v2+json", "v2"),
        ("application/vnd.a.v2+json;q=0.5, application/vnd.a.v1+json;q=0.6", "v1"),
        ("application/json; version=2", "v2"),
        ("application/vnd.a.v1+json;q=0, */*;q=0.1", "v2"),
    ] {
        assert_eq!(found(&router, &accepting("/a", accept)), Ok(id.into()), "{accept}");
    }
    assert_eq!(found(&router, &request(Method::GET, "/a")), Ok("v1".into()));
}

#[test]
fn what_no_route_answers_with_is_not_acceptable() {
    let router = Router::new(&[
        route("v1", "/a", answering(&[V1])),
        route(
            "v2",
            "/a",
            Conditions {
                methods: vec![Method::GET],
                ..answering(&[V2])
            },
        ),
        route("post", "/a", methods(&[Method::POST])),
    ]);
    let types = vec![V1.to_owned(), V2.to_owned()];
    let refused = GatewayError::NotAcceptable { types };
    assert_eq!(found(&router, &accepting("/a", "text/html")), Err(refused));
    let mut post = accepting("/a", "text/html");
    post.method = Method::POST;
    assert_eq!(found(&router, &post), Ok("post".into()));
    assert_eq!(found(&router, &accepting("/b", V1)), Err(GatewayError::NotFound));
}

#[test]
fn routes_that_do_not_ask_come_after_and_more_precise_ones_before() {
    let header = Conditions {
        headers: vec![(http::HeaderName::from_static("x-beta"), "1".into())],
        ..Conditions::default()
    };
    let router = Router::new(&[
        route("any", "/a", Conditions::default()),
        route("v2", "/a", answering(&[V2])),
        route("beta", "/a", header),
        route("tail", "/**", answering(&[V1])),
    ]);
    assert_eq!(found(&router, &accepting("/a", V2)), Ok("v2".into()));
    assert_eq!(found(&router, &accepting("/a", "text/html")), Ok("any".into()));
    assert_eq!(
        found(&router, &accepting("/a", V1)),
        Ok("any".into()),
        "not the less precise path"
    );
    assert_eq!(found(&router, &accepting("/b", V1)), Ok("tail".into()));
    let mut beta = accepting("/a", V2);
    beta.headers.insert("x-beta", http::HeaderValue::from_static("1"));
    assert_eq!(found(&router, &beta), Ok("beta".into()));
}

#[test]
fn it_is_known_whether_accept_had_a_say() {
    let router = Router::new(&[
        route("any", "/a", Conditions::default()),
        route("v2", "/a", answering(&[V2])),
        route("alone", "/b", Conditions::default()),
    ]);
    let by_accept = |request: &Request| router.find(request).map(|found| found.by_accept);
    assert_eq!(by_accept(&accepting("/a", V2)), Ok(true));
    assert_eq!(
        by_accept(&accepting("/a", "text/html")),
        Ok(true),
        "another would have found another"
    );
    assert_eq!(by_accept(&request(Method::GET, "/a")), Ok(true));
    assert_eq!(by_accept(&accepting("/b", V2)), Ok(false));
}

/// Pages may set `Accept` unasked, so preflights never name it.
#[test]
fn a_preflight_finds_a_route_whatever_it_answers_with() {
    let mut conditions = answering(&[V1]);
    conditions.methods = vec![Method::PUT];
    let bare = route("bare", "/a", conditions);
    let mut asked = asking("PUT", "");
    asked
        .headers
        .insert("accept", http::HeaderValue::from_static("text/html"));
    let answered = Router::new(&[with_cors(bare)]);
    assert_eq!(found(&answered, &asked), Ok("bare".into()));
}
