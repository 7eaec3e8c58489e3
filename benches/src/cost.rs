//! What processes cost: processor time and resident memory, from `/proc` (Linux only).

use std::fs;
use std::io;
use std::time::Duration;

/// What some processes and their children have cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Time on a processor, in user and kernel.
    pub cpu: Duration,
    /// Resident memory in bytes.
    pub resident: u64,
}

impl Cost {
    /// Reads the cost of processes and of all their descendants.
    ///
    /// # Errors
    /// One of `pids` is no process, or `/proc` is not as proc(5) says.
    pub fn of(pids: &[u32]) -> io::Result<Self> {
        let mut sum = Self::default();
        for pid in pids {
            sum.add(*pid)?;
        }
        Ok(sum)
    }

    /// What was added since `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            resident: self.resident.saturating_sub(before.resident),
        }
    }

    fn add(&mut self, pid: u32) -> io::Result<()> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        self.resident += resident(&status)
            .ok_or_else(|| io::Error::other(format!("process {pid} has no resident memory")))?;
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            let thread = thread?.path();
            // A thread may end while we look; what it has cost is lost, and is little.
            let Ok(text) = fs::read_to_string(thread.join("schedstat")) else {
                continue;
            };
            self.cpu += on_processor(&text).unwrap_or_default();
            let children = fs::read_to_string(thread.join("children")).unwrap_or_default();
            for child in children.split_whitespace().filter_map(|it| it.parse().ok()) {
                // So may a child.
                let _ = self.add(child);
            }
        }
        Ok(())
    }
}

/// `VmRSS:     1234 kB`.
fn resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

/// Nanoseconds on a processor, nanoseconds waiting for one, time slices.
fn on_processor(schedstat: &str) -> Option<Duration> {
    let nanoseconds = schedstat.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn this_process_has_cost_both() {
        let mut sum = 0_u64;
        let before = Cost::of(&[std::process::id()]).unwrap();
        assert!(before.resident > 0);
        while Cost::of(&[std::process::id()]).unwrap().cpu == before.cpu {
            sum = sum.wrapping_add(1);
        }
    }

    #[test]
    fn children_are_counted_in() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let alone = Cost::of(&[child.id()]).unwrap().resident;
        let both = Cost::of(&[std::process::id()]).unwrap().resident;
        let own = fs::read_to_string("/proc/self/status").unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(alone > 0);
        assert!(
            both >= resident(&own).unwrap() / 2 + alone,
            "{both} {alone}"
        );
    }

    #[test]
    fn the_fields_of_proc() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t     12 kB\n"), Some(12 * 1024));
        assert_eq!(resident("Name:\tx\n"), None);
        assert_eq!(on_processor("1500 7 3\n"), Some(Duration::from_nanos(1500)));
        assert_eq!(on_processor(""), None);
    }
}
