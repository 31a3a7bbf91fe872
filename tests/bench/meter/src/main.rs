//! Runs the gateway and the bare functions side by side, each behind a Runtime API of its own, and prints what each
//! costs and how the two compare. `scripts/bench` builds them and starts this; docs/performance.md explains it.

mod admit;
mod alone;
mod callgrind;
mod clock;
mod count;
mod event;
mod function;
mod reshape;
mod runtime_api;
mod scenario;
mod server;
mod size;
mod store;
mod stubs;
mod table;
mod time;
mod token;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use admit::Limit;
use reshape::Rules;
use scenario::Setting;
use verify::{Check, TokenSet};

#[derive(Parser)]
struct Arguments {
    /// The folder with the functions' binaries.
    #[arg(long, default_value = "target/release")]
    functions: PathBuf,
    /// Only what has this in its name; nothing is compared then.
    #[arg(long, default_value = "")]
    only: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Processor time, latency, memory and sizes. Everything should be pinned to one processor: `taskset -c 0`.
    Time {
        /// Cold starts of each function.
        #[arg(long, default_value_t = 20)]
        starts: usize,
        /// Blocks of requests, which the functions take in turn.
        #[arg(long, default_value_t = 40)]
        blocks: usize,
        /// Requests in a block.
        #[arg(long, default_value_t = 250)]
        requests: usize,
    },
    /// Instructions outside the kernel, counted by valgrind: the same on a busy machine.
    Count {
        /// Requests over which the count is taken.
        #[arg(long, default_value_t = 200)]
        requests: usize,
        /// Where callgrind's files are left, for `callgrind_annotate`.
        #[arg(long)]
        profiles: Option<PathBuf>,
        /// Exit with 1 when a bar is missed.
        #[arg(long)]
        strict: bool,
    },
    /// Checks tokens: what `count` counts to know the price of one check.
    #[command(hide = true)]
    Verify {
        /// With the tokens.
        file: PathBuf,
        check: Check,
        times: usize,
    },
    /// Checks a limit: what `count` counts to know the price of one check.
    #[command(hide = true)]
    Admit { limit: Limit, times: usize },
    /// Reshapes a JSON body: what `count` counts to know the price of it.
    #[command(hide = true)]
    Reshape {
        /// With the body.
        file: PathBuf,
        rules: Rules,
        times: usize,
    },
}

fn main() -> ExitCode {
    let Arguments {
        functions,
        only,
        command,
    } = Arguments::parse();
    let done = match command {
        Command::Time {
            starts,
            blocks,
            requests,
        } => Setting::new(only)
            .and_then(|setting| time::run(&setting, &functions, starts, blocks, requests))
            .map(|()| true),
        Command::Count {
            requests,
            profiles,
            strict,
        } => Setting::new(only)
            .and_then(|setting| count::run(&setting, &functions, requests, profiles.as_deref()))
            .map(|held| held || !strict),
        Command::Verify { file, check, times } => TokenSet::read(&file)
            .and_then(|tokens| tokens.check(check, times))
            .map(|_| true),
        Command::Admit { limit, times } => admit::check(limit, times).map(|()| true),
        Command::Reshape { file, rules, times } => std::fs::read_to_string(&file)
            .map_err(|error| format!("{}: {error}", file.display()))
            .and_then(|body| reshape::run(rules, &body, times))
            .map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench-meter: {error}");
            ExitCode::FAILURE
        }
    }
}
