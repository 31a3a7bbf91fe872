//! A cursor over JSON text that is known to be valid: finds where values and strings end, reads nothing into them.
//!
//! On any other text it still ends, without a panic, in an answer or in [`Malformed`].

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
