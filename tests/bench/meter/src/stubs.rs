//! What stands behind the functions: an upstream, and a DynamoDB that counts. Both answer at once, but where the upstream
//! is asked to be slow.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::server;

/// One user, as a service would answer.
const USER: &str = concat!(
    r#"{"id":"42","name":"Ada Lovelace","email":"ada@example.com","roles":["reader","writer"],"#,
    r#""address":{"street":"12 St James's Square","city":"London","postcode":"SW1Y 4JH","country":"GB"},"#,
    r#""created_at":"2026-01-31T23:59:59Z","updated_at":"2026-02-14T08:30:00Z","active":true,"logins":1843}"#
);

const HEAD: &str = concat!(
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ndate: Sat, 14 Feb 2026 08:30:00 GMT\r\n",
    "server: users/1.0\r\ncache-control: max-age=86400\r\netag: \"3f80f-1b6-3e1cb03b\"\r\n"
);

/// What the upstream answers only after [`SLOW`].
pub(crate) const SLOW_PATH: &str = "/slow";
pub(crate) const SLOW: Duration = Duration::from_millis(20);

/// Listens as the one upstream, which serves the key set as well.
pub(crate) fn upstream(key_set: String) -> io::Result<SocketAddr> {
    let user = server::answer(HEAD, USER);
    let keys = server::answer(HEAD, &key_set);
    server::serve(move |head: &str, _: &[u8]| {
        if head.split(' ').nth(1) == Some(SLOW_PATH) {
            wait();
        }
        let asks_keys = head.starts_with("GET /jwks.json ");
        Some(if asks_keys { keys.clone() } else { user.clone() })
    })
}

/// A running DynamoDB.
pub(crate) struct DynamoDb {
    pub(crate) address: SocketAddr,
    writes: Arc<AtomicU64>,
}

#[expect(clippy::disallowed_methods, reason = "what is measured here is real time")]
fn wait() {
    thread::sleep(SLOW);
}

impl DynamoDb {
    /// How many items were written since this was asked last.
    pub(crate) fn writes(&self) -> u64 {
        self.writes.swap(0, Ordering::Relaxed)
    }
}

/// Listens as DynamoDB, as far as the functions here use it: `UpdateItem` in the forms below, no condition ever
/// fails, and no other item exists.
pub(crate) fn dynamodb() -> io::Result<DynamoDb> {
    let writes = Arc::<AtomicU64>::default();
    let counted = Arc::clone(&writes);
    let items: Mutex<HashMap<String, u64>> = Mutex::default();
    let address = server::serve(move |head: &str, body: &[u8]| {
        let request = std::str::from_utf8(body).ok()?;
        if !head.contains("UpdateItem") {
            return Some(dynamodb_answer("{}"));
        }
        counted.fetch_add(1, Ordering::Relaxed);
        let key = between(request, r#""pk":{"S":""#, "\"")?;
        let mut items = items.lock().unwrap_or_else(PoisonError::into_inner);
        let item = items.entry(key.to_owned()).or_default();
        let bucket = || between(request, "SET #ttl = :ttl, ", " = ");
        let (name, value) = match (
            number(request, ":one"),
            number(request, ":next"),
            number(request, ":cost"),
        ) {
            (Some(one), _, _) => ("n", *item + one),
            (_, Some(next), _) => (bucket()?, next),
            (_, _, Some(cost)) => (bucket()?, *item + cost),
            _ => return None,
        };
        *item = value;
        Some(dynamodb_answer(&format!(
            r#"{{"Attributes":{{"pk":{{"S":"{key}"}},"sk":{{"S":"L#shared"}},"{name}":{{"N":"{value}"}},"ttl":{{"N":"1893456000"}}}}}}"#
        )))
    })?;
    Ok(DynamoDb { address, writes })
}

fn dynamodb_answer(body: &str) -> Vec<u8> {
    let head = concat!(
        "HTTP/1.1 200 OK\r\nserver: Server\r\ndate: Sat, 14 Feb 2026 08:30:00 GMT\r\n",
        "content-type: application/x-amz-json-1.0\r\nconnection: keep-alive\r\n",
        "x-amzn-requestid: TPPV5CQ2H8T8B4A5LC4NKBQ5FFVV4KQNSO5AEMVJF66Q9ASUAAJG\r\n"
    );
    server::answer(head, body)
}

fn number(request: &str, name: &str) -> Option<u64> {
    between(request, &format!(r#""{name}":{{"N":""#), "\"")?.parse().ok()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpStream};

    use super::*;

    /// The last answers to these bodies, sent on one connection.
    fn answers(address: SocketAddr, bodies: &[&str]) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        for body in bodies {
            let head = "POST / HTTP/1.1\r\nX-Amz-Target: DynamoDB_20120810.UpdateItem\r\n";
            stream.write_all(&server::answer(head, body)).unwrap();
        }
        stream.shutdown(Shutdown::Write).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn each_form_of_step_moves_its_own_item() {
        let step = |pk: &str, name: &str, value: &str| {
            let (key, update) = (format!(r#"{{"pk":{{"S":"{pk}"}}}}"#), "SET #ttl = :ttl, t10x9 = ...");
            let values = format!(r#"{{"{name}":{{"N":"{value}"}}}}"#);
            format!(r#"{{"Key":{key},"UpdateExpression":"{update}","ExpressionAttributeValues":{values}}}"#)
        };
        let dynamodb = dynamodb().unwrap();
        let bodies = [
            step("a", ":next", "100"),
            step("a", ":cost", "5"),
            step("b", ":one", "1"),
            step("b", ":one", "1"),
        ];
        let text = answers(dynamodb.address, &bodies.each_ref().map(String::as_str));
        let values: Vec<&str> = text
            .split("\r\n\r\n")
            .filter_map(|part| between(part, r#""sk":{"S":"L#shared"},"#, "},"))
            .collect();
        assert_eq!(
            values,
            [
                r#""t10x9":{"N":"100""#,
                r#""t10x9":{"N":"105""#,
                r#""n":{"N":"1""#,
                r#""n":{"N":"2""#
            ]
        );
        assert_eq!([dynamodb.writes(), dynamodb.writes()], [4, 0]);
    }

    #[test]
    fn an_update_in_no_form_known_ends_the_connection() {
        let body = r#"{"Key":{"pk":{"S":"a"}}}"#;
        assert_eq!(answers(dynamodb().unwrap().address, &[body, body]), "");
    }
}
