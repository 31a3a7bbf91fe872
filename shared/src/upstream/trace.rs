//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>): the client's trace is continued, or one begins.

use std::cell::RefCell;

use http::{HeaderMap, HeaderValue};
use ring::rand::{SecureRandom, SystemRandom};

#[cfg(test)]
mod tests;

/// The `traceparent` that goes upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace_id: [u8; 32],
    parent_id: [u8; 16],
    flags: [u8; 2],
    continues: bool,
}

impl TraceParent {
    /// Continues the request's trace under a span id of our own, or begins a new, sampled one when the header is
    /// absent, doubled or malformed.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all("traceparent").iter();
        let incoming = match (values.next(), values.next()) {
            (Some(value), None) => read(value.as_bytes()),
            _ => None,
        };
        match incoming {
            Some((trace_id, flags)) => Self {
                trace_id,
                parent_id: random_hex(),
                flags: defined(flags),
                continues: true,
            },
            None => Self {
                trace_id: random_hex(),
                parent_id: random_hex(),
                flags: *b"01",
                continues: false,
            },
        }
    }

    /// Whether the client brought it; only then does its `tracestate` mean anything.
    pub fn continues(&self) -> bool {
        self.continues
    }

    /// The trace id, 32 lower-case hex digits.
    pub fn trace_id(&self) -> &str {
        // Hex digits only, by construction.
        std::str::from_utf8(&self.trace_id).unwrap_or_default()
    }

    /// The header's value.
    pub fn header(&self) -> HeaderValue {
        let mut value = Vec::with_capacity(55);
        for part in [&b"00"[..], &self.trace_id, &self.parent_id, &self.flags] {
            if !value.is_empty() {
                value.push(b'-');
            }
            value.extend_from_slice(part);
        }
        // Hex digits and dashes are always a header value.
        HeaderValue::from_bytes(&value).unwrap_or(HeaderValue::from_static(""))
    }
}

/// Trace id and flags of a well-formed header of version 00, or of a later version that begins like it.
fn read(value: &[u8]) -> Option<([u8; 32], [u8; 2])> {
    let mut parts = value.split(|&byte| byte == b'-');
    let version: [u8; 2] = hex(parts.next()?)?;
    let trace_id: [u8; 32] = hex(parts.next()?)?;
    let parent_id: [u8; 16] = hex(parts.next()?)?;
    let flags: [u8; 2] = hex(parts.next()?)?;
    let ends = parts.next().is_none();
    let known = version == *b"00" && ends || version != *b"00" && version != *b"ff";
    let zero = trace_id == [b'0'; 32] || parent_id == [b'0'; 16];
    (known && !zero).then_some((trace_id, flags))
}

/// Only `sampled` and `random` are defined; a sender must set the other flags to zero (sections 3.2.2.5.2 and, for
/// `random`, level 2 of the recommendation).
fn defined([_, low]: [u8; 2]) -> [u8; 2] {
    // The low bits of the letters `a` to `f` are those of 1 to 6: 9 more makes them the digit's.
    let digit = if low.is_ascii_digit() { low } else { low + 9 };
    [b'0', b'0' | digit & 0b11]
}

fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let lower_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    text.try_into()
        .ok()
        .filter(|digits: &[u8; N]| digits.iter().all(lower_hex))
}

thread_local! {
    static RANDOM: RefCell<Random> = const { RefCell::new(Random { bytes: [0; 1024], used: 1024 }) };
}

/// Random bytes for many ids: each question to the operating system costs as much as all else about an id.
struct Random {
    bytes: [u8; 1024],
    /// How many of them are used up.
    used: usize,
}

impl Random {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        const { assert!(N <= 1024, "an id has fewer bytes than are fetched at once") }
        if self.bytes.len() - self.used < N {
            // Without randomness an id is all zeros: identifiers only, nothing is kept secret by them.
            if SystemRandom::new().fill(&mut self.bytes).is_err() {
                self.bytes.fill(0);
            }
            self.used = 0;
        }
        let mut taken = [0; N];
        taken.copy_from_slice(&self.bytes[self.used..self.used + N]);
        self.used += N;
        taken
    }
}

/// `N` random lower-case hex digits.
pub(crate) fn random_hex<const N: usize>() -> [u8; N] {
    let random: [u8; N] = RANDOM.with_borrow_mut(Random::take);
    random.map(|byte| b"0123456789abcdef"[usize::from(byte & 0xf)])
}

/// A random number below this one, for what is to be spread; 0 below 0.
pub(crate) fn random_below(end: u64) -> u64 {
    let random = u128::from(u64::from_ne_bytes(RANDOM.with_borrow_mut(Random::take)));
    // Evenly enough: the high half of the product (Lemire 2019, section 3, without the rejection).
    u64::try_from((random * u128::from(end)) >> 64).unwrap_or_default()
}
