//! The local runtime and the commands, as a user meets them.

mod commands;
mod listeners;
mod processes;
mod store;
