//! Sizes: `512B`, `64KiB`, `1MiB`.

use super::values::{Scalar, plain_digits};
use crate::config::tree::Value;

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::config) struct ByteSize(pub(in crate::config) u64);

impl Scalar for ByteSize {
    const NOUN: &'static str = "a whole number with its unit, such as 512B, 64KiB or 1MiB";

    fn read(value: &Value) -> Option<Self> {
        let Value::Text(text) = value else { return None };
        let unit = text.find(|character: char| !character.is_ascii_digit())?;
        let (digits, unit) = text.split_at(unit);
        let number: u64 = digits.parse().ok().filter(|_| plain_digits(digits))?;
        let factor = match unit {
            "B" => 1,
            "KiB" => 1024,
            "MiB" => 1024 * 1024,
            _ => return None,
        };
        number.checked_mul(factor).map(Self)
    }
}
