//! The binary `towpath`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    towpath::cli::main()
}
