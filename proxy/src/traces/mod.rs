//! Tracing: which requests are recorded, what the backend is told of their trace, and the spans of those that are.
//!
//! A request joins the trace that its client has begun, or begins one (`context`, `decision`, `trace`). Of a sampled one
//! there are spans: of the request here, of the one to the backend (`hop`), and of the tunnel or session that came of it
//! (`life`). They wait in a queue of a fixed length for a task that sends them (`queue`, `collector`); nobody waits for
//! it. The names of spans and attributes are OpenTelemetry's semantic conventions for HTTP, and `towpath.*`.

mod collector;
mod context;
mod counts;
mod decision;
mod hop;
mod life;
mod over;
mod queue;
mod span;
mod trace;

pub(crate) use collector::ExportError;
pub(crate) use life::Life;
pub(crate) use over::{session, tunnel};
pub(crate) use queue::Traces;
pub(crate) use trace::{Detached, End, Trace};
