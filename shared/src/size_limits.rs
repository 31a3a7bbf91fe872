//! How large a request may be. What a front door itself refuses never gets here
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>): these bounds are for less.

use http::HeaderMap;

use crate::config::Pointer;
use crate::error::GatewayError;

/// `max_headers`, checked.
#[derive(Clone, Debug)]
pub struct HeaderLimits {
    /// How many; several of one name count each, as far as the event keeps them apart.
    pub count: Option<usize>,
    /// How many bytes in all, as `name: value` lines.
    pub bytes: Option<usize>,
    /// Where it stands.
    pub pointer: Pointer,
}

/// `max_body`, checked.
#[derive(Clone, Debug)]
pub struct BodyLimit {
    /// How many bytes, decoded from base64 where the event has it so, but not from a content coding.
    pub bytes: usize,
    /// Where it stands.
    pub pointer: Pointer,
}

impl HeaderLimits {
    /// Whether these headers of a request, as the event has them, are few and small enough. `Host` and `Content-Length`
    /// are not among them.
    ///
    /// # Errors
    /// `HeadersTooLarge`.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), GatewayError> {
        let (count, bytes) = (headers.len(), line_bytes(headers));
        let why = if let Some(most) = self.count.filter(|most| count > *most) {
            format!("The request has {count} headers; {most} are taken.")
        } else if let Some(most) = self.bytes.filter(|most| bytes > *most) {
            format!("The request's headers take {bytes} bytes; {most} are taken.")
        } else {
            return Ok(());
        };
        let at = self.pointer.clone();
        Err(GatewayError::HeadersTooLarge { why, at })
    }
}

impl BodyLimit {
    /// Whether a body of so many bytes is small enough.
    ///
    /// # Errors
    /// `PayloadTooLarge`.
    pub fn check(&self, size: usize) -> Result<(), GatewayError> {
        let most = self.bytes;
        if size <= most {
            return Ok(());
        }
        Err(GatewayError::PayloadTooLarge {
            why: format!("The request's body has {size} bytes; this path takes {most}."),
            at: self.pointer.clone(),
        })
    }
}

fn line_bytes(headers: &HeaderMap) -> usize {
    let lines = headers.iter();
    lines
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::headers;

    fn limits(count: Option<usize>, bytes: Option<usize>) -> HeaderLimits {
        let pointer = Pointer::new("/max_headers");
        HeaderLimits { count, bytes, pointer }
    }

    fn message(outcome: Result<(), GatewayError>) -> String {
        outcome.err().map(|error| error.message()).unwrap_or_default()
    }

    #[test]
    fn headers_are_counted_as_lines() {
        let three = headers(&[("a", "1"), ("a", "2"), ("bc", "")]);
        assert_eq!(message(limits(Some(3), Some(18)).check(&three)), "");
        assert_eq!(
            message(limits(Some(2), None).check(&three)),
            "The request has 3 headers; 2 are taken."
        );
        assert_eq!(
            message(limits(None, Some(17)).check(&three)),
            "The request's headers take 18 bytes; 17 are taken."
        );
        assert_eq!(message(limits(None, None).check(&three)), "");
    }

    #[test]
    fn a_body_may_be_as_large_as_said() {
        let limit = |bytes| BodyLimit {
            bytes,
            pointer: Pointer::new("/routes/0/max_body"),
        };
        assert!(limit(2).check(2).is_ok() && limit(0).check(0).is_ok());
        assert_eq!(
            message(limit(2).check(3)),
            "The request's body has 3 bytes; this path takes 2."
        );
        assert!(limit(0).check(1).is_err());
    }
}
