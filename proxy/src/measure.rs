//! Doors for micro-benchmarks into what is nobody else's business: the tunnel's frame scanner, the router, and the check
//! of a request's head. Nothing here is meant for programs.

use std::sync::Arc;

use http::{HeaderMap, Method};
use towpath_conf::{Config, Scheme};

use crate::gate::HeadScanner;
use crate::router::{Router, Target};
use crate::tunnel::{Extensions, Scanner, Side};

/// The watch over what a client sends into a tunnel.
#[derive(Debug)]
pub struct Watch(Scanner);

impl Default for Watch {
    fn default() -> Self {
        Self(Scanner::new(Side::Client, Extensions::default(), None))
    }
}

impl Watch {
    /// Looks at whole frames; how many bytes may pass.
    pub fn scan(&mut self, bytes: &[u8]) -> usize {
        self.0.scan(bytes, None, false).pass
    }

    /// Complete messages so far.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.0.messages()
    }
}

/// The routes of a configuration.
#[derive(Debug)]
pub struct Routes {
    router: Router<usize>,
    headers: HeaderMap,
}

impl Routes {
    /// Arranges them.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let routes = config.routes.iter().enumerate();
        Self {
            router: Router::new(routes.map(|(index, route)| (route, Arc::new(index)))),
            headers: HeaderMap::new(),
        }
    }

    /// Which of them takes a GET for this.
    #[must_use]
    pub fn find(&self, host: &str, path: &str) -> Option<usize> {
        let target = Target {
            host,
            path,
            query: "",
            method: &Method::GET,
            headers: &self.headers,
            scheme: Scheme::Http,
        };
        self.router.find(&target).map(|index| **index)
    }
}

/// How long a request's head is; `None`: it is not complete, or refused.
#[must_use]
pub fn head(bytes: &[u8]) -> Option<usize> {
    let scanned = HeadScanner::default().scan(bytes, bytes.len());
    scanned.ok().flatten().map(|head| head.len)
}
