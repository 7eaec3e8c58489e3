//! The binary `towpath`; everything is in the library.

use std::process::ExitCode;

/// The memory of connections that are gone goes back to the system.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    towpath::cli::main()
}
