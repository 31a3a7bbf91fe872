//! `tollgate`: the gateway on this machine. Parses the command line and hands over to one module a command.

mod args;
mod check;
mod dev;
mod document;
mod exit;
mod function_kind;
mod http_client;
mod invoke;
mod keys;
mod lifeline;
mod pack;
mod pages;
mod place;
mod plans;
mod sessions;
mod test;
mod token;
mod usage;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use tokio::runtime::Runtime;

use crate::args::{Arguments, Command};
use crate::exit::Failure;
use crate::function_kind::FunctionKind;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::from_clap(&error),
    };
    match run(arguments.into_command()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Dev(options) => to_its_end(multi_threaded()?, dev::run(options)),
        Command::Invoke(options) => to_its_end(multi_threaded()?, invoke::run(options)),
        Command::Test(options) => to_its_end(multi_threaded()?, test::run(options)),
        Command::Check(options) => to_its_end(single_threaded()?, check::run(&options)),
        Command::Pack(options) => to_its_end(single_threaded()?, pack::run(&options)),
        Command::Token(options) => to_its_end(single_threaded()?, token::run(options)),
        Command::Keys(options) => to_its_end(single_threaded()?, keys::run(options)),
        Command::Plans(options) => to_its_end(single_threaded()?, plans::run(options)),
        Command::Usage(options) => to_its_end(single_threaded()?, usage::run(options)),
        Command::Sessions(options) => to_its_end(single_threaded()?, sessions::run(options)),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "tollgate", &mut script);
            exit::print(&String::from_utf8_lossy(&script))
        }
        Command::Function { kind, lifeline } => function(kind, lifeline),
        #[cfg(target_os = "linux")]
        Command::Become { parent, program } => Err(lifeline::become_program(parent, &program)),
    }
}

/// Runs a command, and waits for no thread that it left in a read which may never end.
fn to_its_end(runtime: Runtime, command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let ended = runtime.block_on(command);
    runtime.shutdown_background();
    ended
}

fn function(kind: FunctionKind, lifeline: bool) -> Result<(), Failure> {
    if lifeline {
        lifeline::hold().map_err(|error| Failure::internal(format!("cannot start a thread: {error}")))?;
    }
    // As on Lambda: one thread, one request at a time.
    let runtime = single_threaded()?;
    Err(Failure::Code(match kind {
        FunctionKind::Gateway => runtime.block_on(tollgate::lambda::serve()),
        FunctionKind::Authorizer => runtime.block_on(tollgate::lambda::serve_authorizer()),
        FunctionKind::Admin => runtime.block_on(tollgate_admin::serve()),
    }))
}

fn multi_threaded() -> Result<Runtime, Failure> {
    Runtime::new().map_err(|error| Failure::internal(format!("cannot start threads: {error}")))
}

fn single_threaded() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::internal(format!("cannot start the event loop: {error}")))
}
