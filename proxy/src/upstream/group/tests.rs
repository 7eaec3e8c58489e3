//! Groups over addresses where nobody listens, except for the health checks, which ask real listeners.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashMap;
use std::net::IpAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::super::dial::{DialAnyError, dial_any};
use super::super::discovery::tests::Scripted;
use super::*;

fn upstream(yaml: &str) -> Upstream {
    let text = format!("upstreams:\n  app: {yaml}\nroutes:\n  - upstream: app\n");
    let config = towpath_conf::Config::from_text("test.yaml", &text).unwrap();
    config.upstreams.get("app").unwrap().clone()
}

async fn group(upstreams: &Upstreams, yaml: &str) -> Arc<Group> {
    let group = upstreams.group("app", &upstream(yaml));
    group.ready().await;
    group
}

fn key() -> HashKey<'static> {
    HashKey::Value(b"key")
}

/// How often each port is chosen.
fn ports(choices: impl IntoIterator<Item = Result<Lease, NoServer>>) -> HashMap<u16, usize> {
    let mut counts = HashMap::new();
    for lease in choices {
        *counts.entry(lease.unwrap().address().port()).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn round_robin_follows_the_weights() {
    let servers = "{ servers: ['127.0.0.1:1', { address: '127.0.0.1:2', weight: 3 }] }";
    let group = group(&Upstreams::new(), servers).await;
    let counts = ports((0..400).map(|_| group.choose(&key(), &Tried::default())));
    assert_eq!(counts, HashMap::from([(1, 100), (2, 300)]));
}

#[tokio::test]
async fn random_reaches_all() {
    let servers = "{ servers: ['127.0.0.1:1', '127.0.0.1:2'], balance: random }";
    let group = group(&Upstreams::new(), servers).await;
    assert_eq!(
        ports((0..200).map(|_| group.choose(&key(), &Tried::default()))).len(),
        2
    );
}

#[tokio::test]
async fn least_connections_counts_what_lives_also_after_a_reload() {
    let servers = "{ servers: ['127.0.0.1:1', { address: '127.0.0.1:2', weight: 2 }], balance: least_connections }";
    let upstreams = Upstreams::new();
    let before = group(&upstreams, servers).await;
    let mut leases: Vec<_> = (0..6)
        .map(|_| before.choose(&key(), &Tried::default()))
        .collect();
    assert_eq!(ports(leases.drain(..0)), HashMap::new());
    let live = |leases: &[Result<Lease, NoServer>], port| {
        leases
            .iter()
            .flatten()
            .filter(|lease| lease.address().port() == port)
            .count()
    };
    assert_eq!(
        (live(&leases, 1), live(&leases, 2)),
        (2, 4),
        "in the ratio of the weights"
    );
    let after = group(&upstreams, servers).await;
    drop(before);
    leases.retain(|lease| {
        lease
            .as_ref()
            .is_ok_and(|lease| lease.address().port() == 2)
    });
    for _ in 0..2 {
        let next = after.choose(&key(), &Tried::default());
        assert_eq!(
            next.as_ref().unwrap().address().port(),
            1,
            "the new group knows of the old one's tunnels"
        );
        leases.push(next);
    }
}

#[tokio::test]
async fn a_hash_stays_where_it_was_when_another_server_leaves() {
    let all = "['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3', '127.0.0.1:4', '127.0.0.1:5']";
    let four = "['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3', '127.0.0.1:4']";
    let upstreams = Upstreams::new();
    let before = group(&upstreams, &format!("{{ servers: {all}, balance: hash }}")).await;
    let after = group(&upstreams, &format!("{{ servers: {four}, balance: hash }}")).await;
    let place = |group: &Group, n: u8| {
        let key = HashKey::Address(IpAddr::from([10, 0, 0, n]));
        group
            .choose(&key, &Tried::default())
            .unwrap()
            .address()
            .port()
    };
    for n in 0..=255 {
        let (was, is) = (place(&before, n), place(&after, n));
        assert!(was == is || was == 5, "10.0.0.{n} moved from {was} to {is}");
    }
}

#[tokio::test]
async fn what_was_tried_is_not_chosen_again() {
    let group = group(
        &Upstreams::new(),
        "{ servers: ['127.0.0.1:1', '127.0.0.1:2'] }",
    )
    .await;
    let mut tried = Tried::default();
    tried.add("127.0.0.1:1".parse().unwrap());
    assert_eq!(group.choose(&key(), &tried).unwrap().address().port(), 2);
    tried.add("127.0.0.1:2".parse().unwrap());
    assert_eq!(group.choose(&key(), &tried).unwrap_err(), NoServer::Tried);
}

#[tokio::test(start_paused = true)]
async fn names_are_resolved_again() {
    let resolver = Arc::new(Scripted::default());
    let upstreams = Upstreams::with_resolver(resolver.clone());
    let group = group(&upstreams, "{ servers: ['app:80'], resolve: 10s }").await;
    assert_eq!(
        group.choose(&key(), &Tried::default()).unwrap_err(),
        NoServer::Unresolved
    );
    resolver.answer(&["127.0.0.1:80"]);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(
        group
            .choose(&key(), &Tried::default())
            .unwrap()
            .address()
            .port(),
        80
    );
}

#[tokio::test]
async fn a_groups_task_ends_with_the_group() {
    let group = group(
        &Upstreams::new(),
        "{ servers: ['127.0.0.1:1'], health: {} }",
    )
    .await;
    let balancer = Arc::downgrade(&group.balancer);
    drop(group);
    while balancer.strong_count() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_server_that_refuses_is_skipped() {
    let live = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (live, dead) = (live.local_addr().unwrap(), (live, refusing().await));
    let servers = format!("{{ servers: ['{}', '{live}'] }}", dead.1);
    let group = group(&Upstreams::new(), &servers).await;
    for _ in 0..4 {
        let (_, lease) = dial_any(&group, &key(), Duration::from_secs(5))
            .await
            .unwrap();
        assert_eq!(lease.address(), live);
    }
}

#[tokio::test]
async fn a_group_that_refuses_altogether_is_unreachable() {
    let servers = format!("{{ servers: ['{}'] }}", refusing().await);
    let group = group(&Upstreams::new(), &servers).await;
    let error = dial_any(&group, &key(), Duration::from_secs(5)).await.err();
    assert_eq!(error, Some(DialAnyError::Unreachable));
}

/// An address where nobody listens.
async fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
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

async fn until(group: &Group, expected: Option<NoServer>) {
    let reached = async {
        while group.choose(&key(), &Tried::default()).err() != expected {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(30), reached)
        .await
        .expect("the state was not reached");
}

#[tokio::test]
async fn an_http_check_takes_a_server_out_and_back() {
    let (status, asked) = watch::channel(200);
    let address = server(asked).await;
    let health = "{ path: /health, interval: 10ms, timeout: 5s, unhealthy: 2, healthy: 2 }";
    let group = group(
        &Upstreams::new(),
        &format!("{{ servers: ['{address}'], health: {health} }}"),
    )
    .await;
    until(&group, None).await;
    status.send_replace(500);
    until(&group, Some(NoServer::Unhealthy)).await;
    status.send_replace(204);
    until(&group, None).await;
}

#[tokio::test]
async fn a_tcp_check_notices_that_nobody_listens() {
    let servers = format!(
        "{{ servers: ['{}'], health: {{ interval: 10ms }} }}",
        refusing().await
    );
    let group = group(&Upstreams::new(), &servers).await;
    until(&group, Some(NoServer::Unhealthy)).await;
}
