//! Towpath's configuration: YAML text in, a checked, immutable [`Config`] or every mistake out.
//!
//! ```
//! use towpath_conf::Config;
//!
//! let config = Config::from_text("towpath.yaml", "routes:\n  - path: /\n    upstream: 127.0.0.1:3000\n")?;
//! assert_eq!(config.routes[0].upstream, "127.0.0.1:3000");
//!
//! let errors = Config::from_text("towpath.yaml", "routes:\n  - pfad: /\n").unwrap_err();
//! assert_eq!(errors.0.len(), 2);
//! # Ok::<(), towpath_conf::Errors>(())
//! ```

mod address;
mod check;
mod env;
mod error;
mod merge;
mod model;
mod pattern;
mod position;
mod reference;
mod schema;
mod shapes;
mod source;
mod tree;
mod units;

use std::borrow::Cow;

pub use address::{AddressError, HostPort};
pub use error::{ConfigError, Errors, Path, Place, Segment};
pub use model::*;
pub use pattern::Pattern;
pub use reference::reference;
pub use schema::schema;
pub use shapes::OneOrMany;
pub use source::{Source, SourceError};
pub use units::{ByteSize, Duration, OrOff, UnitError};

impl Config {
    /// Reads, merges, expands and checks a configuration. `env` looks environment variables up.
    ///
    /// # Errors
    /// Every mistake there is, with its place.
    pub fn load(source: &Source, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, Errors> {
        let mut merged = merge::merge(source)?;
        let mut mistakes = env::expand(&mut merged.tree, env);
        let mut tree = merged.tree.clone();
        for mistake in &mistakes {
            tree::cut(&mut tree, &mistake.path);
        }
        let tree::Outcome {
            value,
            mistakes: shape,
        } = tree::read::<Self>(&mut tree);
        mistakes.extend(shape);
        match value {
            // Only a whole tree is checked for sense: what was cut out would be missed elsewhere.
            Some(config) if mistakes.is_empty() => {
                let mistakes = check::check(&config);
                if mistakes.is_empty() {
                    Ok(config)
                } else {
                    Err(merged.place(mistakes))
                }
            }
            _ => Err(merged.place(mistakes)),
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
        match self.upstreams.get(&route.upstream) {
            Some(upstream) => Cow::Borrowed(upstream),
            None => Cow::Owned(Upstream::of(route.upstream.parse().ok())),
        }
    }
}
