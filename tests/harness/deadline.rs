//! Waiting for an event, never for a time: each wait ends with what it waited for, or fails its test by name.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

/// How long anything may take on a busy machine before it counts as never.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Waits for `event`; fails the test, saying `what` did not come, after [`DEADLINE`].
pub async fn within<T>(what: impl Display, event: impl Future<Output = T>) -> T {
    within_each(1, what, event).await
}

/// The same for so many `events` one after the other, of which nothing is heard but the last: a browser's story, or what
/// clients try again.
pub async fn within_each<T>(events: u32, what: impl Display, last: impl Future<Output = T>) -> T {
    let deadline = DEADLINE * events;
    match timeout(deadline, last).await {
        Ok(outcome) => outcome,
        Err(_) => panic!("waited {deadline:?} in vain: {what}"),
    }
}
