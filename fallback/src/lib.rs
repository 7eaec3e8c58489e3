//! x
pub mod dialect;
pub mod session;
