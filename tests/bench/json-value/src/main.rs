//! Reads a JSON file into `serde_json::Value`, with its order and its numbers as they are written, and writes it again, so
//! many times. What rules would change in between is not counted.

use std::hint::black_box;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(Ok(times))) = (arguments.next(), arguments.next().map(|times| times.parse::<usize>())) else {
        eprintln!("bench-json-value: FILE TIMES");
        return ExitCode::FAILURE;
    };
    match run(&file, times) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-json-value: {file}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(file: &str, times: usize) -> Result<(), Box<dyn std::error::Error>> {
    let text = std::fs::read(file)?;
    for _ in 0..times {
        let value: serde_json::Value = serde_json::from_slice(black_box(&text))?;
        black_box(serde_json::to_vec(&value)?);
    }
    Ok(())
}
