//! `origin_secret`.

use crate::config::decode::{List, Text};
use crate::config::report::Report;
use crate::origin_secret::OriginSecret;

/// What nobody guesses, in characters: 16 of letters and digits are 95 bits.
const SHORTEST: usize = 16;

/// Empty ones do not count, so that the second may come from a variable that is empty but while the word is replaced.
pub(super) fn words(list: &List<Text>, report: &mut Report) -> OriginSecret {
    let given: Vec<&Text> = list.items.iter().filter(|text| !text.value.is_empty()).collect();
    if given.is_empty() && !report.is_spoiled(list.place) {
        let reason = "no secret is here, and every request would be refused: give one, or leave the key out";
        report.mistake(list.place, reason);
    }
    for text in &given {
        // It is not quoted: who reads the message need not know it.
        if text.value.len() < SHORTEST {
            report.mistake(
                text.place,
                format!("shorter than {SHORTEST} characters: it could be guessed"),
            );
        }
        if !text.value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',') {
            report.mistake(
                text.place,
                "has a character that does not stand in a header as it is: take letters and digits",
            );
        }
    }
    let pointer = report.pointer(list.place);
    OriginSecret::new(given.iter().map(|text| &*text.value), pointer)
}
