//! The reference of the command line for people, as Markdown, out of its own definition (`proxy/CLI.md`).

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory};

use super::{Cli, EXAMPLES, EXIT_CODES};

/// The reference as Markdown.
pub(super) fn reference() -> String {
    let mut command = Cli::command();
    // Only then do verbs know their whole names.
    command.build();
    let mut text = "# The command line\n\nMade by `towpath man --markdown`.\n".to_owned();
    if let Some(about) = command.get_long_about() {
        let _ = write!(text, "\n{about}\n");
    }
    fenced(&mut text, &usage(&mut command));
    fenced(&mut text, EXAMPLES);
    exit_codes(&mut text);
    for verb in command.get_subcommands_mut() {
        section(&mut text, verb);
    }
    text
}

fn exit_codes(text: &mut String) {
    text.push_str("\n## Exit codes\n\n| code | meaning |\n|--:|---|\n");
    for (code, meaning) in EXIT_CODES {
        let _ = writeln!(text, "| {code} | {meaning} |");
    }
}

fn section(text: &mut String, verb: &mut Command) {
    let _ = write!(text, "\n## towpath {}\n", verb.get_name());
    if let Some(about) = verb.get_about() {
        let _ = write!(text, "\n{about}.\n");
    }
    let aliases: Vec<_> = verb.get_visible_aliases().collect();
    if !aliases.is_empty() {
        let _ = write!(text, "\nAlso: `{}`.\n", aliases.join("`, `"));
    }
    fenced(text, &usage(verb));
    let arguments: Vec<_> = verb.get_arguments().filter(|it| is_own(it)).collect();
    if !arguments.is_empty() {
        text.push_str("\n| argument | meaning | default |\n|---|---|---|\n");
    }
    for argument in arguments {
        row(text, argument);
    }
    if let Some(more) = verb.get_after_help() {
        fenced(text, &more.to_string());
    }
}

/// Every verb has `--help`.
fn is_own(argument: &Arg) -> bool {
    argument.get_id() != "help"
}

fn row(text: &mut String, argument: &Arg) {
    let help = argument.get_help().map(ToString::to_string);
    let mut meaning = help.unwrap_or_default();
    let values = argument.get_possible_values();
    if argument.get_action().takes_values() && !values.is_empty() {
        let names: Vec<_> = values.iter().map(|it| it.get_name()).collect();
        let _ = write!(meaning, ": `{}`", names.join("`, `"));
    }
    let defaults = argument.get_default_values().iter();
    let defaults: Vec<_> = defaults
        .filter(|_| argument.get_action().takes_values())
        .map(|it| format!("`{}`", it.to_string_lossy()))
        .collect();
    let name = argument.to_string().replace('|', "\\|");
    let short = argument.get_short().map(|it| format!("`-{it}`, "));
    let (short, defaults) = (short.unwrap_or_default(), defaults.join(", "));
    let _ = writeln!(text, "| {short}`{name}` | {meaning} | {defaults} |");
}

fn usage(command: &mut Command) -> String {
    let usage = command.render_usage().to_string();
    usage.trim_start_matches("Usage: ").to_owned()
}

fn fenced(text: &mut String, what: &str) {
    let _ = write!(text, "\n```text\n{}\n```\n", what.trim_end());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use super::*;

    #[test]
    fn the_reference_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("CLI.md");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, reference()).unwrap();
        }
        let checked_in = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(
            checked_in,
            reference(),
            "run: towpath man --markdown > proxy/CLI.md"
        );
    }

    #[test]
    fn every_verb_and_argument_says_what_it_does() {
        let mut command = Cli::command();
        command.build();
        for verb in command.get_subcommands() {
            let name = verb.get_name();
            assert!(verb.get_about().is_some(), "{name} says nothing");
            for argument in verb.get_arguments() {
                let silent = argument
                    .get_help()
                    .is_none_or(|it| it.to_string().is_empty());
                assert!(!silent, "{name} {argument} says nothing");
            }
        }
    }
}
