//! Runs a file of merge histories through the product's own `apply` and says how many steps and views agree.
//!
//! ```text
//! cargo run --example merge_vectors -- tests/data/merge_vectors.json
//! ```
//!
//! The form of the file is told in its own `about` text. Exits non-zero where anything disagrees, and shows the first
//! that does.

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: merge_vectors FILE");
        return ExitCode::from(2);
    };
    let report = std::fs::read(&path)
        .map_err(|error| error.to_string())
        .and_then(|bytes| harness::vectors::run(&bytes));
    match report {
        Ok(report) => {
            println!("{report}");
            if report.agrees() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::from(2)
        }
    }
}
