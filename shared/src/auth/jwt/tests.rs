//! Tokens through the whole stage: what gets in, and what must not.

mod algorithms;
mod hostile;
mod remembered;
mod rotation;
