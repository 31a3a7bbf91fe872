//! The Lambda function behind every API request: all of it is in the `tollgate` crate.

use std::process::ExitCode;

// One thread: a classic environment serves one request at a time, and threads cost memory and start-up.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tollgate::lambda::serve().await
}
