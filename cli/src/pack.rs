//! `tollgate pack`: a config as the one line that a deployment carries in `GATEWAY_CONFIG`.

use std::io::Write as _;

use tollgate::config;

use crate::args::PackOptions;
use crate::check::{checked, too_large};
use crate::document::Variables;
use crate::exit::{Failure, print};

pub(crate) async fn run(options: &PackOptions) -> Result<(), Failure> {
    // Only the line goes to standard output, which a shell puts into a variable.
    let (document, _) = checked(&options.file, &Variables::with_default_issuer()).await?;
    let packed = config::pack(&document.name, &document.text);
    let packed = packed.map_err(|mistakes| Failure::usage(mistakes.to_string()))?;
    if let Some(warning) = too_large(&document.name, packed.len()) {
        let _ = writeln!(anstream::stderr(), "{warning}");
    }
    print(&format!("{packed}\n"))
}
