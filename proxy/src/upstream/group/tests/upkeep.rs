//! How a group stays up to date: names, health, and the end of its tasks. The health checks ask real listeners.

use std::io::{self, Write};
use std::sync::Mutex;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use towpath_conf::HostPort;

use super::super::super::discovery::tests::Scripted;
use super::*;

/// For what happens by itself, and soon.
const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test(start_paused = true)]
async fn names_are_resolved_again() {
    let resolver = Arc::new(Scripted::default());
    let upstreams = Upstreams::with_resolver(resolver.clone());
    let group = group(&upstreams, "{ servers: ['app:80'], resolve: 10s }").await;
    assert_eq!(refused(&group), Some(NoServer::Unresolved));
    resolver.answer(&["127.0.0.1:80"]);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(choose(&group).address().port(), 80);
}

/// A resolver whose servers do not answer.
struct DeadDns;

#[async_trait]
impl Resolve for DeadDns {
    async fn resolve(&self, _: &HostPort) -> io::Result<Vec<SocketAddr>> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_without_an_answer_keeps_no_other_server_back() {
    let upstreams = Upstreams::with_resolver(Arc::new(DeadDns));
    let group = group(&upstreams, "{ servers: ['app:80', '127.0.0.1:1'] }").await;
    assert_eq!(choose(&group).address().port(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dead_dns_does_not_hold_up_a_start_for_ever() {
    let upstreams = Upstreams::with_resolver(Arc::new(DeadDns));
    let group = upstreams
        .group("app", &upstream("{ servers: ['app:80'] }"))
        .unwrap();
    timeout(FIRST_RESOLUTION + Duration::from_secs(1), group.ready())
        .await
        .expect("still waiting for DNS");
    assert_eq!(refused(&group), Some(NoServer::Unresolved));
}

#[tokio::test]
async fn a_reload_while_dns_is_down_keeps_the_addresses() {
    let resolver = Arc::new(Scripted::default());
    let upstreams = Upstreams::with_resolver(resolver.clone());
    resolver.answer(&["127.0.0.1:80"]);
    let _before = group(&upstreams, "{ servers: ['app:80'] }").await;
    resolver.answer(&[]);
    let after = group(&upstreams, "{ servers: ['app:80', 'new:80'] }").await;
    assert_eq!(choose(&after).address().port(), 80);
}

#[tokio::test]
async fn a_groups_tasks_end_with_it() {
    let upstreams = Upstreams::with_resolver(Arc::new(DeadDns));
    let conf = upstream("{ servers: ['app:80', '127.0.0.1:1'], health: {} }");
    let group = upstreams.group("app", &conf).unwrap();
    let (balancer, checks) = (
        Arc::downgrade(&group.balancer),
        Arc::downgrade(group._checks.as_ref().unwrap()),
    );
    drop(group);
    let ended = async {
        while balancer.strong_count() + checks.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, ended).await.expect("a task lives on");
}

#[tokio::test]
async fn an_http_check_takes_a_server_out_and_back() {
    let (status, asked) = watch::channel(200);
    let address = server(asked).await;
    let health = "{ path: /health, interval: 10ms, timeout: 5s, unhealthy: 2, healthy: 2 }";
    let servers = format!("{{ servers: ['{address}'], health: {health} }}");
    let group = group(&Upstreams::new(), &servers).await;
    status.send_replace(500);
    until(&group, Some(NoServer::Unhealthy)).await;
    status.send_replace(204);
    until(&group, None).await;
}

#[tokio::test]
async fn an_unhealthy_server_leaves_the_requests_to_the_others() {
    let (_status, asked) = watch::channel(200);
    let (well, ill) = (server(asked).await, refusing().await);
    let servers = format!("{{ servers: ['{ill}', '{well}'], health: {{ interval: 10ms }} }}");
    let group = group(&Upstreams::new(), &servers).await;
    let out = async {
        while !(0..4).all(|_| choose(&group).address() == well) {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, out).await.expect("still chosen");
    let mut tried = Tried::default();
    tried.add(well);
    assert_eq!(group.choose(&key(), &tried).err(), Some(NoServer::Tried));
}

#[tokio::test]
async fn a_reload_does_not_forget_who_is_unhealthy() {
    let servers = format!(
        "{{ servers: ['{}'], health: {{ interval: 10ms }} }}",
        refusing().await
    );
    let upstreams = Upstreams::new();
    let before = group(&upstreams, &servers).await;
    until(&before, Some(NoServer::Unhealthy)).await;
    // Asked at once, before a check of its own could have failed twice.
    let after = upstreams.group("app", &upstream(&servers)).unwrap();
    after.ready().await;
    assert_eq!(refused(&after), Some(NoServer::Unhealthy));
    assert!(Arc::ptr_eq(
        before._checks.as_ref().unwrap(),
        after._checks.as_ref().unwrap()
    ));
}

#[tokio::test]
async fn other_settings_are_other_checks() {
    let servers = |interval: &str| {
        format!("{{ servers: ['127.0.0.1:1'], health: {{ interval: {interval} }} }}")
    };
    let upstreams = Upstreams::new();
    let before = group(&upstreams, &servers("5s")).await;
    let after = group(&upstreams, &servers("6s")).await;
    assert!(!Arc::ptr_eq(
        before._checks.as_ref().unwrap(),
        after._checks.as_ref().unwrap()
    ));
}

#[tokio::test]
async fn the_log_says_once_why_a_server_is_unhealthy() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (_status, asked) = watch::channel(503);
    let address = server(asked).await;
    let health = "{ path: /health, interval: 10ms, timeout: 5s }";
    let servers = format!("{{ servers: ['{address}'], health: {health} }}");
    let group = group(&Upstreams::new(), &servers).await;
    until(&group, Some(NoServer::Unhealthy)).await;
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.contains("server is unhealthy"))
        .collect();
    assert_eq!(lines.len(), 1, "{text}");
    let line = lines.first().unwrap();
    for part in ["app", &address.to_string(), "503"] {
        assert!(line.contains(part), "{part} in {line}");
    }
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn refused(group: &Group) -> Option<NoServer> {
    group.choose(&key(), &Tried::default()).err()
}

async fn until(group: &Group, expected: Option<NoServer>) {
    let reached = async {
        while refused(group) != expected {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, reached)
        .await
        .expect("the state was not reached");
}

/// An address where nobody listens.
async fn refusing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// A server whose `/health` answers what a test sets.
async fn server(status: watch::Receiver<u16>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 1024];
            let len = stream.read(&mut head).await.unwrap_or(0);
            let asked = String::from_utf8_lossy(head.get(..len).unwrap_or_default()).into_owned();
            let status = if asked.starts_with("GET /health HTTP/1.1") {
                *status.borrow()
            } else {
                400
            };
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}
