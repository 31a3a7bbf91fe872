//! SHA-256 (FIPS 180-4).

use ring::digest::{SHA256, digest};

/// How many bytes a hash has.
pub const LENGTH: usize = ring::digest::SHA256_OUTPUT_LEN;

/// The hash of these bytes.
pub fn sha256(bytes: &[u8]) -> [u8; LENGTH] {
    let mut hash = [0; LENGTH];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}
