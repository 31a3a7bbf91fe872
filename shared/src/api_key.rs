//! API keys: what the gateway keeps of one, and what it proves. Pure: no store, no clock.

mod hash;
mod record;

pub use self::hash::KeyHash;
pub use self::record::{ApiKeyRecord, KeyStatus, PreviousKey};
