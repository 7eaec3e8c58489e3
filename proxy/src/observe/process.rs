//! What the system says of this process, in `/proc/self`; all 0 where it says nothing.

use std::fs;

/// Of `/proc/self/stat`; the kernel's interface has had this value on every architecture for decades.
const TICKS_PER_SECOND: f64 = 100.0;

/// What it says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Process {
    /// Processor time, in seconds.
    pub(super) cpu: f64,
    /// Resident memory, in bytes.
    pub(super) resident: usize,
    /// Descriptors that are open.
    pub(super) files: usize,
    /// Descriptors that may be.
    pub(super) max_files: usize,
}

/// Looks.
pub(super) fn look() -> Process {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let max_files = rlimit::Resource::NOFILE.get_soft().unwrap_or_default();
    Process {
        cpu: cpu(&read("/proc/self/stat")).unwrap_or_default(),
        resident: resident(&read("/proc/self/status")).unwrap_or_default(),
        files: fs::read_dir("/proc/self/fd").map_or(0, Iterator::count),
        max_files: usize::try_from(max_files).unwrap_or(usize::MAX),
    }
}

/// Fields 14 and 15, after the program's name, which may contain anything.
fn cpu(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: Option<Vec<f64>> = ticks.map(|field| field.parse().ok()).collect();
    Some(ticks?.iter().sum::<f64>() / TICKS_PER_SECOND)
}

fn resident(status: &str) -> Option<usize> {
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"))?;
    let kib: usize = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_brackets_is_skipped() {
        let stat = "7 (a) b) S 1 1 1 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 3 0 100";
        assert_eq!(cpu(stat), Some(2.0));
    }

    #[test]
    fn this_process_is_seen() {
        let process = look();
        assert!(process.resident > 1 << 20, "{process:?}");
        assert!(process.files > 2 && process.max_files > 2, "{process:?}");
    }
}
