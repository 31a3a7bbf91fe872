//! How large a function is, and how large its deployment package.

use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::table::{Bar, compare};

/// A binary and its deployment package, in MB (of 1,000,000 bytes).
pub(crate) fn of(binary: &Path) -> Result<(f64, f64), String> {
    let read = || -> std::io::Result<(f64, f64)> {
        let bytes = std::fs::read(binary)?;
        let mut zip = DeflateEncoder::new(Vec::new(), Compression::best());
        zip.write_all(&bytes)?;
        let zipped = zip.finish()?;
        Ok((megabytes(bytes.len() as u64), megabytes(zipped.len() as u64)))
    };
    read().map_err(|error| format!("{}: {error}", binary.display()))
}

/// Prints what the gateway's have more than the bare function's. Whether both bars hold.
pub(crate) fn compared(gateway: (f64, f64), bare: (f64, f64)) -> bool {
    let binary = compare("binary - forward-count", &Bar::Plus(2.5, "MB"), gateway.0, bare.0);
    let zip = compare("zip - forward-count", &Bar::Plus(1.0, "MB"), gateway.1, bare.1);
    binary && zip
}

pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
