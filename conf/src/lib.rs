//! Towpath's configuration: YAML text in, a checked, immutable [`Config`] or every mistake out.
//!
//! ```
//! use towpath_conf::Config;
//!
//! let config = Config::from_text("towpath.yaml", "routes:\n  - path: /\n    upstream: 127.0.0.1:3000\n")?;
//! assert_eq!(config.routes[0].upstream, "127.0.0.1:3000");
//!
//! let errors = Config::from_text("towpath.yaml", "routes:\n  - pfad: /\n    upstream: app\n").unwrap_err();
//! assert_eq!(errors.0.len(), 2);
//! # Ok::<(), towpath_conf::Errors>(())
//! ```

mod address;
mod auth;
mod balancing;
mod base_url;
mod check;
mod client_url;
mod cut;
mod dialect;
mod engine_io;
mod env;
mod error;
mod fallback;
mod fault;
mod host_pattern;
mod http2;
mod implied;
mod merge;
mod model;
mod one_or_many;
mod operation;
mod or_off;
mod origin;
mod origins;
mod path_pattern;
mod pattern;
mod plain;
mod position;
mod redirect;
mod reference;
mod rewrite;
mod route;
mod schema;
mod shapes;
mod sockjs;
mod source;
mod switch;
mod tls;
mod tracing;
mod tree;
mod units;
mod upstream;
mod upstream_tls;

use std::borrow::Cow;

pub use address::{AddressError, HostPort};
pub use auth::{Auth, BasicAuth, ForwardAuth};
pub use balancing::{Outliers, Retries, Sticky};
pub use base_url::BaseUrl;
pub use engine_io::{EngineIo, EngineIoMode};
pub use error::{ConfigError, Errors, Mistake, Path, Place, Segment};
pub use http2::Http2;
pub use model::*;
pub use one_or_many::OneOrMany;
pub use operation::{Admin, Drain, Upgrading};
pub use or_off::OrOff;
pub use pattern::Pattern;
pub use redirect::Redirect;
pub use reference::reference;
pub use rewrite::Rewrite;
pub use route::*;
pub use schema::schema;
pub use sockjs::{Binary, LegacyTransport, SockJs};
pub use source::{Source, SourceError};
pub use tls::{ClientCertificates, KeyPair, ListenerTls, RouteTls, TlsVersion};
pub use tracing::{Batch, Ratio, Sampling, Tracing};
pub use units::{ByteSize, Duration, UnitError};
pub use upstream::*;
pub use upstream_tls::UpstreamTls;

impl Config {
    /// Reads, merges, expands and checks a configuration. `env` looks environment variables up.
    ///
    /// # Errors
    /// Every mistake there is, with its place.
    pub fn load(source: &Source, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, Errors> {
        Self::load_and_inspect(source, env, &|_| Vec::new())
    }

    /// As [`Self::load`], but `inspect` may find more mistakes, which are placed and told with the rest: what stands
    /// in the files that a configuration names is not for this crate to read.
    ///
    /// # Errors
    /// Every mistake there is, with its place.
    pub fn load_and_inspect(
        source: &Source,
        env: &dyn Fn(&str) -> Option<String>,
        inspect: &dyn Fn(&Self) -> Vec<Mistake>,
    ) -> Result<Self, Errors> {
        let mut merged = merge::merge(source)?;
        let mut mistakes = plain::refuse(&mut merged.tree);
        let unexpanded = env::expand(&mut merged.tree, env);
        for mistake in &unexpanded {
            cut::cut(&mut merged.tree, &mistake.path);
        }
        mistakes.extend(unexpanded);
        implied::switch_off(&mut merged.tree);
        let outcome = tree::read::<Self>(&mut merged.tree);
        mistakes.extend(outcome.mistakes);
        if let Some(config) = &outcome.value {
            let found = [check::check(config), inspect(config)].concat();
            mistakes.extend(cut::independent(&merged.tree, found));
        }
        let errors = merged.place(mistakes);
        match outcome.value {
            Some(mut config) if errors.0.is_empty() => {
                implied::inherit(&mut config);
                Ok(config)
            }
            _ => Err(errors),
        }
    }

    /// Loads text at hand; variables come from the process's environment.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_text(name: &str, text: &str) -> Result<Self, Errors> {
        Self::load(&Source::from_text(name, text), &|name| {
            std::env::var(name).ok()
        })
    }

    /// The upstream of a route: the one it names, or one server of its own with all defaults.
    pub fn upstream_of(&self, route: &Route) -> Cow<'_, Upstream> {
        self.upstream(&route.upstream)
    }

    /// The upstream of this name, or one server of its own with all defaults.
    pub fn upstream(&self, name: &str) -> Cow<'_, Upstream> {
        match self.upstreams.get(name) {
            Some(upstream) => Cow::Borrowed(upstream),
            None => Cow::Owned(Upstream::of(name.parse().ok())),
        }
    }
}
