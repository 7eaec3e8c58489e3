//! The configuration's words for the fallback, turned into its own.

use http::HeaderName;
use towpath_conf::ByteSize;
use towpath_fallback::session;
use towpath_fallback::{Bounds, Origins, Policy};

/// What a route says of the fallback; `None`: it has none.
pub(crate) fn policy(conf: &towpath_conf::Route) -> Option<Policy> {
    let fallback = Some(&conf.fallback).filter(|fallback| fallback.enabled)?;
    let limits = session::Limits {
        buffer: size(fallback.buffer),
        max_message: size(fallback.max_message),
        resume: fallback.resume.get(),
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

/// The bounds of all sessions.
pub(crate) fn bounds(limits: &towpath_conf::Limits) -> Bounds {
    Bounds {
        sessions: limits.sessions.get(),
        sessions_per_address: limits.sessions_per_address.get().map(|most| most.get()),
        opens_per_second: limits.opens_per_second.get().map(|most| most.get()),
        memory: size(limits.session_memory),
    }
}

fn origins(conf: &towpath_conf::Origins) -> Origins {
    match conf {
        towpath_conf::Origins::Upstream => Origins::Upstream,
        towpath_conf::Origins::SameOrigin => Origins::SameOrigin,
        towpath_conf::Origins::List(list) => Origins::List(list.clone()),
    }
}

fn size(size: ByteSize) -> usize {
    usize::try_from(size.get()).unwrap_or(usize::MAX)
}
