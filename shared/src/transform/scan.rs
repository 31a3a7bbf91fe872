//! A cursor over JSON text that is known to be valid: finds where values and strings end, reads nothing into them.
//!
//! On any other text it still ends, without a panic, in an answer or in [`Malformed`].

use std::borrow::Cow;

/// The text is not the valid JSON it was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The cursor.
#[derive(Debug)]
pub(super) struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Scanner<'t> {
    /// At the start of `text`.
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The first byte of the next token, which stays to be read.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.get(self.at) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    /// Reads this one-byte token.
    pub(super) fn eat(&mut self, token: u8) -> Result<(), Malformed> {
        if self.try_eat(token) { Ok(()) } else { Err(Malformed) }
    }

    /// Reads this one-byte token if it comes next.
    pub(super) fn try_eat(&mut self, token: u8) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    /// Reads a string; the answer holds its quotes and escapes.
    pub(super) fn string(&mut self) -> Result<&'t [u8], Malformed> {
        self.peek();
        let start = self.at;
        self.skip_string()?;
        self.since(start)
    }

    /// Reads a whole value of any kind. A count of brackets is enough, however deep they nest.
    pub(super) fn value(&mut self) -> Result<&'t [u8], Malformed> {
        self.peek();
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.text.get(self.at).ok_or(Malformed)? {
                b'"' => self.skip_string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1).ok_or(Malformed)?;
                    self.at += 1;
                }
                _ if depth == 0 => self.skip_word()?,
                _ => self.at += 1,
            }
            if depth == 0 {
                return self.since(start);
            }
        }
    }

    /// Reads an object and shows each member: its key as [`Scanner::string`] gives it, and its value.
    pub(super) fn members(&mut self, mut show: impl FnMut(&'t [u8], &'t [u8])) -> Result<(), Malformed> {
        self.eat(b'{')?;
        if self.try_eat(b'}') {
            return Ok(());
        }
        loop {
            let key = self.string()?;
            self.eat(b':')?;
            show(key, self.value()?);
            if !self.try_eat(b',') {
                return self.eat(b'}');
            }
        }
    }

    fn since(&self, start: usize) -> Result<&'t [u8], Malformed> {
        self.text.get(start..self.at).ok_or(Malformed)
    }

    fn skip_string(&mut self) -> Result<(), Malformed> {
        if self.text.get(self.at) != Some(&b'"') {
            return Err(Malformed);
        }
        self.at += 1;
        loop {
            match self.text.get(self.at).ok_or(Malformed)? {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
    }

    /// A number or a literal: up to what can follow one.
    fn skip_word(&mut self) -> Result<(), Malformed> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let ends = |byte: &u8| matches!(byte, b',' | b':' | b']' | b'}' | b'"' | b' ' | b'\t' | b'\n' | b'\r');
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        self.at += length;
        if length == 0 { Err(Malformed) } else { Ok(()) }
    }
}

/// A key's name with its escapes undone, so that no spelling of a name slips past a rule.
pub(super) fn decode(key: &[u8]) -> Option<Cow<'_, str>> {
    if key.contains(&b'\\') {
        return serde_json::from_slice(key).ok().map(Cow::Owned);
    }
    let name = key.get(1..key.len().saturating_sub(1))?;
    std::str::from_utf8(name).ok().map(Cow::Borrowed)
}

/// A valid JSON text without the blanks between its tokens.
pub(super) fn compact(text: &[u8]) -> Vec<u8> {
    let mut in_string = false;
    let mut is_escaped = false;
    let mut stays = |byte: &u8| {
        let within = in_string;
        match byte {
            b'"' if !is_escaped => in_string = !in_string,
            _ => {}
        }
        is_escaped = in_string && *byte == b'\\' && !is_escaped;
        within || !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
    };
    text.iter().copied().filter(|byte| stays(byte)).collect()
}
