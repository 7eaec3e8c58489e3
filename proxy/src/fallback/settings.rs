//! The configuration's words for the fallback, turned into its own.

use towpath_fallback::{Bounds, Route};

/// What a route says of the fallback; `None`: it has none.
pub(crate) fn route(_conf: &towpath_conf::Route) -> Option<Route> {
    Some(Route {
        origins: towpath_fallback::Origins::Backend,
        settings: towpath_fallback::dialect::towpath::Settings {
            hold: std::time::Duration::from_secs(25),
            open_timeout: std::time::Duration::from_secs(15),
            stream: true,
            limits: Default::default(),
            forward_headers: Vec::new(),
        },
    })
}

/// The bounds of all sessions.
pub(crate) fn bounds(_limits: &towpath_conf::Limits) -> Bounds {
    Bounds::default()
}
