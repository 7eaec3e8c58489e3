//! Where spans wait for the collector: a queue of a fixed length, and a task that empties it. Who gives a span never
//! waits; one for which there is no room is dropped and counted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures_util::future::join_all;
use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::trace::SpanData;
use prometheus_client::registry::Registry;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use towpath_conf::{Batch, Tracing};

use super::collector::{Collector, ExportError};
use super::counts::Counts;

/// For what still waits when the process ends, or when spans go elsewhere.
const FLUSH: Duration = Duration::from_secs(5);

/// The way of all spans out of the process.
#[derive(Debug)]
pub(crate) struct Traces {
    queue: ArcSwapOption<Queue>,
    counts: Arc<Counts>,
    /// Of the queue in use, and of those before it that are not empty yet.
    tasks: Mutex<Vec<JoinHandle<()>>>,
    scope: InstrumentationScope,
}

/// What is to be done about another configuration.
#[derive(Debug)]
pub(crate) struct Change(Option<Next>);

#[derive(Debug)]
enum Next {
    Off,
    To(Box<(Tracing, Collector)>),
}

#[derive(Debug)]
struct Queue {
    conf: Tracing,
    spans: mpsc::Sender<SpanData>,
    /// Below the other end of the channel, so that its last word comes when that is gone.
    enough: Enough,
}

/// Tells the task that a batch is full, or that no span will come any more.
#[derive(Debug)]
struct Enough(Arc<Notify>);

impl Default for Traces {
    fn default() -> Self {
        let scope = InstrumentationScope::builder("towpath");
        Self {
            queue: ArcSwapOption::empty(),
            counts: Arc::default(),
            tasks: Mutex::default(),
            scope: scope.with_version(env!("CARGO_PKG_VERSION")).build(),
        }
    }
}

impl Traces {
    /// Makes ready what a configuration wants; nothing is changed yet.
    ///
    /// # Errors
    /// The collector cannot be spoken to.
    pub(crate) fn prepare(&self, conf: Option<&Tracing>) -> Result<Change, ExportError> {
        let queue = self.queue.load();
        Ok(Change(match (conf, queue.as_deref()) {
            (Some(conf), Some(queue)) if queue.conf == *conf => None,
            (Some(conf), _) => Some(Next::To(Box::new((conf.clone(), Collector::new(conf)?)))),
            (None, Some(_)) => Some(Next::Off),
            (None, None) => None,
        }))
    }

    /// Sends spans elsewhere from now on; those that wait go where they were to go. Must be called on the runtime.
    pub(crate) fn apply(&self, change: Change) {
        let next = match change.0 {
            None => return,
            Some(Next::Off) => None,
            Some(Next::To(to)) => {
                let (conf, collector) = *to;
                Some(self.begin(conf, collector))
            }
        };
        self.queue.store(next.map(Arc::new));
    }

    fn begin(&self, conf: Tracing, collector: Collector) -> Queue {
        let (to, from) = mpsc::channel(conf.batch.queue.get());
        let enough = Arc::new(Notify::new());
        let sender = Sender {
            from,
            enough: enough.clone(),
            batch: conf.batch,
            counts: self.counts.clone(),
        };
        let mut tasks = self.tasks();
        tasks.retain(|task| !task.is_finished());
        tasks.push(tokio::spawn(sender.run(collector)));
        Queue {
            conf,
            spans: to,
            enough: Enough(enough),
        }
    }

    /// Takes a span, if there is room.
    pub(super) fn record(&self, span: SpanData) {
        let queue = self.queue.load();
        // Tracing was switched off meanwhile.
        let Some(queue) = queue.as_deref() else {
            return;
        };
        if queue.spans.try_send(span).is_err() {
            self.counts.dropped();
        }
        let waiting = queue.spans.max_capacity() - queue.spans.capacity();
        if waiting >= queue.conf.batch.size.get() {
            queue.enough.0.notify_one();
        }
    }

    /// Sends what waits, within a bound; no span is taken any more.
    pub(crate) async fn flush(&self) {
        self.queue.store(None);
        let mut tasks = std::mem::take(&mut *self.tasks());
        if timeout(FLUSH, join_all(&mut tasks)).await.is_err() {
            tracing::warn!("spans are lost: the collector has not taken them in time");
            tasks.iter().for_each(JoinHandle::abort);
        }
    }

    /// What spans say made them.
    pub(super) fn scope(&self) -> InstrumentationScope {
        self.scope.clone()
    }

    /// Makes what has become of spans visible.
    pub(crate) fn register(&self, registry: &mut Registry) {
        self.counts.register(registry);
    }

    /// No code here can panic while it holds the lock.
    fn tasks(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Enough {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// The task that empties a queue.
struct Sender {
    from: mpsc::Receiver<SpanData>,
    enough: Arc<Notify>,
    batch: Batch,
    counts: Arc<Counts>,
}

impl Sender {
    /// Sends batches until no span can come any more.
    async fn run(mut self, collector: Collector) {
        let size = self.batch.size.get();
        let mut dropped = self.counts.all_dropped();
        while let Some(first) = self.from.recv().await {
            if self.from.len() + 1 < size && !self.from.is_closed() {
                // Whether it is over or there is enough makes no difference.
                let _ = timeout(self.batch.delay.get(), self.enough.notified()).await;
            }
            let mut spans = Vec::with_capacity(size.min(self.from.len() + 1));
            spans.push(first);
            while spans.len() < size
                && let Ok(span) = self.from.try_recv()
            {
                spans.push(span);
            }
            let count = spans.len() as u64;
            match collector.export(spans).await {
                Ok(()) => self.counts.exported(count),
                Err(error) => self.counts.failed(count, &collector.endpoint, &error),
            }
            let before = std::mem::replace(&mut dropped, self.counts.all_dropped());
            if before == dropped && self.from.is_empty() {
                self.counts.has_room();
            }
        }
    }
}
