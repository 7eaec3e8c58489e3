//! New processes that come to nothing, and orders that come at the wrong time: the old process goes on, and says why.

use harness::fallback::FallbackClient;
use harness::{
    NOBODY, Program, Signal, Towpath, TungstenitePeer, closed, echo, is_alive, process_ends, run,
};
use rustix::process::Pid;

use super::{NOT_UPGRADED, upgrade};

const ADMIN: &str = "admin: { address: 127.0.0.1:0 }\n";

/// A script that says that it is there, in the log, and then does nothing.
const HANGS: &str =
    "echo \"{\\\"message\\\": \\\"hangs\\\", \\\"pid\\\": $$}\" >&2; exec sleep 600";

/// The process that has said so.
async fn hanging(towpath: &Towpath) -> Pid {
    let event = towpath.wait_log("hangs").await;
    Pid::from_raw(event["pid"].as_i64().unwrap().try_into().unwrap()).unwrap()
}

#[tokio::test]
async fn a_program_that_is_no_use_changes_nothing() {
    let peer = TungstenitePeer::start().await;
    let program = Program::towpath();
    let config = |ready: &str| {
        format!(
            "{ADMIN}upgrade: {{ ready: {ready} }}\nroutes: [{{ upstream: {} }}]",
            peer.address()
        )
    };
    let mut towpath = Towpath::start_as(&program.path(), &config("2s")).await;
    let mut tunnel = towpath.websocket("/echo").await;
    for (attempt, (script, mode, why)) in [
        ("exit 3", 0o644, "cannot be started: Permission denied"),
        (
            "exit 3",
            0o755,
            "has ended before it was ready: exit status: 3",
        ),
        (HANGS, 0o755, "was not ready within 2s, and was killed"),
    ]
    .into_iter()
    .enumerate()
    {
        program.replace(script, mode);
        let before = towpath.logged(NOT_UPGRADED);
        towpath.signal(Signal::USR2);
        let event = towpath.wait_event(NOT_UPGRADED, |event| !before.contains(event));
        let error = event.await["error"].as_str().unwrap().to_owned();
        assert!(error.contains(why), "{error}");
        assert_eq!(echo(&mut tunnel, "still").await, "still");
        let mut another = towpath.websocket("/echo").await;
        assert_eq!(echo(&mut another, "too").await, "too");
        let failed = towpath.metric("towpath_upgrades_total{result=\"failure\"}");
        assert_eq!(failed.await, attempt as f64 + 1.0);
    }
    process_ends(hanging(&towpath).await).await;
    assert!(towpath.is_alive());

    // What has failed does not stand in the way of what works, and is not forgotten.
    program.restore();
    towpath.reload(&config("1h")).await;
    let _successor = upgrade(&towpath).await;
    let count = async |result: &str| {
        let name = format!("towpath_upgrades_total{{result=\"{result}\"}}");
        towpath.metric(&name).await
    };
    assert_eq!((count("success").await, count("failure").await), (1.0, 3.0));
    assert_eq!(echo(&mut tunnel, "still").await, "still");
}

#[tokio::test]
async fn while_one_is_under_way_another_is_refused_and_a_drain_ends_it() {
    let program = Program::towpath();
    let config = format!("{ADMIN}upgrade: {{ ready: 1h }}\nroutes: [{{ upstream: {NOBODY} }}]");
    let mut towpath = Towpath::start_as(&program.path(), &config).await;
    let admin = towpath.admin().to_string();
    program.replace(HANGS, 0o755);
    towpath.signal(Signal::USR2);
    let successor = hanging(&towpath).await;

    const BUSY: &str = "not now: an upgrade is under way";
    for verb in ["upgrade", "reload"] {
        let (code, _, error) = run(&[verb, "--admin", &admin], "").await;
        assert_eq!(code, Some(1), "{verb}");
        assert!(error.contains(BUSY), "{verb}: {error}");
    }
    towpath.signal(Signal::USR2);
    towpath.wait_log(BUSY).await;
    assert!(is_alive(successor));

    towpath.signal(Signal::TERM);
    assert_eq!(towpath.exit_code().await, Some(0));
    process_ends(successor).await;
}

#[tokio::test]
async fn who_drains_is_not_followed_by_anybody() {
    let peer = TungstenitePeer::start().await;
    let mut towpath = Towpath::start(&format!(
        "{ADMIN}drain: {{ spread: 1h, timeout: 2h }}\nroutes: [{{ upstream: {} }}]",
        peer.address()
    ))
    .await;
    let admin = towpath.admin().to_string();
    let mut tunnel = towpath.websocket("/echo").await;
    let verb = async |verb: &str| run(&[verb, "--admin", &admin], "").await;
    assert_eq!(verb("drain").await.0, Some(0));
    towpath.wait_log("draining").await;

    for word in ["upgrade", "reload"] {
        let (code, _, error) = verb(word).await;
        assert_eq!(code, Some(1), "{word}");
        assert!(error.contains("the server is draining"), "{word}: {error}");
    }
    assert_eq!(verb("drain").await.0, Some(0), "it does so already");
    towpath.signal(Signal::USR2);
    towpath.wait_log("not upgraded: draining").await;
    assert_eq!(echo(&mut tunnel, "still").await, "still");
    assert!(towpath.is_alive());
}

/// An old process that has kept its clients for long enough tells them to go, as in any drain.
#[tokio::test]
async fn after_its_time_the_old_process_drains() {
    let peer = TungstenitePeer::start().await;
    let mut towpath = Towpath::start(&format!(
        "upgrade: {{ timeout: 0s }}\ndrain: {{ spread: 0s, timeout: 1h }}\n\
         routes: [{{ upstream: {} }}]",
        peer.address()
    ))
    .await;
    let tunnel = towpath.websocket("/echo").await;
    let session = FallbackClient::open(towpath.address(), "/echo").await;
    let _successor = upgrade(&towpath).await;
    assert_eq!(closed(tunnel).await, (1001, "draining".to_owned()));
    let ended = session.ended().await;
    assert_eq!((ended.code, &*ended.reason), (1012, "service restart"));
    assert_eq!(towpath.exit_code().await, Some(0));
    towpath.wait_log("upgrade.timeout is over").await;
}
