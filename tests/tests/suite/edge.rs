//! Where the outside meets the gateway.

mod admittance;
mod answers;
mod cors;
