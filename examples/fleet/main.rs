//! A fleet does what the product is for, in well under a minute: three machines and a server, each a process of its own,
//! on loopback.
//!
//! ```text
//! cargo run --release --example fleet [-- FILE]
//! ```
//!
//! FILE is a Canon address book (CSV); by default `examples/data/branch.csv`. At the end stands a table of what was
//! checked: each row compares what a separate `sync-client ... --json` printed with what must be there. The exit status
//! is not zero if any row does not hold.

mod book;
mod checks;
mod story;

use clap::Parser;
use std::{path::PathBuf, process::ExitCode};

/// Watch a fleet of three machines and a server do what the product is for.
#[derive(Debug, Parser)]
#[command(name = "fleet")]
struct Options {
    /// A Canon address book (CSV); rows of persons and groups become their lists.
    #[arg(default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/branch.csv"))]
    file: PathBuf,
    /// Keep the data folders and say where they are.
    #[arg(long)]
    keep: bool,
    /// Expect something else in the row of this name, so that it cannot hold: shows that the table can fail.
    #[arg(long, value_name = "ROW")]
    falsify: Option<String>,
}

/// The first argument with which this program is `sync-server`.
const AS_SERVER: &str = "--as-sync-server";
/// The first argument with which this program is `sync-client`.
const AS_CLIENT: &str = "--as-sync-client";

fn main() -> ExitCode {
    // This program runs itself again as each of the real ones: the same entry points as their binaries.
    let mut args: Vec<_> = std::env::args_os().collect();
    match args.get(1).and_then(|role| role.to_str()) {
        Some(AS_SERVER) => {
            args.remove(1);
            return sync_server::cli::main(args);
        }
        Some(AS_CLIENT) => {
            args.remove(1);
            return sync_client::cli::main(args);
        }
        _ => {}
    }
    let options = Options::parse();
    match story::tell(&options.file, options.keep, options.falsify.as_deref()) {
        Ok(checks) => {
            println!("\n{checks}");
            if checks.all_hold() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("\nThe demonstration could not go on: {error}");
            ExitCode::FAILURE
        }
    }
}
