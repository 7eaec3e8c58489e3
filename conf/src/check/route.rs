//! One route: what it refers to, what it matches, how long it waits. And all of them: no two may match the same.

use std::collections::HashMap;

use super::{Mistakes, dialects, fallback, fields, filters};
use crate::address::HostPort;
use crate::error::{Mistake, Path};
use crate::model::Config;
use crate::or_off::OrOff;
use crate::route::{Route, RouteTimeouts, WebSocket};

/// Checks `routes`.
pub(super) fn check_all(found: &mut Mistakes, config: &Config, path: &Path) {
    if config.routes.is_empty() {
        found.add(path.clone(), "expected at least one route");
    }
    let mut first: HashMap<String, usize> = HashMap::new();
    for (index, route) in config.routes.iter().enumerate() {
        let own = path.index(index);
        check(found, config, route, &own);
        let earlier = *first.entry(requests_of(route)).or_insert(index);
        if earlier != index {
            let earlier = path.index(earlier);
            let conditions =
                ["host", "scheme", "methods", "headers", "query"].map(|key| earlier.key(key));
            let mistake = Mistake::new(own, "matches the same requests as").because(conditions);
            found.push(Mistake {
                rival: Some(earlier),
                ..mistake
            });
        }
    }
}

/// Two routes with the same text here match the same requests.
fn requests_of(route: &Route) -> String {
    let mut hosts: Vec<String> = route.host.iter().map(ToString::to_string).collect();
    hosts.sort();
    format!("{hosts:?} {:?} {}", route.path, conditions_of(route))
}

/// Whether two routes match the same requests.
pub(super) fn same_requests(a: &Route, b: &Route) -> bool {
    requests_of(a) == requests_of(b)
}

/// Two routes with the same text here demand the same of a request beside its host and path.
pub(super) fn conditions_of(route: &Route) -> String {
    let mut methods: Vec<&String> = route.methods.iter().collect();
    methods.sort();
    let headers = route.headers.iter();
    let mut headers: Vec<_> = headers
        .map(|(name, pattern)| format!("{} {pattern:?}", name.to_ascii_lowercase()))
        .collect();
    headers.sort();
    format!(
        "{:?} {methods:?} {headers:?} {:?}",
        route.scheme, route.query
    )
}

fn check(found: &mut Mistakes, config: &Config, route: &Route, path: &Path) {
    filters::check(found, config, route, path);
    for (index, method) in route.methods.iter().enumerate() {
        if !fields::is_token(method) || method.bytes().any(|b| b.is_ascii_lowercase()) {
            let message = format!("expected a method such as GET, got `{method}`");
            found.add(path.key("methods").index(index), message);
        }
    }
    for name in route.headers.keys() {
        fields::header_key(found, name, &path.key("headers"));
    }
    let request = fields::Side::Request;
    fields::changes(
        found,
        &route.request_headers,
        request,
        &path.key("request_headers"),
    );
    let response = fields::Side::Response;
    fields::changes(
        found,
        &route.response_headers,
        response,
        &path.key("response_headers"),
    );
    timeouts(found, &route.timeouts, &path.key("timeouts"));
    websocket(found, &route.websocket, &path.key("websocket"));
    fallback::check(found, &route.fallback, &path.key("fallback"));
    dialects::check(found, route, path);
}

/// A name of an upstream, or one server.
pub(super) fn reference(found: &mut Mistakes, config: &Config, upstream: &str, path: Path) {
    if config.upstreams.contains_key(upstream) {
        return;
    }
    if upstream.contains([':', '/']) {
        if let Err(error) = upstream.parse::<HostPort>() {
            found.add(path, error.to_string());
        }
        return;
    }
    let message = format!("expected a name from `upstreams` or host:port, got `{upstream}`");
    let names = config.upstreams.keys().map(String::as_str);
    let mistake = Mistake::new(path, message).suggest(upstream, names);
    found.push(mistake.because([Path::default().key("upstreams")]));
}

fn timeouts(found: &mut Mistakes, timeouts: &RouteTimeouts, path: &Path) {
    for (key, timeout) in [
        ("connect", timeouts.connect),
        ("response", timeouts.response),
        ("read", timeouts.read),
    ] {
        if let Some(timeout) = timeout {
            found.not_zero(timeout, path.key(key));
        }
    }
}

fn websocket(found: &mut Mistakes, websocket: &WebSocket, path: &Path) {
    let WebSocket {
        ping,
        ping_timeout,
        idle_timeout,
        max_lifetime,
        max_message,
        ..
    } = websocket;
    found.not_zero(*ping_timeout, path.key("ping_timeout"));
    for (key, value) in [
        ("ping", ping),
        ("idle_timeout", idle_timeout),
        ("max_lifetime", max_lifetime),
    ] {
        if let OrOff::On(duration) = value {
            found.not_zero(*duration, path.key(key));
        }
    }
    if *ping == OrOff::Off && *ping_timeout != WebSocket::default().ping_timeout {
        let mistake = Mistake::new(path.key("ping_timeout"), "means nothing with `ping: off`");
        found.push(mistake.because([path.clone()]));
    }
    if max_message.get().is_some_and(|max| max.get() == 0) {
        let message = "expected a size above 0B, or `off`";
        found.add(path.key("max_message"), message);
    }
}
