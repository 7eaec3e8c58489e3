//! The servers behind the routes: groups that choose among them (`group`, `choice`, `balance`) and learn of them
//! (`outliers`, `record`), where their addresses come from
//! (`discovery`), whether they are well (`health`), what asks for both again (`supervisor`), and connecting to them
//! (`dial`). Selection algorithms, the Ketama ring and the bookkeeping of health are pingora-load-balancing's;
//! connections are its connector's.

mod balance;
mod budget;
mod choice;
mod counts;
mod dial;
mod discovery;
mod endpoint;
mod group;
mod hash;
mod health;
mod introduction;
mod outliers;
mod record;
mod shared_http2;
mod sticky;
mod supervisor;
mod transport;
mod weak;

pub(crate) use counts::Counts;
pub(crate) use dial::{
    DialAnyError, Dialled, PeerTimeouts, dial_any, fresh_place, http_peer, reason,
};
pub(crate) use endpoint::Lease;
pub(crate) use group::{Group, NoServer, Tried, Upstreams};
pub(crate) use hash::HashKey;
pub(crate) use shared_http2::Place as Http2Place;
