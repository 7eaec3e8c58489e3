//! Where the operator sees how a tunnel fares: its figures on the list of what there is, its pings in the metrics.

use std::sync::Arc;
use std::time::Duration;

use super::frame::Side;
use super::report::Report;
use crate::observe::live::Present;
use crate::observe::metrics::Metrics;
use crate::traces;

/// One tunnel's witness, from its 101 to its end.
#[derive(Debug)]
pub(crate) struct Witness {
    present: Present,
    metrics: Arc<Metrics>,
}

impl Witness {
    /// The tunnel is open, this long after its handshake had come.
    pub(crate) fn new(present: Present, metrics: Arc<Metrics>, took: Duration) -> Self {
        let opened = present.opened();
        metrics.opened(&opened.route, opened.protocol, took);
        Self { present, metrics }
    }

    /// What is on the list.
    pub(crate) fn present(&self) -> &Present {
        &self.present
    }

    /// Bytes and messages so far, of the client and of the backend, and bytes that their receiver does not take. Plain
    /// stores: this is called with each message.
    pub(super) fn passed(&self, [client, backend]: [(u64, u64); 2], buffered: usize) {
        let entry = self.present.entry();
        entry.from_client.is_now(client.0, client.1);
        entry.from_backend.is_now(backend.0, backend.1);
        entry.buffers(buffered);
    }

    /// A side has answered a ping.
    pub(super) fn ponged(&self, side: Side, took: Duration) {
        self.metrics.ponged(side, took);
    }

    /// The tunnel is over.
    pub(crate) fn ended(&self, report: &Report) {
        let opened = self.present.opened();
        self.metrics.closed(&opened.route, report);
        traces::tunnel(opened, report);
    }
}
