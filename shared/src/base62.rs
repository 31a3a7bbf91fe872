//! Text of digits and ASCII letters: it survives a double click, a URL, a shell and a form.

use ring::rand::{SecureRandom, SystemRandom};

/// In the order of ASCII, so that texts sort as numbers do.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The system has no randomness to give. Nothing secret can be made; trying again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system has no randomness to give")]
pub struct NoRandomness;

/// So many random characters, each as likely as any other: 5.95 bits a character.
pub(crate) fn random(length: usize) -> Result<String, NoRandomness> {
    let random = SystemRandom::new();
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut bytes = [0; 64];
        random.fill(&mut bytes).map_err(|_| NoRandomness)?;
        let left = length - text.len();
        text.extend(bytes.iter().filter_map(character).take(left));
    }
    Ok(text)
}

/// `None` for the last 8 of the 256 bytes: with them, 8 characters would be likelier than the others.
fn character(random: &u8) -> Option<char> {
    let fair = usize::from(*random) < 256 / ALPHABET.len() * ALPHABET.len();
    fair.then(|| char::from(digit((*random).into())))
}

/// A number as so many digits, the most significant first; what does not fit is cut off.
pub(crate) fn digits<const N: usize>(mut number: u64) -> [u8; N] {
    let mut digits = [0; N];
    for place in digits.iter_mut().rev() {
        *place = digit(number);
        number /= 62;
    }
    digits
}

/// Whether a text is of this alphabet.
pub(crate) fn is_base62(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_alphanumeric)
}

/// The last digit of a number.
fn digit(number: u64) -> u8 {
    ALPHABET[(number % 62) as usize]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn no_character_is_likelier_than_another() {
        let mut counts = BTreeMap::new();
        for byte in 0..=u8::MAX {
            *counts.entry(character(&byte)).or_insert(0) += 1;
        }
        assert_eq!(counts.remove(&None), Some(8));
        assert_eq!(counts.len(), 62);
        assert!(counts.values().all(|count| *count == 4), "{counts:?}");
    }

    #[test]
    fn random_text_has_its_length_and_never_comes_twice() {
        for length in [0, 1, 12, 32, 200] {
            let text = random(length).unwrap();
            assert_eq!(text.len(), length);
            assert!(is_base62(text.as_bytes()), "{text}");
        }
        assert_ne!(random(32), random(32));
    }

    #[test]
    fn numbers_are_written_from_the_left() {
        assert_eq!(&digits::<6>(0), b"000000");
        assert_eq!(&digits::<6>(61), b"00000z");
        assert_eq!(&digits::<6>(62), b"000010");
        assert_eq!(&digits::<6>(62_u64.pow(6) - 1), b"zzzzzz");
        assert_eq!(&digits::<6>(62_u64.pow(6)), b"000000");
    }

    #[test]
    fn texts_sort_as_numbers_do() {
        assert!(ALPHABET.is_sorted());
        assert!(!is_base62(b"a-b") && !is_base62("\u{e4}".as_bytes()));
    }
}
