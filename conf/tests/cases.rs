//! Every file under `cases/good` and `examples`, and the one that packages bring, loads; every file under `cases/bad` gives exactly the errors in the
//! `.expected` beside it. `BLESS=1 cargo test -p towpath-conf` writes those anew, to be read in the diff.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use towpath_conf::{Config, Source};

fn env(name: &str) -> Option<String> {
    match name {
        "CASE_PORT" => Some("3000".to_owned()),
        "CASE_YAML" => Some("x: [1, 2]".to_owned()),
        _ => None,
    }
}

/// Files and directories below `folder`; a directory is one configuration of several files.
fn cases(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(&root).unwrap_or_else(|e| panic!("{}: {e}", root.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.is_dir() || path.extension().is_some_and(|e| e == "yaml"));
    paths.sort();
    assert!(!paths.is_empty(), "no cases in {}", root.display());
    paths
}

/// What must load: good cases, examples, and the configuration of the packages.
fn good() -> Vec<PathBuf> {
    let packaged = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proxy/packaging/towpath.yaml");
    let mut paths = cases("tests/cases/good");
    paths.extend(cases("examples"));
    paths.push(packaged);
    paths
}

fn load(path: &Path) -> Result<Config, String> {
    let source = Source::read(path).map_err(|e| e.to_string())?;
    Config::load(&source, &env).map_err(|e| e.to_string())
}

#[test]
fn good_files_load() {
    for path in good() {
        if let Err(errors) = load(&path) {
            panic!("{} was refused:\n{errors}", path.display());
        }
    }
}

#[test]
fn bad_files_give_their_errors() {
    for path in cases("tests/cases/bad") {
        let errors = load(&path).expect_err(&format!("{} was accepted", path.display()));
        let folder = format!("{}/", path.parent().unwrap().display());
        let errors = format!("{}\n", errors.replace(&folder, ""));
        let expected_path = path.with_extension("expected");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&expected_path, &errors).unwrap();
        }
        let expected = fs::read_to_string(&expected_path).unwrap_or_default();
        assert_eq!(errors, expected, "errors of {}", path.display());
    }
}

#[test]
fn the_schema_accepts_what_the_reader_accepts() {
    let validator = jsonschema::validator_for(&towpath_conf::schema()).unwrap();
    for path in good() {
        // A part of a configuration need not be one.
        if path.is_dir() {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let value: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        if let Err(error) = validator.validate(&value) {
            panic!("{}: {error} at {}", path.display(), error.instance_path());
        }
    }
}

#[test]
fn the_schema_refuses_unknown_keys_and_wrong_units() {
    let validator = jsonschema::validator_for(&towpath_conf::schema()).unwrap();
    for text in [
        "routes: [{ path: /, upsteam: 'a:1' }]",
        "routes: [{ path: /, upstream: 'a:1', websocket: { ping: 30 } }]",
        "routes: [{ path: /, upstream: 'a:1' }]\nlimits: { header_size: 1K }",
        "routes: [{ path: { glob: '*' }, upstream: 'a:1' }]",
        "routes: [{ upstream: 'a:1', fallback: { origins: '*' } }]",
        "routes: [{ upstream: 'a:1', fallback: { stream: maybe } }]",
        "routes: [{ upstream: 'a:1', fallback: { sockjs: / } }]",
        "routes: [{ upstream: 'a:1', fallback: { sockjs: { path: /a// } } }]",
        "routes: [{ upstream: 'a:1', fallback: { sockjs: { client_url: '/a\"b' } } }]",
        "routes: [{ upstream: 'a:1', fallback: { sockjs: { base_url: /a } } }]",
        "routes: [{ upstream: 'a:1', fallback: { sockjs: { client_url: 'ftp://a/b' } } }]",
        "routes: [{ upstream: 'a:1', fallback: { sockjs: { legacy_transports: [flash] } } }]",
        "routes: [{ upstream: 'a:1', fallback: { engine_io: { mode: maybe } } }]",
    ] {
        let value: serde_json::Value = serde_yaml::from_str(text).unwrap();
        assert!(!validator.is_valid(&value), "accepted: {text}");
    }
}

/// It is what editors complete the examples by.
#[test]
fn the_schema_file_is_current_and_named_by_the_examples() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("towpath.schema.json");
    let current = format!("{:#}\n", towpath_conf::schema());
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &current).unwrap();
    }
    let checked_in = fs::read_to_string(path).unwrap_or_default();
    assert!(
        checked_in == current,
        "conf/towpath.schema.json is old; run: towpath schema > conf/towpath.schema.json"
    );
    for path in cases("examples") {
        let text = fs::read_to_string(&path).unwrap();
        let first = text.lines().next();
        let named = Some("# yaml-language-server: $schema=../towpath.schema.json");
        assert_eq!(first, named, "the first line of {}", path.display());
    }
}

#[test]
fn the_reference_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("REFERENCE.md");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, towpath_conf::reference()).unwrap();
    }
    let checked_in = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        checked_in,
        towpath_conf::reference(),
        "run: towpath schema --markdown > conf/REFERENCE.md"
    );
}
