//! The header field that a bearer token comes in (RFC 6750 section 2.1).

use http::HeaderMap;
use http::header::AUTHORIZATION;

#[cfg(test)]
mod tests;

/// The longest token read or sent on, in bytes. Front doors carry about 10 KiB of headers; nothing real is longer.
pub(super) const MAX_TOKEN: usize = 16 * 1024;

/// The bytes of a token before its padding: `b64token`. A table, because tokens are long.
const IN_TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let character = byte as u8;
        table[byte] = character.is_ascii_alphanumeric() || matches!(character, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
        byte += 1;
    }
    table
};

/// The token of the one `Authorization` field, `None` when there is no such field: the scheme in any case, one or more
/// spaces, one token. The error is for the log.
pub(super) fn token(headers: &HeaderMap) -> Result<Option<&str>, &'static str> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let Some(field) = fields.next() else {
        return Ok(None);
    };
    if fields.next().is_some() {
        return Err("there is more than one Authorization header");
    }
    let text = field
        .to_str()
        .map_err(|_| "the Authorization header is not visible ASCII")?;
    let (scheme, rest) = text
        .split_once(' ')
        .ok_or("the Authorization header is not a scheme and a token")?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err("the Authorization scheme is not Bearer");
    }
    let token = rest.trim_start_matches(' ');
    let unpadded = token.trim_end_matches('=');
    // To the end in any case: without a way out of it, the loop takes half as many instructions.
    let is_token = unpadded
        .bytes()
        .fold(true, |so_far, byte| so_far & IN_TOKEN[usize::from(byte)]);
    if unpadded.is_empty() || !is_token {
        return Err("what follows Bearer is not one token");
    }
    Ok(Some(token))
}
