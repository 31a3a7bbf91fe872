//! Where the document of a function environment comes from: what `GATEWAY_CONFIG` holds or names.

use std::io::Read as _;
use std::path::Path;

use super::report::Report;
use super::{Checked, MAX_DOCUMENT, Mistakes, checked, packed, parse};

/// The variable's name, and the document's in messages when it stands there inline.
const VARIABLE: &str = "GATEWAY_CONFIG";

const FORMS: &str =
    "the document itself as JSON, beginning with {, or packed:... as `tollgate pack` prints it, or file:PATH";

/// Loads the document that `GATEWAY_CONFIG` holds or names, all variables taken from `variable`.
pub(super) fn load(variable: &dyn Fn(&str) -> Option<String>) -> Result<Checked, Mistakes> {
    let value = variable(VARIABLE).unwrap_or_default();
    let value = value.trim();
    if value.is_empty() {
        return mistake(format!("{VARIABLE} is not set: give it {FORMS}"));
    }
    if value.starts_with('{') {
        return parse(VARIABLE, value, variable);
    }
    if let Some(text) = value.strip_prefix(packed::PREFIX) {
        return match packed::unpack(text) {
            Ok(json) => checked(&json, variable, Report::without_lines(VARIABLE)),
            Err(reason) => mistake(format!(
                "{VARIABLE}: what follows {} {reason}: take all that `tollgate pack` prints",
                packed::PREFIX
            )),
        };
    }
    match value.strip_prefix("file:") {
        Some(path) => {
            // Where Lambda unpacks the function's bundle; elsewhere the working directory.
            let root = variable("LAMBDA_TASK_ROOT").unwrap_or_default();
            let text = read(&Path::new(&root).join(path));
            text.map_or_else(
                |reason| mistake(format!("{path}: {reason}")),
                |text| parse(path, &text, variable),
            )
        }
        None => mistake(match scheme(value) {
            Some(scheme) => format!("{VARIABLE} begins with {scheme:?}, which is not known: give it {FORMS}"),
            None => format!("{VARIABLE} is not a config: give it {FORMS}"),
        }),
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

fn mistake(text: String) -> Result<Checked, Mistakes> {
    Err(Mistakes(vec![text]))
}
