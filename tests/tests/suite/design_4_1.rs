//! Section 4.1 of the design, a module for each of its paragraphs, a table row for each of its sentences.

mod algorithms;
mod canonical_path;
mod errors;
mod identity;
mod limits;
mod request_headers;
mod respond;
mod routing;
mod transformation;
