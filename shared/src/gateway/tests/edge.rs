//! Where the outside meets the gateway: who is let in before anybody is asked anything, and what every answer says.

use super::*;

mod admittance;
mod answers;
mod cors;

/// A store that must not be asked.
const UNTOUCHED: Store = Store { down: true };

fn never(request: &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> {
    panic!("called: {}", request.uri())
}

/// The same event with another method.
fn with_method(method: &str, path: &str, headers: Value) -> String {
    event(path, headers).replace(r#""method":"GET""#, &format!(r#""method":"{method}""#))
}

/// `/api/**` behind a token and a limit that refuses what it cannot count.
fn guarded(extra: Value) -> Value {
    let mut config = json!({
        "auth": { "type": "jwt", "issuer": "https://i", "jwks_uri": "https://i/keys", "audiences": ["a"] },
        "rate_limiting": { "default": { "requests_per_second": 1, "key": "client_ip", "on_error": "deny" } },
        "routes": [{ "id": "all", "path": "/api/**", "methods": ["GET", "PUT"], "upstream": "http://service.internal" }],
    });
    let route = config["routes"][0].as_object_mut().expect("an object");
    route.extend(extra.as_object().expect("an object").clone());
    config
}
