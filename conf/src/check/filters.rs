//! What a route does with requests before a backend sees them.

use super::{Mistakes, fields, route};
use crate::error::{Mistake, Path};
use crate::model::Config;
use crate::route::Route;

/// Checks one route.
pub(super) fn check(found: &mut Mistakes, config: &Config, route: &Route, path: &Path) {
    destination(found, config, route, path);
    let path = path.key("auth");
    if let Some(basic) = &route.auth.basic {
        let path = path.key("basic").key("realm");
        if !basic
            .realm
            .bytes()
            .all(|b| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\'))
        {
            found.add(
                path,
                "expected plain ASCII text without quotes and backslashes",
            );
        }
    }
    if let Some(forward) = &route.auth.forward {
        let path = path.key("forward");
        route::reference(found, config, &forward.upstream, path.key("upstream"));
        if !forward.path.starts_with('/') || !forward.path.bytes().all(|b| b.is_ascii_graphic()) {
            let message = format!(
                "expected a path that begins with `/`, got `{}`",
                forward.path
            );
            found.add(path.key("path"), message);
        }
        found.not_zero(forward.timeout, path.key("timeout"));
        for (index, name) in forward.copy.iter().enumerate() {
            if let Some(message) = fields::why_not_set(name) {
                found.add(path.key("copy").index(index), message);
            }
        }
    }
}

/// A route leads to a backend or somewhere else.
fn destination(found: &mut Mistakes, config: &Config, route: &Route, path: &Path) {
    match (route.upstream.is_empty(), &route.redirect) {
        (false, None) => route::reference(found, config, &route.upstream, path.key("upstream")),
        (true, Some(_)) => {}
        (true, None) => found.add(path.clone(), "missing key `upstream` (or `redirect`)"),
        (false, Some(_)) => {
            let message = "means nothing with `upstream`; a route has one of the two";
            let mistake = Mistake::new(path.key("redirect"), message);
            found.push(mistake.because([path.key("upstream")]));
        }
    }
}
