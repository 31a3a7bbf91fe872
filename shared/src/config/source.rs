//! Where the document of a function environment is: what `GATEWAY_CONFIG` holds or names.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use super::report::Report;
use super::{Checked, MAX_DOCUMENT, Mistakes, checked, packed, parse, placeholder, read_tree};
use crate::aws::ObjectPlace;

/// The variable's name, and the document's in messages when it stands there inline.
const VARIABLE: &str = "GATEWAY_CONFIG";

const FORMS: &str = "the document itself as JSON, beginning with {, or packed:... as `tollgate pack` prints it, or \
                     file:PATH, or ssm:NAME for a parameter of Parameter Store, or s3://BUCKET/KEY";

/// What stands in front of a secret's name in a placeholder.
const SECRET: &str = "secret:";

/// A document as it was found, not yet read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it is called in messages.
    name: String,
    text: String,
    /// Without lines that anybody has seen.
    is_packed: bool,
}

/// Where the document is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Here: in the variable, or in a file of the bundle.
    Here(Document),
    /// In a parameter of Parameter Store, by its name or ARN.
    Parameter(String),
    /// In an object of S3.
    Object(ObjectPlace),
}

impl Origin {
    /// What `GATEWAY_CONFIG` says. A file is looked for relative to `LAMBDA_TASK_ROOT` when that is set, else to the
    /// working directory.
    ///
    /// # Errors
    /// That there is no document to be had, and what to set.
    pub fn from_environment(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, Mistakes> {
        let value = variable(VARIABLE).unwrap_or_default();
        let value = value.trim();
        if value.is_empty() {
            return mistake(format!("{VARIABLE} is not set: give it {FORMS}"));
        }
        if value.starts_with('{') || value.starts_with(packed::PREFIX) {
            return Document::new(VARIABLE, value).map(Self::Here);
        }
        if let Some(name) = value.strip_prefix("ssm:") {
            return match name.is_empty() {
                true => mistake(format!(
                    "{VARIABLE}: what follows ssm: is the name of a parameter, and there is none"
                )),
                false => Ok(Self::Parameter(name.to_owned())),
            };
        }
        if value.starts_with("s3:") {
            let place = ObjectPlace::parse(value);
            return place.map_or_else(
                |why| mistake(format!("{VARIABLE}: {why}")),
                |place| Ok(Self::Object(place)),
            );
        }
        match value.strip_prefix("file:") {
            Some(path) => {
                // Where Lambda unpacks the function's bundle; elsewhere the working directory.
                let root = variable("LAMBDA_TASK_ROOT").unwrap_or_default();
                let text = read(&Path::new(&root).join(path));
                text.map_or_else(
                    |reason| mistake(format!("{path}: {reason}")),
                    |text| Document::new(path, &text).map(Self::Here),
                )
            }
            None => mistake(match scheme(value) {
                Some(scheme) => format!("{VARIABLE} begins with {scheme:?}, which is not known: give it {FORMS}"),
                None => format!("{VARIABLE} is not a config: give it {FORMS}"),
            }),
        }
    }
}

impl Document {
    /// A text that is a document, or one packed.
    ///
    /// # Errors
    /// It does not unpack.
    pub fn new(name: &str, text: &str) -> Result<Self, Mistakes> {
        let packed = text.trim().strip_prefix(packed::PREFIX);
        let text = match packed.map(packed::unpack) {
            None => text.to_owned(),
            Some(Ok(json)) => json,
            Some(Err(reason)) => {
                return mistake(format!(
                    "{name}: what follows {} {reason}: take all that `tollgate pack` prints",
                    packed::PREFIX
                ));
            }
        };
        Ok(Self {
            name: name.to_owned(),
            text,
            is_packed: packed.is_some(),
        })
    }

    /// Reads and checks it; `variable` fills its placeholders.
    ///
    /// # Errors
    /// As [`parse`].
    pub fn check(&self, variable: &dyn Fn(&str) -> Option<String>) -> Result<Checked, Mistakes> {
        match self.is_packed {
            true => checked(&self.text, variable, Report::without_lines(&self.name)),
            false => parse(&self.name, &self.text, variable),
        }
    }

    /// The same of bytes.
    ///
    /// # Errors
    /// They are no text, or it does not unpack.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, Mistakes> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::new(name, text),
            Err(_) => mistake(format!("{name}: is not UTF-8 text")),
        }
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of a secret as Secrets Manager knows it, out of one of [`Self::secrets`]; `None` where a variable takes its
    /// place.
    pub fn secret_to_read<'n>(placeholder: &'n str, variable: &dyn Fn(&str) -> Option<String>) -> Option<&'n str> {
        let name = placeholder.strip_prefix(SECRET)?;
        variable(&placeholder::stand_in(name)).is_none().then_some(name)
    }

    /// The secrets that its placeholders name (`${secret:NAME}`, `${secret:NAME#MEMBER}`), each once, as a variable's name.
    pub fn secrets(&self) -> BTreeSet<String> {
        let named = RefCell::new(BTreeSet::new());
        if self.text.contains(SECRET) {
            // What is wrong with it, its reading says.
            let mut report = Report::without_lines(&self.name);
            if let Some(mut tree) = read_tree(&self.text, &mut report) {
                let note = |name: &str| {
                    if name.starts_with(SECRET) {
                        named.borrow_mut().insert(name.to_owned());
                    }
                    None
                };
                placeholder::fill(&mut tree, &note, &mut report);
            }
        }
        named.into_inner()
    }
}

/// What stands up to the first colon, if it looks like a scheme: enough to see which form was meant. Nothing
/// else is shown, because a variable that holds something else altogether may hold something secret.
fn scheme(value: &str) -> Option<&str> {
    let colon = value.find(':').filter(|colon| (1..=10).contains(colon))?;
    let letters = value[..colon]
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    letters.then(|| &value[..=colon])
}

fn read(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| format!("cannot be opened: {error}"))?;
    let mut bytes = Vec::new();
    // One byte more than `parse` takes, so that it sees a document that is too large.
    let most = MAX_DOCUMENT as u64 + 1;
    file.take(most)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot be read: {error}"))?;
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())
}

fn mistake<T>(text: String) -> Result<T, Mistakes> {
    Err(Mistakes(vec![text]))
}
