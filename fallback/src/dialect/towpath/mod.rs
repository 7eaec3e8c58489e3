//! The native dialect, `towpath/1`, as `PROTOCOL.md` says.

pub mod codec;
mod eagerness;
pub mod polls;
