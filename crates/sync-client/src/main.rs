//! `sync-client`: one machine on the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    sync_client::cli::main(std::env::args_os())
}
