//! `max_body` and `max_headers`.

use crate::config::decode::{At, ByteSize, Slot as _};
use crate::config::raw::edge::MaxHeaders;
use crate::config::report::Report;
use crate::size_limits::{BodyLimit, HeaderLimits};

/// 6 MiB. An event with its body in it is at most 6,291,556 bytes
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const LARGEST_BODY: u64 = 6 * 1024 * 1024;

/// A browser's request has a dozen headers or more, and front doors add six.
const FEWEST_HEADERS: u32 = 16;
const SMALLEST_HEADERS: u64 = 1024;

pub(super) fn body(given: &At<ByteSize>, report: &mut Report) -> BodyLimit {
    if given.value.0 > LARGEST_BODY {
        report.mistake(given.place, "larger than 6MiB, which no body that Lambda takes is");
    }
    BodyLimit {
        bytes: whole(given.value.0),
        pointer: report.pointer(given.place),
    }
}

pub(super) fn headers(section: &MaxHeaders, report: &mut Report) -> HeaderLimits {
    if section.count.is_absent() && section.bytes.is_absent() {
        report.mistake(section.place, "neither count nor bytes is here: nothing is bounded");
    }
    let (count, bytes) = (section.count.given(), section.bytes.given());
    if let Some(few) = count.filter(|given| given.value.get() < FEWEST_HEADERS) {
        report.mistake(
            few.place,
            "fewer than 16: the front door adds six of its own to what clients send",
        );
    }
    if let Some(small) = bytes.filter(|given| given.value.0 < SMALLEST_HEADERS) {
        report.mistake(small.place, "smaller than 1KiB, which hardly any request is");
    }
    HeaderLimits {
        count: count.map(|given| whole(given.value.get().into())),
        bytes: bytes.map(|given| whole(given.value.0)),
        pointer: report.pointer(section.place),
    }
}

fn whole(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
