//! Where the outside meets the gateway.

mod cors;
