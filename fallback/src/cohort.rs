//! Cohorts: many tasks that have the same step before them take it one after the other, instead of each all of its steps.
//! The code of a step and its data are in the processor's caches for all but the first, and who reads what they write is
//! woken once for all of them. (J. Larus, M. Parkes: Using Cohort Scheduling to Enhance Server Performance, 2002.)
//!
//! Who waits for a cohort lets every task that is ready go first, and what the system has made ready since; where there is
//! none, that takes a few microseconds.

use std::pin::pin;
use std::task::{Context, Poll};

/// Waits until all tasks of this thread that are ready have had their turn. Cancel-safe.
pub async fn join() {
    tokio::task::yield_now().await;
}

/// The same for a task that is one `poll`, each time that it is woken.
#[derive(Debug, Default)]
pub(crate) struct Cohort {
    waits: bool,
}

impl Cohort {
    /// Ready each second time; in between the task is woken when the others have had their turn. Who is woken by something
    /// else meanwhile goes on earlier.
    pub(crate) fn poll_join(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.waits = !self.waits;
        if self.waits {
            pin!(join()).poll(cx)
        } else {
            Poll::Ready(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::poll_fn;
    use std::rc::Rc;
    use std::task::ready;

    use tokio::task::LocalSet;

    use super::*;

    /// What three tasks have done, in this order, that take one step, wait as `wait` does, and take another.
    async fn steps(wait: impl AsyncFn() + Clone + 'static) -> Vec<(char, u8)> {
        let taken = Rc::new(RefCell::new(Vec::new()));
        let local = LocalSet::new();
        for task in ['a', 'b', 'c'] {
            let (taken, wait) = (taken.clone(), wait.clone());
            local.spawn_local(async move {
                taken.borrow_mut().push((task, 1));
                wait().await;
                taken.borrow_mut().push((task, 2));
            });
        }
        local.await;
        taken.take()
    }

    fn by_step(taken: &[(char, u8)]) -> Vec<u8> {
        taken.iter().map(|(_, step)| *step).collect()
    }

    #[tokio::test]
    async fn a_step_is_taken_by_all_before_anybody_takes_the_next() {
        let taken = steps(async || join().await).await;
        assert_eq!(by_step(&taken), [1, 1, 1, 2, 2, 2], "{taken:?}");
    }

    #[tokio::test]
    async fn a_task_that_is_one_poll_waits_each_time() {
        let taken = steps(async || {
            let mut cohort = Cohort::default();
            for _ in 0..2 {
                poll_fn(|cx| cohort.poll_join(cx)).await;
            }
        })
        .await;
        assert_eq!(by_step(&taken), [1, 1, 1, 2, 2, 2], "{taken:?}");
    }

    #[tokio::test]
    async fn a_task_goes_on_in_the_poll_after_that_in_which_it_has_waited() {
        let mut cohort = Cohort::default();
        let mut polls = 0;
        poll_fn(|cx| {
            polls += 1;
            ready!(cohort.poll_join(cx));
            Poll::Ready(())
        })
        .await;
        assert_eq!(polls, 2);
    }
}
