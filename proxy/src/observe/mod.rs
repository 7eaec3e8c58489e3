//! What an operator sees from outside: logs, the access log, the admin listener.

pub(crate) mod access_log;
pub(crate) mod admin;
pub(crate) mod logging;
pub(crate) mod rejections;
