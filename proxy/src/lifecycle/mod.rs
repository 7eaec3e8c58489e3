//! The life of the process: start, reload, drain, end.

mod drain;
mod listeners;
mod notify;
mod reload;
mod server;
mod signals;
mod upgrade;

pub(crate) use listeners::Take;
pub(crate) use reload::Reloads;
pub(crate) use server::{End, Server, StartError};
