//! Processes that outlive whoever has started them. Their exit codes are for their parent, and whoever adopts orphans is
//! one.

use rustix::process::{
    Pid, Resource, WaitOptions, getpid, getrlimit, set_child_subreaper, setrlimit, waitpid,
};
use tokio::sync::oneshot;

use crate::{within, within_each};

/// From now on, orphans of this process' children are its own children.
pub fn adopt_orphans() {
    set_child_subreaper(Some(getpid())).unwrap();
}

/// Waits for the end of an orphan that was adopted, after so many `events` of which nothing is heard, and gives its exit
/// code; `None`: a signal has ended it.
pub async fn orphan_exit_code(pid: Pid, events: u32) -> Option<i32> {
    let (ended, told) = oneshot::channel();
    std::thread::spawn(move || {
        let status = waitpid(Some(pid), WaitOptions::empty());
        // Nobody waits any more once its test has failed.
        let _ = ended.send(status);
    });
    let status = within_each(events, format!("the process {pid:?} ends"), told).await;
    let (_, status) = status.unwrap().unwrap().expect("it has ended");
    status.exit_status()
}

/// Whether a process runs: not one that has ended, and for which nobody has waited yet.
pub fn is_alive(pid: Pid) -> bool {
    let status = format!("/proc/{}/status", pid.as_raw_nonzero());
    let status = std::fs::read_to_string(status);
    status.is_ok_and(|status| !status.lines().any(|line| line.starts_with("State:\tZ")))
}

/// Waits until a process has ended, whoever's child it is.
pub async fn process_ends(pid: Pid) {
    let ended = async {
        while is_alive(pid) {
            tokio::task::yield_now().await;
        }
    };
    within(format!("the process {pid:?} ends"), ended).await;
}

/// Lets this process open as many files as it may: most shells allow 1024.
pub fn allow_many_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}
