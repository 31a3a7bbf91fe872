//! Serial numbers, which are numbers of any length, in hexadecimal.

use crate::hex;

/// As many bytes as a serial number has at most, and one: what is larger is none.
const LARGEST: usize = 21;

/// A number, without leading zeros.
pub(super) fn of(bytes: &[u8]) -> String {
    trimmed(&hex::of(bytes))
}

/// A number in hexadecimal as anybody writes it: in either case, with `:` between bytes or without, with leading zeros
/// or without. `None` for any other text.
pub(super) fn read(text: &str) -> Option<String> {
    let digits: String = text.split(':').collect();
    let is_hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| trimmed(&digits.to_ascii_lowercase()))
}

/// A decimal number. `None` for any other text, and for one that is no serial number for its size.
pub(super) fn read_decimal(text: &str) -> Option<String> {
    let mut number = [0_u8; LARGEST];
    for digit in text.chars() {
        let mut carry = u16::try_from(digit.to_digit(10)?).ok()?;
        for byte in number.iter_mut().rev() {
            let [high, low] = (u16::from(*byte) * 10 + carry).to_be_bytes();
            *byte = low;
            carry = u16::from(high);
        }
        if carry > 0 {
            return None;
        }
    }
    (!text.is_empty()).then(|| of(&number))
}

fn trimmed(digits: &str) -> String {
    match digits.trim_start_matches('0') {
        "" => "0".to_owned(),
        digits => digits.to_owned(),
    }
}
