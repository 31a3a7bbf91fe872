//! "Identity": what a client says about itself, and about its connection, reaches no upstream.

use serde_json::json;
use tollgate_tests::{Api, Event, Exchange, Request, Stage, get};

crate::for_each_event_kind!(
    sealed_headers,
    hop_by_hop_headers,
    forwarding_headers,
    underscore_headers
);

const ME: &str = "/api/orders/1";

/// Every spelling of one sealed header, and one header of every sealed family.
const SEALED: [&str; 22] = [
    "X-User-Id",
    "x-user-id",
    "X-USER-ID",
    "x_user_id",
    "X_User_Id",
    "X.User.Id",
    "X-User.Id",
    "X~User!Id",
    "X-User-Email",
    "X-User-",
    "X-Consumer-Username",
    "X-Authenticated-Userid",
    "X-Auth-Request-Email",
    "X-Jwt-Payload",
    "X-Gateway-Trust",
    "X-Tollgate-Route",
    "X-Amzn-Oidc-Data",
    "X-Amzn-Oidc-Identity",
    "X-Amzn-Mtls-Clientcert",
    "X-Amzn-Request-Context",
    "X-Amzn-Lambda-Context",
    "x.partner.id",
];

async fn sealed_headers(event: Event) {
    let stage = Stage::set().await;
    let mut document = stage.unlimited();
    document["sealed_headers"] = json!(["X-Partner-Id"]);
    // The widest opening: even where underscores are kept, a sealed name stays sealed.
    document["underscore_headers"] = json!("keep");
    let mut api = stage.open(event, &document).await;
    let token = api.stage.issuer.sign("usr_1");
    for name in SEALED {
        let forged = |x: &Exchange| {
            let headers = x.upstream_request().headers.iter();
            headers.filter(|(_, value)| value.as_bytes() == b"forged").count()
        };
        let request = get(ME).bearer(&token).header(name, "forged");
        api.row(&format!("{name} on a protected route"), request, |x| {
            x.status(200).sent("X-User-Id", Some("usr_1"));
            assert_eq!(forged(x), 0, "{x:?}");
        })
        .await;
        api.row(
            &format!("{name} on a public route"),
            get("/api/health").header(name, "forged"),
            |x| {
                x.status(200).sent("X-User-Id", None);
                assert_eq!(forged(x), 0, "{x:?}");
            },
        )
        .await;
    }
    tricks(&mut api, &token).await;
    api.finish();
}

/// Adds to a request what is meant to fool the gateway.
type Trick = fn(Request) -> Request;

async fn tricks(api: &mut Api, token: &str) {
    let tricks: [(&str, Trick); 4] = [
        ("`Connection: X-User-Id` does not take ours away", |request| {
            request.header("Connection", "X-User-Id")
        }),
        ("nor beside others", |request| {
            request.header("Connection", "close, x-user-id, X-User-Role")
        }),
        ("a repeated one", |request| {
            request.header("X-User-Id", "forged").header("X-User-Id", "forged")
        }),
        ("one behind another spelling", |request| {
            let request = request.header("x_user_id", "forged").header("X.User.Id", "forged");
            request.header("Connection", "X-User-Id").header("X-USER-ID", "forged")
        }),
    ];
    for (sentence, trick) in tricks {
        api.row(sentence, trick(get(ME).bearer(token)), |x| {
            x.status(200).sent("X-User-Id", Some("usr_1"));
        })
        .await;
        api.row(sentence, trick(get("/api/health")), |x| {
            x.status(200).sent("X-User-Id", None);
        })
        .await;
    }
}

