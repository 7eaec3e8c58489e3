//! What the command line has for shells and for `man`, out of its own definition.

use std::path::Path;
use std::process::ExitCode;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Cli, fail, print};

/// Prints completions.
pub(super) fn completions(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "towpath", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// Prints the man page of all.
pub(super) fn man() -> ExitCode {
    let mut text = Vec::new();
    match page(Cli::command()).render(&mut text) {
        Ok(()) => print(&String::from_utf8_lossy(&text)),
        Err(error) => fail(&error),
    }
}

/// Writes the pages to which that of all refers, and it too.
pub(super) fn write_all(directory: &Path) -> ExitCode {
    let mut command = Cli::command();
    // Only then do verbs know their whole names.
    command.build();
    let verbs = command.get_subcommands().cloned();
    let pages = verbs.chain([command.clone()]).map(page);
    let written: std::io::Result<Vec<_>> = pages.map(|page| page.generate_to(directory)).collect();
    match written {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => fail(&format_args!("{}: {error}", directory.display())),
    }
}

fn page(command: Command) -> Man {
    Man::new(command)
        .source(concat!("towpath ", env!("CARGO_PKG_VERSION")))
        .manual("Towpath")
}
