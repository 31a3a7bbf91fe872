//! What reshaping a JSON body costs by itself: `Transforms::response`, all that the gateway does to an answer between the
//! call and its last hand.

use std::fmt::Write as _;
use std::hint::black_box;

use bytes::Bytes;
use clap::ValueEnum;
use http::Response;
use serde_json::{Value, json};
use tollgate::edits::Edits;
use tollgate::template::Values;
use tollgate::transform::Transforms;

use crate::event;

/// How large the document is, in bytes.
pub(crate) const SIZE: usize = 100 * 1024;

/// Which rules there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rules {
    /// Members taken out and renamed in every element of a list.
    Fields,
    /// All kinds together.
    All,
}

/// A list of orders as services have them: texts, numbers, lists in lists.
pub(crate) fn document() -> String {
    let mut text = String::from("{\"orders\":[");
    let mut number = 0_u64;
    while text.len() < SIZE {
        let comma = if number == 0 { "" } else { "," };
        // Writing to a String cannot fail.
        _ = write!(
            text,
            r#"{comma}{{"id":"ord_{number:08}","internal_id":{id},"total":{total}.10,"currency":"EUR","paid":{paid},"customer":{{"name":"Zo\u00eb Müller {number}","email_address":"zoe.{number}@example.com","tags":["new","eu-west",null]}},"lines":[{{"sku":"lamp-{number}","quantity":{quantity},"note":"two \"large\" ones, please"}},{{"sku":"bulb","quantity":12,"note":null}}]}}"#,
            id = 9_007_199_254_740_993 + number,
            total = number * 37,
            paid = number.is_multiple_of(2),
            quantity = number % 7 + 1,
        );
        number += 1;
    }
    text.push_str("],\"next\":null}");
    text
}

impl Rules {
    /// Its name in the table.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Fields => "remove and rename",
            Self::All => "unwrap, remove, rename, set, wrap",
        }
    }

    fn body(self) -> Value {
        let remove = ["orders.internal_id", "orders.lines.note"];
        let rename = json!({ "orders.customer.email_address": "email" });
        match self {
            Self::Fields => json!({ "remove_fields": remove, "rename_fields": rename }),
            Self::All => json!({
                "unwrap": "orders", "remove_fields": ["internal_id", "lines.note"],
                "rename_fields": { "customer.email_address": "email" }, "set": { "version": 2 }, "wrap": "data",
            }),
        }
    }
}

/// Reshapes an answer with this body so many times.
pub(crate) fn run(rules: Rules, body: &str, times: usize) -> Result<(), String> {
    let config = json!({ "routes": [
        { "path": "/**", "upstream": "http://127.0.0.1", "auth": "none", "transform": { "response": { "body": rules.body() } } },
    ] });
    let config = tollgate::config::parse("bench.json", &config.to_string(), &|_| None);
    let config = config.map_err(|mistakes| mistakes.to_string())?.config;
    let route = config.routes.first().ok_or("no route")?;
    let request = event::request(None)?;
    let transforms = Transforms::of(&[], route, &request.path);
    let values = Values {
        request: &request,
        identity: None,
        parts: &[],
    };
    let body = Bytes::copy_from_slice(body.as_bytes());
    for _ in 0..times {
        let answer = Response::builder()
            .header("Content-Type", "application/json")
            .body(body.clone());
        let answer = answer.map_err(|error| error.to_string())?;
        let reshaped = transforms.response(answer, &values, &mut Edits::default());
        let reshaped = reshaped.map_err(|error| format!("{error:?}"))?;
        if black_box(reshaped.body()) == &body {
            return Err(format!("{rules:?} changed nothing"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_as_large_as_it_is_called() {
        let text = document();
        assert!((SIZE..SIZE + 1024).contains(&text.len()), "{}", text.len());
        assert!(serde_json::from_str::<Value>(&text).is_ok());
    }

    #[test]
    fn every_kind_of_rules_changes_it() {
        for rules in Rules::value_variants() {
            run(*rules, &document(), 2).unwrap();
        }
    }
}
