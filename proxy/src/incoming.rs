//! The content of a plain request, while it comes: how much there may be of it, and how long all of it may take.

use std::time::{Duration, Instant};

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

    /// Some more has come.
    pub(crate) fn receive(&mut self, len: usize) -> Result<(), Refusal> {
        self.received = self.received.saturating_add(len as u64);
        if self.most.is_some_and(|most| self.received > most) {
            return Err(Refusal::ContentTooLarge);
        }
        // Between two pieces there is a timeout of its own.
        if self
            .deadline
            .is_some_and(|deadline| Instant::now() > deadline)
        {
            return Err(Refusal::RequestTimeout);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn it_must_not_take_for_ever() {
        let mut content = Incoming::new(None, Some(Duration::ZERO));
        std::thread::yield_now();
        assert_eq!(content.receive(1), Err(Refusal::RequestTimeout));
        assert_eq!(Incoming::default().receive(1 << 30), Ok(()));
    }
}
