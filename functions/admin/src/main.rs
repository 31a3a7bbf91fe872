//! The Lambda function behind the admin API: all of it is in the library beside this file.

use std::process::ExitCode;

// One thread, as in `functions/gateway`.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tollgate_admin::serve().await
}
