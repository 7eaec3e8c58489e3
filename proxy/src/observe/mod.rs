//! What an operator sees from outside: logs, the access log, metrics, and what there is at the moment.

pub(crate) mod access_log;
pub(crate) mod live;
pub(crate) mod logging;
pub(crate) mod metrics;
mod process;
pub(crate) mod rejections;
