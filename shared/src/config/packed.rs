//! `packed:...`: the document as a deployment carries it in one variable. JSON without blanks, compressed (zlib,
//! RFC 1950, whose checksum tells a changed one), in base64url without padding (RFC 4648 section 5), which no shell,
//! YAML file or parameter list takes for anything else.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::bufread::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::MAX_DOCUMENT;

/// What stands in front.
pub(super) const PREFIX: &str = "packed:";

pub(super) fn pack(json: &str) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    // Memory takes all that is written to it.
    let written = encoder.write_all(json.as_bytes()).and_then(|()| encoder.finish());
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(written.unwrap_or_default()))
}

/// The text behind [`PREFIX`] unpacked: at most one byte more than a document may have, so that whoever reads on sees
/// one that is too large. The error says what is wrong and shows nothing of the text.
pub(super) fn unpack(text: &str) -> Result<String, &'static str> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| "is not base64url")?;
    let mut decoder = ZlibDecoder::new(bytes.as_slice()).take(MAX_DOCUMENT as u64 + 1);
    let mut json = Vec::with_capacity((10 * bytes.len()).min(MAX_DOCUMENT));
    decoder
        .read_to_end(&mut json)
        .map_err(|_| "is cut short or changed: it does not unpack")?;
    if json.len() <= MAX_DOCUMENT && !decoder.into_inner().into_inner().is_empty() {
        return Err("has something behind its end");
    }
    let json = String::from_utf8(json).map_err(|_| "holds something else than text")?;
    // What is packed is JSON; YAML in there would only be slower to read at every start.
    match json.starts_with('{') {
        true => Ok(json),
        false => Err("holds something else than a JSON object"),
    }
}
