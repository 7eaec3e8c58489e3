//! The lines that a process writes, kept from its start, so that a test can wait for one that came already.

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::watch;

use crate::within;

/// All lines so far, and a wait for those to come.
#[derive(Clone, Debug)]
pub(crate) struct Lines(watch::Receiver<Vec<String>>);

impl Lines {
    /// Collects what `source` says, until it ends.
    pub(crate) fn collect(source: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let (sender, lines) = watch::channel(Vec::new());
        tokio::spawn(async move {
            let mut source = BufReader::new(source).lines();
            while let Ok(Some(line)) = source.next_line().await {
                sender.send_modify(|lines| lines.push(line));
            }
        });
        Self(lines)
    }

    /// The lines so far.
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    /// What `pick` makes of the first line that it takes.
    pub(crate) async fn find<T>(&self, what: &str, pick: impl Fn(&str) -> Option<T>) -> T {
        let mut seen = 0;
        loop {
            let lines = self.all();
            if let Some(found) = lines[seen..].iter().find_map(|line| pick(line)) {
                return found;
            }
            seen = lines.len();
            self.grow(what, seen).await;
        }
    }

    /// Waits until there are more than `seen` lines.
    pub(crate) async fn grow(&self, what: &str, seen: usize) {
        let mut lines = self.0.clone();
        let more = lines.wait_for(|lines| lines.len() > seen);
        assert!(
            within(what, more).await.is_ok(),
            "the process ended without: {what}"
        );
    }
}
