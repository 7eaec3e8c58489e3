//! What has been learnt of a server from the requests sent to it: whether it is left out for a while, and how warm it is.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use towpath_conf::Outliers;

/// A server that fails again and again is left out for so many times as long, at most.
const MOST_TIMES: u32 = 10;

/// A server that begins gets this share of what it would get.
const COLDEST: f64 = 0.1;

/// The record of one server.
#[derive(Debug, Default)]
pub(crate) struct Record(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    times: u32,
    ejected_until: Option<Instant>,
    warms_since: Option<Instant>,
}

impl Record {
    /// It has answered a request.
    pub(crate) fn succeeded(&self, now: Instant) {
        let mut state = self.state();
        state.failures = 0;
        // One that has behaved for as long as it was left out is as good as new.
        if state.ejected_until.is_none_or(|until| until < now) && state.times > 0 {
            state.times -= 1;
        }
    }

    /// It has failed one. `true`: it should be left out.
    pub(crate) fn failed(&self, now: Instant, conf: &Outliers) -> bool {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        state.failures >= conf.failures.get()
            && state.ejected_until.is_none_or(|until| until <= now)
    }

    /// It is left out: for how long.
    pub(crate) fn eject(&self, now: Instant, conf: &Outliers) -> Duration {
        let mut state = self.state();
        state.failures = 0;
        state.times = (state.times + 1).min(MOST_TIMES);
        let long = conf.eject.get().saturating_mul(state.times);
        let until = now.checked_add(long);
        state.ejected_until = until;
        state.warms_since = until;
        long
    }

    /// Whether it is left out.
    pub(crate) fn is_ejected(&self, now: Instant) -> bool {
        self.state().ejected_until.is_some_and(|until| now < until)
    }

    /// It begins to serve, or to do so again.
    pub(crate) fn begin(&self, now: Instant) {
        self.state().warms_since = Some(now);
    }

    /// The share that it gets while it warms up for so long: it grows from a tenth to all of it.
    pub(crate) fn share(&self, now: Instant, slow_start: Duration) -> f64 {
        let Some(since) = self.state().warms_since else {
            return 1.0;
        };
        let warmed = now.saturating_duration_since(since).as_secs_f64() / slow_start.as_secs_f64();
        warmed.clamp(COLDEST, 1.0)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Fails so often that it should be left out.
    fn fails(record: &Record, now: Instant, conf: &Outliers) -> bool {
        (1..conf.failures.get()).all(|_| !record.failed(now, conf)) && record.failed(now, conf)
    }

    #[test]
    fn failures_count_in_a_row() {
        let (record, now, conf) = (Record::default(), Instant::now(), Outliers::default());
        for _ in 0..3 {
            for _ in 1..conf.failures.get() {
                assert!(!record.failed(now, &conf));
            }
            record.succeeded(now);
        }
        assert!(fails(&record, now, &conf));
    }

    #[test]
    fn each_time_it_is_left_out_for_longer() {
        let (record, conf) = (Record::default(), Outliers::default());
        let mut now = Instant::now();
        for times in 1..=12 {
            assert!(fails(&record, now, &conf));
            let long = record.eject(now, &conf);
            assert_eq!(long, conf.eject.get() * times.min(MOST_TIMES));
            assert!(record.is_ejected(now + long - SECOND));
            now += long;
            assert!(!record.is_ejected(now));
        }
    }

    #[test]
    fn one_that_comes_back_warms_up() {
        let (record, conf) = (Record::default(), Outliers::default());
        let now = Instant::now();
        assert_eq!(
            record.share(now, 10 * SECOND),
            1.0,
            "it was there from the start"
        );
        let back = now + record.eject(now, &conf);
        for (seconds, share) in [(0, 0.1), (5, 0.5), (10, 1.0), (99, 1.0)] {
            let share_then = record.share(back + SECOND * seconds, 10 * SECOND);
            assert!((share_then - share).abs() < 1e-9, "{seconds}: {share_then}");
        }
    }
}
