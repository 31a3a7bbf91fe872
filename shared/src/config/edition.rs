//! What tells one config from another: its text, and what its placeholders were filled with.

use std::cell::RefCell;

use ring::digest::{Context, SHA256};

use crate::sha256::LENGTH;

/// Notes what placeholders are filled with.
pub(super) struct Fillings<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    noted: RefCell<Vec<(String, Option<String>)>>,
}

impl<'a> Fillings<'a> {
    pub(super) fn of(variable: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            variable,
            noted: RefCell::default(),
        }
    }

    /// The value of a variable.
    pub(super) fn look_up(&self, name: &str) -> Option<String> {
        let value = (self.variable)(name);
        self.noted.borrow_mut().push((name.to_owned(), value.clone()));
        value
    }

    /// A hash of the text and of all that was looked up for it.
    pub(super) fn edition(&self, text: &str) -> [u8; LENGTH] {
        let mut hash = Context::new(&SHA256);
        let mut field = |field: &str| {
            hash.update(&(field.len() as u64).to_le_bytes());
            hash.update(field.as_bytes());
        };
        field(text);
        for (name, value) in &*self.noted.borrow() {
            field(name);
            field(value.as_deref().map_or("unset", |_| "set"));
            field(value.as_deref().unwrap_or_default());
        }
        let mut bytes = [0; LENGTH];
        bytes.copy_from_slice(hash.finish().as_ref());
        bytes
    }
}
