//! The content of a plain request, while it comes: how much there may be of it, and how long all of it may take.

use std::time::Duration;

use tokio::time::Instant;

use crate::answer::Refusal;

/// What has come so far, and what may come.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    received: u64,
    most: Option<u64>,
    deadline: Option<Instant>,
}

impl Incoming {
    /// Nothing has come yet.
    pub(crate) fn new(most: Option<u64>, patience: Option<Duration>) -> Self {
        Self {
            received: 0,
            most,
            deadline: patience.and_then(|patience| Instant::now().checked_add(patience)),
        }
    }

    /// What a request says of itself is believed where it says that it is too large.
    pub(crate) fn announce(&self, length: Option<u64>) -> Result<(), Refusal> {
        match (length, self.most) {
            (Some(length), Some(most)) if length > most => Err(Refusal::ContentTooLarge),
            _ => Ok(()),
        }
    }

    /// How long the next piece is waited for: no longer than between any two, and not beyond the time for all. What is
    /// there by then is taken all the same: it may be the backend who was slow.
    pub(crate) fn patience(&self, between: Duration) -> Duration {
        let now = Instant::now();
        let left = self.deadline.map(|it| it.saturating_duration_since(now));
        left.map_or(between, |left| left.min(between))
    }

    /// Some more has come.
    pub(crate) fn receive(&mut self, len: usize) -> Result<(), Refusal> {
        self.received = self.received.saturating_add(len as u64);
        match self.most {
            Some(most) if self.received > most => Err(Refusal::ContentTooLarge),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[test]
    fn content_is_counted_whether_it_was_announced_or_not() {
        let mut content = Incoming::new(Some(10), None);
        assert_eq!(content.announce(Some(11)), Err(Refusal::ContentTooLarge));
        assert_eq!(content.announce(Some(10)), Ok(()));
        assert_eq!(content.announce(None), Ok(()));
        assert_eq!(content.receive(10), Ok(()));
        assert_eq!(content.receive(1), Err(Refusal::ContentTooLarge));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_not_waited_for_for_ever() {
        let second = Duration::from_secs(1);
        let content = Incoming::new(None, Some(3 * second));
        assert_eq!(content.patience(2 * second), 2 * second);
        sleep(2 * second).await;
        assert_eq!(content.patience(2 * second), second);
        sleep(2 * second).await;
        assert_eq!(content.patience(2 * second), Duration::ZERO);
        assert_eq!(Incoming::default().patience(second), second);
    }
}
