//! The program `sync-server`.

fn main() -> std::process::ExitCode {
    sync_server::cli::main(std::env::args_os())
}
