//! Shares: `20%`.

use super::values::{Scalar, plain_digits};
use crate::config::tree::Value;

/// A share of something, in whole hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Percent(pub(in crate::config) u32);

impl Scalar for Percent {
    const NOUN: &'static str = "a share from 1% to 100%, such as 20%";

    fn read(value: &Value) -> Option<Self> {
        let Value::Text(text) = value else { return None };
        let digits = text.strip_suffix('%').filter(|digits| plain_digits(digits))?;
        digits.parse().ok().filter(|share| (1..=100).contains(share)).map(Self)
    }
}
