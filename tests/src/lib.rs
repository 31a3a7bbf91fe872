//! What the end-to-end suites are made of: the real binary as a process, and doubles of everything around it.
//!
//! A suite reads as config, request, expectation: [`Stage`] holds the doubles and writes the base document,
//! [`Api`] is the gateway in front of them, [`Exchange`] is what client and upstreams saw of one request.
//! Every port is the system's choice and nothing sleeps but [`pauses`], whose subject is time that passes: tests wait
//! for what they need to see, up to [`DEADLINE`].

use std::time::Duration;

pub mod aws;
pub mod binaries;
pub mod client;
pub mod dynamodb;
pub mod exchange;
pub mod faulty;
mod front_door;
pub mod function;
pub mod gateway;
pub mod impatient;
pub mod issuer;
pub mod journal;
pub mod pauses;
pub mod process;
pub mod relay;
pub mod running;
pub mod seeded;
pub mod server;
pub mod stage;
pub mod token;
pub mod upstream;

pub use client::{Request, Response, get, method, post};
pub use exchange::Exchange;
pub use gateway::{Event, Gateway};
pub use stage::{Api, Stage};
pub use upstream::{Answer, Recorded, Upstream};

/// How long anything that must happen is waited for. Generous, because many gateways run at once; a
/// test that passes never waits for it.
pub const DEADLINE: Duration = Duration::from_secs(60);
