//! What is kept of a key's text: its SHA-256. A key has 190 random bits, so that no slow hash is needed.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use crate::sha256::{self, sha256};

/// SHA-256 of a whole key text. Two are compared in constant time, so that the time of an answer tells nobody how
/// much of a guess was right.
#[derive(Clone, Copy)]
pub struct KeyHash([u8; sha256::LENGTH]);

impl KeyHash {
    /// Of this text.
    pub fn of(text: &str) -> Self {
        Self(sha256(text.as_bytes()))
    }

    /// From its base64url text without padding (RFC 4648 section 5); `None` when it is none, or not of 32 bytes.
    pub fn from_base64url(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// As base64url without padding (RFC 4648 section 5).
    pub fn to_base64url(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyHash {}

/// Shows nothing: whoever has a key's text must not find it by its hash in a log.
impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sha_256_of_the_text() {
        // RFC 6234's test vector for "abc".
        assert_eq!(
            KeyHash::of("abc").to_base64url(),
            "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"
        );
    }

    #[test]
    fn its_text_is_read_back_and_nothing_else_is() {
        let hash = KeyHash::of("abc");
        let text = hash.to_base64url();
        assert_eq!(KeyHash::from_base64url(&text), Some(hash));
        let padded = format!("{text}=");
        let (short, long) = (URL_SAFE_NO_PAD.encode([0; 31]), URL_SAFE_NO_PAD.encode([0; 33]));
        let loose_bits = text.replace("Fa0", "Fa1");
        for wrong in [
            "",
            "abc",
            &text[1..],
            &short,
            &long,
            &padded,
            &loose_bits,
            &text.replace('-', "+"),
        ] {
            assert_eq!(KeyHash::from_base64url(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn one_bit_makes_another_hash() {
        let hash = KeyHash([7; 32]);
        for bit in 0..256 {
            let mut other = hash;
            other.0[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(hash, other, "bit {bit}");
        }
        assert_eq!(hash, KeyHash([7; 32]));
    }

    #[test]
    fn debug_output_shows_nothing() {
        assert_eq!(format!("{:?}", KeyHash::of("abc")), "KeyHash(..)");
    }
}
