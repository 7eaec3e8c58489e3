//! The files that routes' filters name.

use std::path::PathBuf;

use towpath_conf::{Config, Mistake, Path};

use super::users;

/// Every file of users that is no use.
pub(crate) fn inspect(config: &Config) -> Vec<Mistake> {
    let routes = config.routes.iter().enumerate();
    let mistake = |(index, route): (usize, &towpath_conf::Route)| {
        let error = users::read(&route.auth.basic.as_ref()?.users).err()?;
        let path = Path::default().key("routes").index(index).key("auth");
        Some(Mistake::new(
            path.key("basic").key("users"),
            error.to_string(),
        ))
    };
    routes.filter_map(mistake).collect()
}

/// The files whose change is a change of the configuration.
pub(crate) fn watched(config: &Config) -> impl Iterator<Item = PathBuf> {
    let basic = config
        .routes
        .iter()
        .filter_map(|route| route.auth.basic.as_ref());
    basic.map(|basic| basic.users.clone())
}