async fn hop_by_hop_headers(event: Event) {
    let stage = Stage::set().await;
    let document = stage.unlimited();
    let mut api = stage.open(event, &document).await;
    let headers = [
        "Keep-Alive",
        "Proxy-Connection",
        "Proxy-Authorization",
        "TE",
        "Upgrade",
        "X-Named",
        "X-Also-Named",
    ];
    let mut request = get("/api/health")
        .header("Connection", "X-Named, keep-alive")
        .header("Connection", "x-also-named");
    for name in headers {
        request = request.header(name, "trailers");
    }
    // A REST API takes `Connection` itself, a load balancer without multi-value headers all but the last of it:
    // what only the lost ones named, nobody knows to be hop-by-hop.
    let unnamed: &[&str] = match event {
        Event::Rest => &["X-Named", "X-Also-Named"],
        Event::Alb => &["X-Named"],
        Event::Http | Event::Url | Event::AlbMulti => &[],
    };
    api.row(
        "hop-by-hop headers and those named in Connection stay here",
        request.header("X-Other", "1"),
        |x| {
            x.status(200).sent("X-Other", Some("1"));
            for name in headers {
                x.sent(name, unnamed.contains(&name).then_some("trailers"));
            }
        },
    )
    .await;
    api.finish();
}

async fn forwarding_headers(event: Event) {
    let stage = Stage::set().await;
    let document = stage.unlimited();
    let mut api = stage.open(event, &document).await;
    let names = [
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
        "X-Forwarded-Prefix",
    ];
    let mut request = get("/api/health").host("shop.example.com:8443");
    for name in names.iter().chain(&["Forwarded", "X-Real-IP", "X-Forwarded-Anything"]) {
        request = request.header(name, "6.6.6.6");
    }
    api.row("Forwarded, X-Real-IP, X-Forwarded-* are always our own", request, |x| {
        x.status(200)
            .sent("X-Forwarded-For", Some("127.0.0.1"))
            .sent("X-Forwarded-Host", Some("shop.example.com:8443"));
        let proto = x.upstream_request().header("X-Forwarded-Proto").unwrap_or_default();
        assert!(["http", "https"].contains(&&*proto), "{x:?}");
        let forged = x
            .upstream_request()
            .headers
            .values()
            .filter(|value| value.as_bytes() == b"6.6.6.6");
        assert_eq!(forged.count(), 0, "{x:?}");
    })
    .await;
    traces(&mut api).await;
    api.finish();
}

/// The parts of a `traceparent` (W3C Trace Context section 3.2): version, trace, parent, flags.
fn trace_parts(x: &Exchange) -> Vec<String> {
    let header = x.upstream_request().header("traceparent").unwrap_or_default();
    let parts: Vec<String> = header.split('-').map(str::to_owned).collect();
    let lengths: Vec<usize> = parts.iter().map(String::len).collect();
    assert_eq!(lengths, [2, 32, 16, 2], "{x:?}");
    assert!(
        header
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)),
        "{x:?}"
    );
    parts
}

async fn traces(api: &mut Api) {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let given = format!("00-{trace}-00f067aa0ba902b7-01");
    api.row(
        "a trace is continued",
        get("/api/health").header("traceparent", &given),
        |x| {
            let parts = trace_parts(x);
            assert_eq!((parts[1].as_str(), parts[3].as_str()), (trace, "01"), "{x:?}");
        },
    )
    .await;
    let zero = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
    for wrong in [
        "rubbish",
        &zero,
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    ] {
        api.row(
            "a malformed one begins a new trace",
            get("/api/health").header("traceparent", wrong),
            |x| {
                let parts = trace_parts(x);
                assert!(parts[1] != trace && parts[1].bytes().any(|byte| byte != b'0'), "{x:?}");
            },
        )
        .await;
    }
    api.row("no trace begins one", get("/api/health"), |x| {
        trace_parts(x);
    })
    .await;
}

async fn underscore_headers(event: Event) {
    for (setting, arrives) in [(None, None), (Some("drop"), None), (Some("keep"), Some("1"))] {
        let stage = Stage::set().await;
        let mut document = stage.unlimited();
        if let Some(setting) = setting {
            document["underscore_headers"] = json!(setting);
        }
        let mut api = stage.open(event, &document).await;
        let request = get("/api/health").header("x_custom", "1").header("x-custom", "2");
        api.row(&format!("underscore_headers: {setting:?}"), request, |x| {
            x.status(200).sent("x_custom", arrives).sent("x-custom", Some("2"));
        })
        .await;
        api.finish();
    }
}
