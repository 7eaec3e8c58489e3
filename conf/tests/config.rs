//! What a configuration means once it is read: defaults, merged files, variables, short forms, implied upstreams.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::Path;
use std::time::Duration;

use towpath_conf::{
    Binary, Config, EngineIoMode, Fallback, HashOn, HostPattern, OrOff, Origins, PathPattern,
    Pattern, Source, SourceError, Upgrade,
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
fn the_fallback_is_on_unless_websockets_are_refused_or_the_route_says_so() {
    let on = |file: &str, path: &str| {
        let path = PathPattern::Prefix(path.into());
        let config = load(file);
        let route = config.routes.iter().find(|route| route.path == path);
        route.unwrap().fallback.enabled
    };
    assert!(on("examples/minimal.yaml", "/"));
    let file = "tests/cases/good/fallback.yaml";
    assert!(on(file, "/on") && on(file, "/map") && on(file, "/instead"));
    assert!(!on(file, "/off") && !on(file, "/refused") && !on(file, "/denied"));
}

#[test]
fn websockets_that_a_variable_refuses_have_no_fallback_either() {
    let text = "routes: [{ upstream: 'a:1', websocket: '${WS}' }]";
    for (word, on) in [
        ("on", true),
        ("off", false),
        ("true", true),
        ("false", false),
    ] {
        let env = |name: &str| (name == "WS").then(|| word.to_owned());
        let config = Config::load(&Source::from_text("a.yaml", text), &env).unwrap();
        assert_eq!(config.routes[0].fallback.enabled, on, "{word}");
    }
}

#[test]
fn what_the_fallback_is_when_nothing_is_said_of_it() {
    let config = load("examples/minimal.yaml");
    let fallback = &config.routes[0].fallback;
    assert_eq!(fallback.hold.to_string(), "25s");
    assert_eq!(fallback.resume.to_string(), "1m");
    assert_eq!(fallback.open_timeout.to_string(), "15s");
    assert!(fallback.stream);
    assert_eq!(fallback.origins, Origins::Upstream);
    assert_eq!(fallback.max_message.to_string(), "16MiB");
    assert_eq!(fallback.buffer.to_string(), "1MiB");
    assert!(fallback.forward_headers.is_empty());
    assert_eq!((&fallback.sockjs, &fallback.engine_io), (&None, &None));
    assert_eq!(fallback.max_body.to_string(), "2MiB");
    let limits = &config.limits;
    assert_eq!(limits.sessions.get(), 50_000);
    assert_eq!(limits.sessions_per_address.to_string(), "1024");
    assert_eq!(limits.opens_per_second.to_string(), "50");
    assert_eq!(limits.session_memory.to_string(), "512MiB");
}

#[test]
fn origins_are_kept_as_browsers_send_them() {
    let config = load("tests/cases/good/fallback.yaml");
    let list = |texts: &[&str]| Origins::List(texts.iter().map(ToString::to_string).collect());
    let [.., instead, one, many, _, _] = &config.routes[..] else {
        unreachable!("the file has ten routes");
    };
    assert_eq!(instead.fallback.origins, Origins::SameOrigin);
    assert_eq!(one.fallback.origins, list(&["https://example.com"]));
    assert_eq!(many.fallback.origins, list(&["http://[::1]:3000", "null"]));
}

#[test]
fn no_message_is_too_long_for_a_websocket_and_passes_by_the_fallback() {
    let config = load("tests/cases/good/fallback.yaml");
    let [.., short, shorter] = &config.routes[..] else {
        unreachable!("the file has ten routes");
    };
    assert_eq!(short.fallback.max_message.to_string(), "100B");
    assert_eq!(shorter.fallback.max_message.to_string(), "64KiB");
}

#[test]
fn what_sockjs_and_engine_io_are_when_they_are_on() {
    let config = load("tests/cases/good/dialects.yaml");
    let sockjs = config.routes[1].fallback.sockjs.as_ref().unwrap();
    assert!(sockjs.websocket && !sockjs.cookie_needed);
    assert_eq!(sockjs.response_limit.to_string(), "128KiB");
    assert_eq!(sockjs.heartbeat.to_string(), "25s");
    assert_eq!(sockjs.disconnect_delay.to_string(), "5s");
    assert_eq!(sockjs.binary, Binary::Close);
    assert!(sockjs.legacy_transports.is_empty());
    assert_eq!(
        sockjs.client_url,
        "https://cdn.jsdelivr.net/npm/sockjs-client@1/dist/sockjs.min.js"
    );
    let engine_io = config.routes[1].fallback.engine_io.as_ref().unwrap();
    assert_eq!(engine_io.path, "/socket.io/");
    assert_eq!(engine_io.mode, EngineIoMode::Auto);
}

#[test]
fn a_sockjs_service_is_at_the_path_it_names_or_else_at_its_routes() {
    let config = load("tests/cases/good/dialects.yaml");
    let paths: Vec<_> = config.routes.iter().map(|r| r.sockjs_path()).collect();
    let [off, on, exact, named, in_map, ..] = paths[..] else {
        unreachable!("the file has eight routes");
    };
    assert_eq!(off, None);
    assert_eq!(on, Some("/on"));
    assert_eq!(exact, Some("/exact"));
    assert_eq!(named, Some("/named"));
    assert_eq!(in_map, Some("/sock"));
}

#[test]
fn a_fallback_that_is_written_down_reads_the_same() {
    let config = load("tests/cases/good/dialects.yaml");
    for route in &config.routes {
        let text = serde_yaml::to_string(&route.fallback).unwrap();
        let read: Fallback = serde_yaml::from_str(&text).unwrap();
        assert_eq!(read, route.fallback, "{text}");
    }
}

#[test]
fn the_published_suites_find_the_services_they_ask_for() {
    let config = load("examples/sockjs-suite.yaml");
    let services: Vec<_> = config
        .routes
        .iter()
        .map(|route| {
            let sockjs = route.fallback.sockjs.as_ref().unwrap();
            assert_eq!(sockjs.response_limit.get(), 4096);
            assert_eq!(sockjs.legacy_transports.len(), 3);
            let path = route.sockjs_path().unwrap();
            (path, sockjs.websocket, sockjs.cookie_needed)
        })
        .collect();
    assert_eq!(
        services,
        [
            ("/echo", true, false),
            ("/disabled_websocket_echo", false, false),
            ("/cookie_needed_echo", true, true),
            ("/close", true, false),
        ]
    );
    let config = load("examples/engineio-suite.yaml");
    let engine_io = config.routes[0].fallback.engine_io.as_ref().unwrap();
    assert_eq!(engine_io.path, "/engine.io/");
    assert_eq!(engine_io.mode, EngineIoMode::Translate);
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

#[test]
fn a_collector_without_a_path_takes_traces_where_all_do() {
    let endpoint = |text: &str| {
        let text = format!("routes: [{{ upstream: 'a:1' }}]\ntracing: {{ endpoint: '{text}' }}");
        let config = Config::from_text("towpath.yaml", &text);
        config.map(|config| config.tracing.unwrap().endpoint)
    };
    for (given, expected) in [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("http://[::1]:4318/", "http://[::1]:4318/v1/traces"),
        ("https://example.com/otlp", "https://example.com/otlp"),
    ] {
        assert_eq!(endpoint(given).unwrap(), expected);
    }
    for given in [
        "collector:4318",
        "grpc://collector:4317",
        "http://user:secret@collector",
        "http://collector/?key=secret",
        "http://collector:port",
        "http://",
    ] {
        let refused = endpoint(given).unwrap_err().to_string();
        assert!(!refused.contains("secret"), "{given}: {refused}");
    }
}

#[test]
fn of_traces_that_begin_here_all_are_sampled_unless_said_otherwise() {
    let tracing = |more: &str| {
        let text =
            format!("routes: [{{ upstream: 'a:1' }}]\ntracing: {{ endpoint: 'http://a', {more} }}");
        Config::from_text("towpath.yaml", &text)
            .unwrap()
            .tracing
            .unwrap()
    };
    let sampling = tracing("").sampling;
    assert_eq!((sampling.ratio.get(), sampling.parent), (1.0, true));
    let sampling = tracing("sampling: { ratio: 0.25, parent: off }").sampling;
    assert_eq!((sampling.ratio.get(), sampling.parent), (0.25, false));
}
