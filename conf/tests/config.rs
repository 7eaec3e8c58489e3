//! What a configuration means once it is read: defaults, merged files, variables, short forms, implied upstreams.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::Path;
use std::time::Duration;

use towpath_conf::{
    Config, HashOn, HostPattern, OrOff, PathPattern, Pattern, Source, SourceError, Upgrade,
};

fn load(path: &str) -> Config {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let env = |name: &str| match name {
        "CASE_PORT" => Some("3000".to_owned()),
        "CASE_YAML" => Some("x: [1, 2]".to_owned()),
        _ => None,
    };
    Config::load(&Source::read(&path).unwrap(), &env).unwrap()
}

#[test]
fn three_lines_are_enough() {
    let config = load("examples/minimal.yaml");
    let route = &config.routes[0];
    assert_eq!(config.listeners[0].address, "0.0.0.0:8080".parse().unwrap());
    assert_eq!(route.websocket.upgrade, Upgrade::Allow);
    let ping = route.websocket.ping.get().map(Duration::from);
    assert_eq!(ping, Some(Duration::from_secs(30)));
    assert_eq!(config.drain.timeout.to_string(), "30s");
}

#[test]
fn an_address_is_an_upstream_of_one_server() {
    let config = load("examples/minimal.yaml");
    let upstream = config.upstream_of(&config.routes[0]);
    let servers: Vec<_> = upstream
        .servers
        .iter()
        .map(|s| s.address.to_string())
        .collect();
    assert_eq!(servers, ["127.0.0.1:3000"]);
    assert!(upstream.health.is_none());
}

#[test]
fn a_name_is_an_upstream_of_the_file() {
    let config = load("examples/full.yaml");
    let upstream = config.upstream_of(&config.routes[0]);
    let servers: Vec<_> = upstream
        .servers
        .iter()
        .map(|s| (s.address.port, s.weight.get()))
        .collect();
    assert_eq!(servers, [(9001, 1), (9001, 2)]);
    assert_eq!(
        upstream.health.as_ref().unwrap().host.as_deref(),
        Some("chat.internal")
    );
}

#[test]
fn files_of_a_directory_are_one_configuration_in_the_order_of_their_names() {
    let config = load("tests/cases/good/several");
    let routes: Vec<_> = config.routes.iter().map(|r| r.upstream.as_str()).collect();
    let names: Vec<_> = config.upstreams.keys().collect();
    assert_eq!(routes, ["a", "b"]);
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn variables_become_text_and_never_structure() {
    let config = load("tests/cases/good/environment.yaml");
    assert_eq!(
        config.routes[0].name.as_deref(),
        Some("${literal} x: [1, 2]")
    );
    assert_eq!(config.routes[0].path, PathPattern::Prefix("/ws".into()));
    assert_eq!(config.listeners[0].address.port(), 3000);
    assert_eq!(config.limits.connections.get(), 3000);
    assert_eq!(
        config.limits.connections_per_address.get().unwrap().get(),
        3000
    );
    assert_eq!(config.upstreams["app"].servers[0].weight.get(), 3);
}

#[test]
fn short_forms_and_long_ones_mean_the_same() {
    let config = load("tests/cases/good/forms.yaml");
    let [one, two, three, four] = &config.routes[..] else {
        unreachable!("the file has four routes");
    };
    assert_eq!(one.host[0], HostPattern::Exact("example.com".into()));
    assert_eq!(one.path, PathPattern::Prefix("/a".into()));
    assert_eq!(one.websocket.upgrade, Upgrade::Allow);
    assert_eq!(two.path, PathPattern::Prefix("/b".into()));
    assert_eq!(
        (two.websocket.upgrade, two.websocket.ping),
        (Upgrade::Deny, OrOff::Off)
    );
    assert_eq!(three.path, PathPattern::Exact("/c".into()));
    assert_eq!(three.headers["X-A"], Pattern::Exact("b".into()));
    assert_eq!(three.query["q"], Pattern::Exact("1".into()));
    assert_eq!(four.path, PathPattern::Prefix("/".into()));
    assert_eq!(
        config.upstreams["three"].hash,
        HashOn::Header("X-User".into())
    );
    assert_eq!(config.limits.connections_per_address, OrOff::Off);
}

#[test]
fn a_source_that_cannot_be_read_says_why() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let empty = Source::read(&folder).unwrap_err();
    assert!(matches!(empty, SourceError::Empty(_)), "{empty}");
    let absent = Source::read(&folder.join("absent.yaml")).unwrap_err();
    assert!(
        absent
            .to_string()
            .ends_with("absent.yaml: no such file or directory"),
        "{absent}"
    );
}

#[test]
fn the_fingerprint_follows_names_and_content() {
    let fingerprint = |name, text| Source::from_text(name, text).fingerprint();
    let first = fingerprint("a.yaml", "routes: []");
    assert_eq!(first, fingerprint("a.yaml", "routes: []"));
    assert_ne!(first, fingerprint("a.yaml", "routes: [ ]"));
    assert_ne!(first, fingerprint("b.yaml", "routes: []"));
}
