//! The time by which everything is dated.

use std::time::Instant;

/// tokio's clock, which tests may hold.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
