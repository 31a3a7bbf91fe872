//! The last hand on an answer, whichever stage it comes from.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, Response};

use crate::compress::{CompressRules, Wish};
use crate::cors::Grant;
use crate::edits::{Edits, Stage};
use crate::headers::add_vary;
use crate::security_headers::SecurityHeaders;

/// What is done to every answer to one request.
#[derive(Clone, Debug, Default)]
pub struct Finish {
    /// What it says of the pages that may read it.
    pub cors: Option<Grant>,
    /// What it tells browsers to be careful about.
    pub security_headers: Option<Arc<SecurityHeaders>>,
    /// Which answers are compressed, and how the client takes them.
    pub compress: Option<(Arc<CompressRules>, Wish)>,
    /// Whether the client used TLS.
    pub https: bool,
    /// Whether another `Accept` might have found another route.
    pub by_accept: bool,
    /// The headers whose other values might have found another route.
    pub by_headers: Vec<HeaderName>,
}

impl Finish {
    /// The answer as it goes to the client, but for what every answer of the gateway carries. `in_time`: whether there is
    /// time left to do more than must be done.
    pub fn apply(&self, answer: Response<Bytes>, in_time: impl Fn() -> bool, edits: &mut Edits) -> Response<Bytes> {
        let mut answer = match &self.compress {
            Some((rules, wish)) => edits.answer(Stage::Compress, answer, |answer| rules.apply(wish, answer, in_time)),
            None => answer,
        };
        let headers = answer.headers_mut();
        if self.by_accept {
            edits.headers(Stage::Answer, None, headers, |headers| add_vary(headers, "Accept"));
        }
        for name in &self.by_headers {
            edits.headers(Stage::Answer, None, headers, |headers| add_vary(headers, name.as_str()));
        }
        if let Some(cors) = &self.cors {
            edits.headers(Stage::Cors, None, headers, |headers| cors.stamp(headers));
        }
        if let Some(security) = &self.security_headers {
            edits.headers(Stage::SecurityHeaders, None, headers, |headers| {
                security.stamp(headers, self.https)
            });
        }
        answer
    }
}
