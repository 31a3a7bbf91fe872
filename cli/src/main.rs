//! `tollgate`: the gateway on this machine. Parses the command line and hands over to one module a command.

mod args;
mod check;
mod dev;
mod document;
mod exit;
mod http_client;
mod invoke;
mod lifeline;
mod token;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::args::{Arguments, Command};
use crate::exit::Failure;

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
        Command::Dev(options) => multi_threaded()?.block_on(dev::run(options)),
        Command::Invoke(options) => multi_threaded()?.block_on(invoke::run(options)),
        Command::Check(options) => check::run(&options),
        Command::Token(options) => single_threaded()?.block_on(token::run(options)),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "tollgate", &mut script);
            let written = std::io::stdout().write_all(&script);
            written.map_err(|error| Failure::internal(format!("cannot write the script: {error}")))
        }
        Command::Function { lifeline } => function(lifeline),
    }
}

fn function(lifeline: bool) -> Result<(), Failure> {
    if lifeline {
        lifeline::hold().map_err(|error| Failure::internal(format!("cannot start a thread: {error}")))?;
    }
    // As on Lambda: one thread, one request at a time.
    Err(Failure::Code(single_threaded()?.block_on(tollgate::lambda::serve())))
}

fn multi_threaded() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Runtime::new().map_err(|error| Failure::internal(format!("cannot start threads: {error}")))
}

fn single_threaded() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::internal(format!("cannot start the event loop: {error}")))
}
