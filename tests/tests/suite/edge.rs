//! Where the outside meets the gateway.

mod admittance;
mod cors;
