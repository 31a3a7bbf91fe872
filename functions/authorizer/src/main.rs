//! The Lambda authorizer for REST and HTTP APIs of API Gateway: all of it is in the `tollgate` crate.

use std::process::ExitCode;

// One thread, as in `functions/gateway`.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tollgate::lambda::serve_authorizer().await
}
