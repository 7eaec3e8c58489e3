//! The dialects of a route's fallback: their bounds, and the path that SockJS needs. And those of all routes: no two
//! may be served at one place.

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;

use super::{Mistakes, route};
use crate::dialect;
use crate::error::{Mistake, Path};
use crate::model::Config;
use crate::route::{PathPattern, Route};
use crate::sockjs::{LegacyTransport, SockJs};
use crate::units::{ByteSize, Duration};

const RESPONSES: RangeInclusive<ByteSize> = ByteSize::new(1 << 10)..=ByteSize::new(16 << 20);
const HEARTBEATS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(5 * 60);
const DISCONNECT_DELAYS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(5 * 60);

/// Checks the dialects of the route at `path`.
pub(super) fn check(found: &mut Mistakes, route: &Route, path: &Path) {
    if let Some(sockjs) = &route.fallback.sockjs {
        let own = path.key("fallback").key("sockjs");
        bounds(found, sockjs, &own);
        legacy_transports(
            found,
            &sockjs.legacy_transports,
            &own.key("legacy_transports"),
        );
        if route.sockjs_path().is_none() {
            let mistake = Mistake::new(own, no_base(&route.path));
            found.push(mistake.because([path.key("path")]));
        }
    }
}

fn bounds(found: &mut Mistakes, sockjs: &SockJs, path: &Path) {
    let SockJs {
        response_limit,
        heartbeat,
        disconnect_delay,
        ..
    } = sockjs;
    found.within(*response_limit, &RESPONSES, path.key("response_limit"));
    found.within(*heartbeat, &HEARTBEATS, path.key("heartbeat"));
    found.within(
        *disconnect_delay,
        &DISCONNECT_DELAYS,
        path.key("disconnect_delay"),
    );
}

fn legacy_transports(found: &mut Mistakes, transports: &[LegacyTransport], path: &Path) {
    let mut seen = HashSet::new();
    for (index, transport) in transports.iter().enumerate() {
        if !seen.insert(transport) {
            found.add(path.index(index), format!("`{transport}` is listed twice"));
        }
    }
}

fn no_base(path: &PathPattern) -> String {
    let own = match path {
        PathPattern::Prefix(path) | PathPattern::Exact(path) => format!("is `{path}`"),
        PathPattern::Regex(_) => "is a regular expression".to_owned(),
    };
    format!(
        "expected a path, such as `sockjs: /echo`: all below it is SockJS's, and the route's own {own}"
    )
}

/// Checks that each dialect of each route can be reached.
pub(super) fn all(found: &mut Mistakes, routes: &Path, config: &Config) {
    let mut first: HashMap<String, (usize, &str)> = HashMap::new();
    for (index, route) in config.routes.iter().enumerate() {
        let is_said_of_routes = |earlier: usize| {
            let other = config.routes.get(earlier).filter(|_| earlier != index);
            other.is_some_and(|other| route::same_requests(route, other))
        };
        for (key, base) in bases(route) {
            let places = places_of(route, base);
            if let Some((earlier, rival)) = places.iter().find_map(|p| first.get(p).copied())
                && !is_said_of_routes(earlier)
            {
                found.push(shadowed(routes, (index, key), (earlier, rival)));
            }
            for place in places {
                first.entry(place).or_insert((index, key));
            }
        }
    }
}

/// The dialects of a route, by their keys, and where they are served.
fn bases(route: &Route) -> impl Iterator<Item = (&'static str, &str)> {
    let sockjs = route.sockjs_path().map(|path| ("sockjs", path));
    let engine_io = route.fallback.engine_io.as_ref();
    let engine_io = engine_io.map(|dialect| ("engine_io", dialect::without_slash(&dialect.path)));
    sockjs.into_iter().chain(engine_io)
}

/// Two dialects with a text in common here are asked for by the same requests.
fn places_of(route: &Route, base: &str) -> Vec<String> {
    let conditions = route::conditions_of(route);
    let hosts = route.host.iter().map(ToString::to_string);
    let mut hosts: Vec<String> = hosts.collect();
    if hosts.is_empty() {
        hosts.push(String::new());
    }
    hosts
        .iter()
        .map(|host| format!("{host} {base:?} {conditions}"))
        .collect()
}

fn shadowed(routes: &Path, later: (usize, &str), earlier: (usize, &str)) -> Mistake {
    let [(later, own), (earlier, rival)] = [later, earlier].map(|(index, key)| {
        let route = routes.index(index);
        let dialect = route.key("fallback").key(key);
        (route, dialect)
    });
    let because = [later, earlier].into_iter().flat_map(|route| {
        ["host", "path", "methods", "headers", "query", "fallback"].map(|key| route.key(key))
    });
    Mistake {
        rival: Some(rival),
        ..Mistake::new(own, "is served at the same path as").because(because)
    }
}
