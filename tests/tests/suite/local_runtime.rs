//! The local runtime and the commands, as a user meets them.

mod authorizer;
mod commands;
mod database;
mod event_tests;
mod function_binary;
mod invoke_api;
mod keys;
mod listeners;
mod pack;
mod processes;
mod store;
