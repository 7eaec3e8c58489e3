//! What the load tools share: reading a process's cost from `/proc`, and percentiles.

pub mod client;
pub mod engine_io;
pub mod http;
pub mod native;
pub mod sockjs;

use std::io;
use std::time::Duration;

/// What a process has cost so far (Linux only).
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// User and system time.
    pub cpu: Duration,
    /// Resident memory in bytes.
    pub resident: u64,
}

impl Cost {
    /// Reads the cost of process `pid`.
    ///
    /// # Errors
    /// If there is no such process, or `/proc` is not as proc(5) says.
    pub fn of(pid: u32) -> io::Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The command's name may hold anything but stands in parentheses; the fields after it are numbered from 3.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let number = |at: usize| {
            fields
                .split_whitespace()
                .nth(at - 3)
                .and_then(|n| n.parse::<u64>().ok())
        };
        let ticks = number(14)
            .zip(number(15))
            .map(|(user, system)| user + system);
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let resident = status.lines().find_map(|line| {
            line.strip_prefix("VmRSS:")?
                .trim()
                .strip_suffix(" kB")?
                .parse::<u64>()
                .ok()
        });
        match ticks.zip(resident) {
            // USER_HZ is 100 on every Linux that Rust runs on.
            Some((ticks, kib)) => Ok(Self {
                cpu: Duration::from_millis(ticks * 10),
                resident: kib * 1024,
            }),
            None => Err(io::Error::other(format!(
                "cannot read the cost of process {pid}"
            ))),
        }
    }
}

/// The value below which `percent` of the samples lie. Sorts them.
pub fn percentile(samples: &mut [Duration], percent: usize) -> Duration {
    samples.sort_unstable();
    let at = (samples.len() * percent / 100).min(samples.len().saturating_sub(1));
    samples.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used)]
    use super::*;

    #[test]
    fn this_process_has_cost_memory() {
        let cost = Cost::of(std::process::id()).expect("reading /proc");
        assert!(
            cost.resident > 0,
            "resident memory of this process is {}",
            cost.resident
        );
    }

    #[test]
    fn a_percentile_of_a_hundred_samples() {
        let mut samples: Vec<_> = (0..100).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&mut samples, 50), Duration::from_millis(50));
        assert_eq!(percentile(&mut samples, 99), Duration::from_millis(99));
        assert_eq!(percentile(&mut [], 50), Duration::ZERO);
    }
}
