//! The store, and the admin API on it, through the official SDK: on a real engine, and on servers that misbehave.
//!
//! The engine is embedded unless `TOLLGATE_TEST_DYNAMODB_ENDPOINT` names another one (DynamoDB Local, or AWS with
//! credentials in the usual variables); each test makes a table of its own.

mod admin_api;
mod api_keys;
mod counters;
mod engine;
mod environments;
mod fake;
mod faults;
mod key_change;
mod ledger;
mod limits;
mod lost_answers;
mod month;
mod outage;
mod plans;
mod records;
mod sessions;
