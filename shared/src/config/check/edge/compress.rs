//! `compress`.

use std::sync::Arc;

use crate::compress::{CompressRules, MediaTypes};
use crate::config::decode::{List, Text};
use crate::config::raw::edge::Compress;
use crate::config::report::Report;
use crate::config::tree::quote;

/// What is text, and so shrinks.
const USUAL_TYPES: [&str; 7] = [
    "text/*",
    "application/json",
    "application/x-ndjson",
    "application/xml",
    "application/javascript",
    "+json",
    "+xml",
];

/// Below it an answer is one packet, whether compressed or not.
const USUAL_SIZE: usize = 1024;

pub(super) fn rules(stance: &Compress, report: &mut Report) -> Option<Arc<CompressRules>> {
    let which = match stance {
        Compress::Usual(on) if !on.value => return None,
        Compress::Usual(_) => None,
        Compress::Which(which) => Some(which),
    };
    let types = which.and_then(|which| which.types.given());
    let min_size = which.and_then(|which| which.min_size.given());
    Some(Arc::new(CompressRules {
        types: types.map_or_else(usual, |list| some(list, report)),
        min_size: min_size.map_or(USUAL_SIZE, |given| usize::try_from(given.value.0).unwrap_or(usize::MAX)),
    }))
}

fn usual() -> MediaTypes {
    let mut types = MediaTypes::default();
    for text in USUAL_TYPES {
        // A test adds each of them.
        _ = types.add(text);
    }
    types
}

fn some(list: &List<Text>, report: &mut Report) -> MediaTypes {
    list.refuse_empty("no media type at all: write compress: false", report);
    let mut types = MediaTypes::default();
    for text in &list.items {
        let add = |text: &str| {
            MediaTypes::default()
                .add(text)
                .map_err(|why| format!("{} {why}", quote(text)))
        };
        if text.parse("a media type", report, add).is_some() {
            _ = types.add(&text.value);
        }
    }
    types
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_types_are_types() {
        let types = usual();
        for text in USUAL_TYPES {
            let written = text.replace('*', "plain").replace('+', "application/x+");
            assert!(types.contain(written.as_bytes()), "{text}");
        }
        for other in [
            "image/png",
            "video/mp4",
            "application/zip",
            "application/octet-stream",
            "application/wasm",
        ] {
            assert!(!types.contain(other.as_bytes()), "{other}");
        }
    }
}
