//! The services behind the example store: users, orders (in two places), search with its next version, products.
//!
//! Each shows in its answers what the gateway did: the verified caller that its headers name, and fields that
//! the store's config hides or renames.

use std::net::{Ipv4Addr, SocketAddr};

use http::header::{HeaderName, LOCATION};
use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::dev::guard::Access;
use crate::dev::server::{self, Answer, json_answer};
use crate::document::Variables;
use crate::exit::Failure;

/// The running services. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct Services(Vec<JoinHandle<()>>);

/// What answers a service's requests.
type Responder = fn(&Method, &[&str], &Value) -> Answer;

const SERVICES: [(&str, Responder); 6] = [
    ("USERS_URL", users),
    ("ORDERS_URL", orders),
    ("ORDERS_2_URL", orders),
    ("SEARCH_URL", search),
    ("SEARCH_NEXT_URL", search_next),
    ("PRODUCTS_URL", products),
];

impl Services {
    /// Starts them on free ports, and sets the variables by which the store's config finds them.
    pub(crate) async fn start(variables: &mut Variables) -> Result<Self, Failure> {
        let mut tasks = Self(Vec::new());
        for (variable, respond) in SERVICES {
            let failed = |error: std::io::Error| Failure::unavailable(format!("the demo services: {error}"));
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            variables.set(variable, format!("http://{address}"));
            let handler = move |request, client| answer(respond, request, client);
            tasks
                .0
                .push(tokio::spawn(server::serve(listener, Access::guarded(address), handler)));
        }
        Ok(tasks)
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

async fn answer(respond: Responder, request: Request<Incoming>, _client: SocketAddr) -> Answer {
    let segments: Vec<&str> = request
        .uri()
        .path()
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    respond(request.method(), &segments, &seen(&request))
}

/// What the service was told by the gateway.
fn seen(request: &Request<Incoming>) -> Value {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    json!({
        "user_id": header("x-user-id"),
        "user_role": header("x-user-role"),
        "request_id": header("x-request-id"),
        "path": request.uri().path(),
        "query": request.uri().query(),
    })
}

fn users(method: &Method, path: &[&str], seen: &Value) -> Answer {
    match (method, path) {
        (_, ["health"]) => json_answer(StatusCode::OK, &json!({ "status": "ok" })),
        (&Method::POST, ["auth", "login"]) => json_answer(
            StatusCode::OK,
            &json!({ "status": "ok", "hint": "`tollgate token` prints a token of the demo identity provider" }),
        ),
        (&Method::POST, ["users"]) => {
            let mut answer = json_answer(StatusCode::CREATED, &user("43"));
            answer
                .headers_mut()
                .insert(LOCATION, HeaderValue::from_static("/users/43"));
            answer
        }
        (_, ["users"]) => json_answer(
            StatusCode::OK,
            &json!({ "users": [user("41"), user("42")], "seen": seen }),
        ),
        (_, ["users", id]) => {
            let mut user = user(id);
            user["seen"] = seen.clone();
            json_answer(StatusCode::OK, &user)
        }
        _ => unknown(),
    }
}

fn user(id: &str) -> Value {
    json!({
        "id": id,
        "name": "Ann Example",
        "email_address": "ann@example.com",
        "internal_id": 900_142,
        "db_shard": "eu-3",
    })
}

fn orders(method: &Method, path: &[&str], seen: &Value) -> Answer {
    match (method, path) {
        (&Method::POST, ["orders"]) => json_answer(StatusCode::CREATED, &order("ord_new", seen)),
        (_, ["orders"]) => json_answer(
            StatusCode::OK,
            &json!({ "orders": [order("ord_x7k9", seen), order("ord_b2m4", seen)] }),
        ),
        (_, ["orders", id]) => json_answer(StatusCode::OK, &order(id, seen)),
        _ => unknown(),
    }
}

fn order(id: &str, seen: &Value) -> Value {
    json!({ "id": id, "user_id": "42", "total": 59.90, "currency": "EUR", "items": 3, "seen": seen })
}

fn search(_: &Method, path: &[&str], seen: &Value) -> Answer {
    match path {
        ["search", ..] => {
            let hits = json!([{ "type": "order", "id": "ord_x7k9" }, { "type": "user", "id": "42" }]);
            json_answer(StatusCode::OK, &json!({ "hits": hits, "seen": seen }))
        }
        _ => unknown(),
    }
}

/// The version that a few users get.
fn search_next(_: &Method, path: &[&str], seen: &Value) -> Answer {
    match path {
        ["search", ..] => {
            let hits = json!([{ "type": "product", "id": "lamp", "score": 0.98 }]);
            json_answer(StatusCode::OK, &json!({ "engine": "next", "hits": hits, "seen": seen }))
        }
        _ => unknown(),
    }
}

fn products(method: &Method, path: &[&str], seen: &Value) -> Answer {
    match (method, path) {
        (&Method::PUT, ["products", id]) => json_answer(StatusCode::OK, &json!({ "id": id, "seen": seen })),
        (_, ["products", id @ ("lamp" | "desk")]) => {
            let product = json!({ "id": id, "price": 12.50, "cost": 7.10, "supplier": "sup_9", "seen": seen });
            let mut answer = json_answer(StatusCode::OK, &product);
            let (warehouse, place) = (HeaderName::from_static("x-warehouse"), HeaderValue::from_static("eu-3"));
            answer.headers_mut().insert(warehouse, place);
            answer
        }
        _ => unknown(),
    }
}

fn unknown() -> Answer {
    json_answer(StatusCode::NOT_FOUND, &json!({ "error": "no such thing here" }))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};

    use super::*;
    use crate::http_client::http_client;

    async fn get(variables: &Variables, variable: &str, path: &str) -> (u16, Value) {
        let url = format!("{}{path}", variables.get(variable).unwrap());
        let request = Request::get(url)
            .header("x-user-id", "ann")
            .body(Full::new(Bytes::new()))
            .unwrap();
        let answer = http_client().request(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn each_service_knows_its_paths_and_shows_the_caller() {
        let mut variables = Variables::default();
        let _services = Services::start(&mut variables).await.unwrap();
        let (status, user) = get(&variables, "USERS_URL", "/users/42?a=b").await;
        assert_eq!((status, &user["id"]), (200, &json!("42")));
        assert_eq!(user["seen"]["user_id"], "ann");
        assert_eq!(user["seen"]["query"], "a=b");
        for field in ["internal_id", "db_shard", "email_address"] {
            assert!(user.get(field).is_some(), "{field}");
        }
        assert_eq!(
            get(&variables, "ORDERS_URL", "/orders/ord_x7k9").await.1["seen"]["user_id"],
            "ann"
        );
        assert_eq!(get(&variables, "SEARCH_URL", "/search/things").await.0, 200);
        let (_, found) = get(&variables, "SEARCH_NEXT_URL", "/search/things").await;
        assert_eq!(found["engine"], "next");
        assert_eq!(get(&variables, "ORDERS_2_URL", "/orders/ord_x7k9").await.0, 200);
        let (_, product) = get(&variables, "PRODUCTS_URL", "/products/lamp").await;
        for field in ["price", "cost", "supplier"] {
            assert!(product.get(field).is_some(), "{field}");
        }
        assert_eq!(get(&variables, "PRODUCTS_URL", "/products/none").await.0, 404);
        assert_eq!(get(&variables, "USERS_URL", "/health").await.0, 200);
        assert_eq!(get(&variables, "ORDERS_URL", "/users/42").await.0, 404);
    }
}
