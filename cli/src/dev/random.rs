//! Random names in the forms that AWS services use.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use ring::rand::{SecureRandom, SystemRandom};

/// Random bytes. Zeros if the system has no randomness to give: names are then dull, but nothing secret is made
/// from them.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let _ = SystemRandom::new().fill(&mut bytes);
    bytes
}

/// A random UUID (RFC 9562 version 4): Lambda's request ids.
pub(crate) fn uuid() -> String {
    let mut bytes: [u8; 16] = bytes();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex(&bytes);
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

/// 16 characters like `JKJaXmPLvHcESHA=`: an HTTP API's request ids.
pub(crate) fn api_request_id() -> String {
    URL_SAFE.encode(bytes::<11>())
}

/// An X-Ray trace id, `1-<epoch second in hex>-<96 random bits in hex>`.
pub(crate) fn trace_id(epoch_second: u64) -> String {
    format!("1-{epoch_second:08x}-{}", hex(&bytes::<12>()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_services_form() {
        let id = uuid();
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(id.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
        assert_eq!(api_request_id().len(), 16);
        assert!(api_request_id().ends_with('='));
        let trace = trace_id(0x5759_e988);
        assert!(trace.starts_with("1-5759e988-") && trace.len() == 35, "{trace}");
    }

    #[test]
    fn no_two_are_alike() {
        assert_ne!(uuid(), uuid());
        assert_ne!(api_request_id(), api_request_id());
    }
}
