//! A session's life, from its backend's 101 to its last word, whatever its dialect.

use crate::backend::{Backend, Report};
use crate::dialect::Dialect;
use crate::pump::{Parts, Pump};

/// A session that is there.
pub(crate) struct Life<B: Backend, D: Dialect, F> {
    pump: Box<Pump<B::Stream, D>>,
    backend: B,
    over: F,
}

impl<B: Backend, D: Dialect, F: FnOnce(&Report) + Send + 'static> Life<B, D, F> {
    /// Begins it. `over` is called once it is over, before anybody else hears of it.
    pub(crate) fn new(parts: Parts<B::Stream, D>, mut backend: B, over: F) -> Self {
        backend.opened();
        Self {
            pump: Box::new(Pump::new(parts)),
            backend,
            over,
        }
    }

    /// Carries it to its end.
    pub(crate) async fn live(mut self) {
        let ending = self.backend.ending();
        let passed = |client, backend| self.backend.passed(client, backend);
        let (report, place) = self.pump.run(ending, passed).await;
        (self.over)(&report);
        self.backend.ended(report);
        // The last, since a drain waits for it.
        drop(place);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;

    use super::*;
    use crate::backend::{DialError, Dialled, Farewell, Handshake};
    use crate::dialect::towpath::polls::Polls;

    struct Way;

    type Ended = Life<Way, Polls, fn(&Report)>;

    impl Backend for Way {
        type Stream = DuplexStream;
        type Ending = std::future::Pending<Farewell>;

        async fn dial(&mut self, _: Handshake) -> Result<Dialled<DuplexStream>, DialError> {
            Err(DialError::Unreachable)
        }

        fn ending(&self) -> Self::Ending {
            std::future::pending()
        }

        fn ended(self, _: Report) {}
    }

    /// There may be tens of thousands that wait for something to happen.
    #[test]
    fn a_session_that_waits_is_small() {
        let life = None::<Ended>;
        let waiting = async {
            if let Some(life) = life {
                life.live().await;
            }
        };
        let size = size_of_val(&waiting) + size_of::<Pump<DuplexStream, Polls>>();
        assert!(size <= 2304, "{size} bytes");
    }
}
