//! The configuration's words for the fallback, turned into its own.

use http::HeaderName;
use towpath_conf::ByteSize;
use towpath_fallback::dialect::{engine_io, sockjs};
use towpath_fallback::session;
use towpath_fallback::{Bounds, Origins, Policy};

/// What a route says of the fallback; `None`: it has none.
pub(crate) fn policy(conf: &towpath_conf::Route) -> Option<Policy> {
    let fallback = Some(&conf.fallback).filter(|fallback| fallback.enabled)?;
    let limits = session::Limits {
        buffer: size(fallback.buffer),
        max_message: size(fallback.max_message),
        resume: fallback.resume.get(),
        lifetime: conf.websocket.max_lifetime.get().map(|most| most.get()),
        ..session::Limits::default()
    };
    // They were checked to be names.
    let forward_headers = fallback.forward_headers.iter();
    let forward_headers = forward_headers.filter_map(|name| HeaderName::try_from(name).ok());
    Some(Policy {
        origins: origins(&fallback.origins),
        hold: fallback.hold.get(),
        open_timeout: fallback.open_timeout.get(),
        stream: fallback.stream,
        limits,
        forward_headers: forward_headers.collect(),
    })
}

/// What a route says of its SockJS service at `base`; `None`: it has none.
pub(super) fn sockjs(conf: &towpath_conf::Route, base: &str) -> Option<sockjs::Service> {
    let fallback = Some(&conf.fallback).filter(|fallback| fallback.enabled)?;
    let own = fallback.sockjs.as_ref()?;
    let has = |transport| own.legacy_transports.contains(&transport);
    Some(sockjs::Service {
        base: base.to_owned(),
        websocket: own.websocket && conf.websocket.upgrade != towpath_conf::Upgrade::Deny,
        cookie_needed: own.cookie_needed,
        base_url: match &own.base_url {
            towpath_conf::BaseUrl::Off => sockjs::BaseUrl::Off,
            towpath_conf::BaseUrl::On => sockjs::BaseUrl::Own,
            towpath_conf::BaseUrl::At(url) => sockjs::BaseUrl::At(url.clone()),
        },
        response_limit: size(own.response_limit),
        heartbeat: own.heartbeat.get(),
        disconnect_delay: own.disconnect_delay.get(),
        binary: match own.binary {
            towpath_conf::Binary::Close => sockjs::Binary::Close,
            towpath_conf::Binary::Base64 => sockjs::Binary::Base64,
        },
        iframe: has(towpath_conf::LegacyTransport::Iframe),
        htmlfile: has(towpath_conf::LegacyTransport::HtmlFile),
        jsonp: has(towpath_conf::LegacyTransport::Jsonp),
        client_url: own.client_url.clone(),
    })
}

/// What a route says of its Engine.IO at `path`; `None`: it has none.
pub(super) fn engine_io(conf: &towpath_conf::Route, path: &str) -> Option<engine_io::Service> {
    let fallback = Some(&conf.fallback).filter(|fallback| fallback.enabled)?;
    Some(engine_io::Service {
        path: path.to_owned(),
        websocket: conf.websocket.upgrade != towpath_conf::Upgrade::Deny,
        max_body: size(fallback.max_body),
    })
}

/// The bounds of all sessions.
pub(crate) fn bounds(limits: &towpath_conf::Limits) -> Bounds {
    Bounds {
        sessions: limits.sessions.get(),
        sessions_per_address: limits.sessions_per_address.get().map(|most| most.get()),
        opens_per_second: limits.opens_per_second.get().map(|most| most.get()),
        memory: size(limits.session_memory),
    }
}

/// Whose pages may come.
pub(crate) fn origins(conf: &towpath_conf::Origins) -> Origins {
    match conf {
        towpath_conf::Origins::Upstream => Origins::Upstream,
        towpath_conf::Origins::SameOrigin => Origins::SameOrigin,
        towpath_conf::Origins::List(list) => Origins::List(list.clone()),
    }
}

pub(super) fn size(size: ByteSize) -> usize {
    usize::try_from(size.get()).unwrap_or(usize::MAX)
}
