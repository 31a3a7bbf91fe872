//! Bytes in hexadecimal.

use std::fmt::Write as _;

/// Two lower-case digits a byte.
pub(crate) fn of(bytes: &[u8]) -> String {
    let room = String::with_capacity(2 * bytes.len());
    bytes.iter().fold(room, |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // a string takes everything
        text
    })
}
