//! `origin_secret`: a word that the front door adds to each request, by which the gateway knows that nobody came past it.

use std::fmt;

use http::{HeaderMap, HeaderName};
use subtle::{Choice, ConstantTimeEq as _};

use crate::config::Pointer;
use crate::error::GatewayError;
use crate::sha256::{LENGTH, sha256};

/// Where it stands in a request. It is taken out of every request once it was looked at.
pub const X_ORIGIN_SECRET: HeaderName = HeaderName::from_static("x-origin-secret");

/// The words that open the gateway: one, or two while the one takes the other's place.
#[derive(Clone)]
pub struct OriginSecret {
    /// SHA-256 of each, so that comparing takes as long whatever is compared.
    digests: Vec<[u8; LENGTH]>,
    pointer: Pointer,
}

impl OriginSecret {
    /// These words; `pointer` is where they stand.
    pub fn new<'t>(words: impl Iterator<Item = &'t str>, pointer: Pointer) -> Self {
        Self {
            digests: words.map(|word| sha256(word.as_bytes())).collect(),
            pointer,
        }
    }

    /// Whether a request as it came has one of them, once.
    ///
    /// # Errors
    /// `FrontDoorOnly`, which does not say what was wrong.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), GatewayError> {
        let mut said = headers.get_all(X_ORIGIN_SECRET).iter();
        let is_known = match (said.next(), said.next()) {
            (Some(word), None) => self.knows(word.as_bytes()),
            _ => false,
        };
        match is_known {
            true => Ok(()),
            false => Err(GatewayError::FrontDoorOnly {
                at: self.pointer.clone(),
            }),
        }
    }

    /// Each is compared, whichever it is.
    fn knows(&self, word: &[u8]) -> bool {
        let digest = sha256(word);
        let known = self.digests.iter().map(|own| own.ct_eq(&digest));
        known.fold(Choice::from(0), |any, one| any | one).into()
    }
}

/// Shows nothing: a word could be guessed by its hash.
impl fmt::Debug for OriginSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OriginSecret").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::headers;

    #[test]
    fn one_of_the_words_opens_and_nothing_else_does() {
        let words = ["the-old-word-of-today", "the-new-word-of-tomorrow"];
        let secret = OriginSecret::new(words.into_iter(), Pointer::new("/origin_secret"));
        for word in words {
            assert_eq!(secret.check(&headers(&[("x-origin-secret", word)])), Ok(()));
        }
        for wrong in [
            &[][..],
            &[("x-origin-secret", "")],
            &[("x-origin-secret", "the-old-word-of-toda")],
            &[("x-origin-secret", "THE-OLD-WORD-OF-TODAY")],
            &[("x-origin-secret", "the-old-word-of-today, the-new-word-of-tomorrow")],
            &[("x-origin-secret", words[0]), ("x-origin-secret", words[0])],
            &[("x_origin_secret", words[0])],
        ] {
            let refused = secret.check(&headers(wrong)).expect_err("closed");
            assert_eq!((refused.status().as_u16(), refused.code()), (403, "front_door_only"));
        }
        assert!(!format!("{secret:?}").contains("word"));
    }
}
