//! The `fragwall` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    fragwall::cli::run()
}
