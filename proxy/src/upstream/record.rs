//! What has been learnt of a server from the requests sent to it: whether it is left out for a while, and how warm it is.

use std::sync::{Mutex, MutexGuard, PoisonError};
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
    /// In a row.
    failures: u32,
    /// How often it was left out, less one for each time that it then behaved for as long as `eject`.
    times: u32,
    ejected_until: Option<Instant>,
    /// Nobody has noted yet that it is back.
    is_missed: bool,
    warms_since: Option<Instant>,
}

impl State {
    fn is_ejected(&self, now: Instant) -> bool {
        self.ejected_until.is_some_and(|until| now < until)
    }
}

impl Record {
    /// Of a server that has come while others served already.
    pub(crate) fn of_new(now: Instant) -> Self {
        let record = Self::default();
        record.begin(now);
        record
    }

    /// It has answered a request.
    pub(crate) fn succeeded(&self) {
        self.state().failures = 0;
    }

    /// It has failed one. `true`: it should be left out. What fails while it is left out was sent before, and says
    /// nothing new.
    pub(crate) fn failed(&self, now: Instant, conf: &Outliers) -> bool {
        let mut state = self.state();
        if state.is_ejected(now) {
            return false;
        }
        state.failures = state.failures.saturating_add(1);
        state.failures >= conf.failures.get()
    }

    /// It is left out: for how long.
    pub(crate) fn eject(&self, now: Instant, conf: &Outliers) -> Duration {
        let mut state = self.state();
        let eject = conf.eject.get();
        let behaved = state
            .ejected_until
            .map(|until| now.saturating_duration_since(until));
        let forgiven = behaved.map_or(0, |long| times(long, eject));
        state.failures = 0;
        state.times = (state.times.saturating_sub(forgiven) + 1).min(MOST_TIMES);
        let long = eject.saturating_mul(state.times);
        let until = now.checked_add(long);
        state.ejected_until = until;
        state.warms_since = until;
        state.is_missed = true;
        long
    }

    /// Whether it is left out.
    pub(crate) fn is_ejected(&self, now: Instant) -> bool {
        self.state().is_ejected(now)
    }

    /// A request goes to it. `true`: it is the first one since it was left out.
    pub(crate) fn is_back(&self, now: Instant) -> bool {
        let mut state = self.state();
        let is_back = state.is_missed && !state.is_ejected(now);
        state.is_missed &= !is_back;
        is_back
    }

    /// It begins to serve, or to do so again; if it is left out, once it is not any more.
    pub(crate) fn begin(&self, now: Instant) {
        let mut state = self.state();
        state.warms_since = Some(state.ejected_until.map_or(now, |until| until.max(now)));
    }

    /// The share that it gets while it warms up for so long: it grows from a tenth to all of it.
    pub(crate) fn share(&self, now: Instant, slow_start: Duration) -> f64 {
        let Some(since) = self.state().warms_since else {
            return 1.0;
        };
        let warmed = now.saturating_duration_since(since).as_secs_f64() / slow_start.as_secs_f64();
        warmed.clamp(COLDEST, 1.0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often one duration holds another.
fn times(long: Duration, one: Duration) -> u32 {
    let times = long.as_nanos().checked_div(one.as_nanos()).unwrap_or(0);
    u32::try_from(times).unwrap_or(u32::MAX)
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
            record.succeeded();
        }
        assert!(fails(&record, now, &conf));
    }

    #[test]
    fn what_fails_while_it_is_left_out_does_not_count() {
        let (record, conf) = (Record::default(), Outliers::default());
        let now = Instant::now();
        let back = now + record.eject(now, &conf);
        for _ in 0..100 {
            assert!(!record.failed(now, &conf));
        }
        assert!(fails(&record, back, &conf), "it begins anew");
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
    fn what_was_is_forgiven_in_the_time_that_it_took() {
        let (record, conf) = (Record::default(), Outliers::default());
        let eject = conf.eject.get();
        let mut now = Instant::now();
        for _ in 0..4 {
            now += record.eject(now, &conf);
        }
        now += eject * 2;
        let long = record.eject(now, &conf);
        assert_eq!(long, eject * 3, "two of four are forgiven");
        now += long + eject * 100;
        assert_eq!(record.eject(now, &conf), eject, "all of them are");
    }

    #[test]
    fn it_is_noted_once_that_it_is_back() {
        let (record, conf) = (Record::default(), Outliers::default());
        let now = Instant::now();
        assert!(!record.is_back(now), "it was never away");
        let back = now + record.eject(now, &conf);
        assert!(!record.is_back(back - SECOND));
        assert!(record.is_back(back));
        assert!(!record.is_back(back));
    }

    #[test]
    fn one_that_comes_back_warms_up() {
        let (record, conf) = (Record::default(), Outliers::default());
        let now = Instant::now();
        let share = |then| record.share(then, 10 * SECOND);
        assert_eq!(share(now), 1.0, "it was there from the start");
        let back = now + record.eject(now, &conf);
        record.begin(now);
        for (seconds, expected) in [(0, 0.1), (5, 0.5), (10, 1.0), (99, 1.0)] {
            let found = share(back + SECOND * seconds);
            assert!((found - expected).abs() < 1e-9, "{seconds}: {found}");
        }
    }
}
