//! How a group chooses, over addresses where nobody listens.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashMap;
use std::net::IpAddr;

use super::super::discovery::endpoint;
use super::super::endpoint::Endpoint;
use super::*;

mod passive;
mod upkeep;

fn upstream(yaml: &str) -> Upstream {
    let text = format!("upstreams:\n  app: {yaml}\nroutes:\n  - upstream: app\n");
    let config = towpath_conf::Config::from_text("test.yaml", &text).unwrap();
    config.upstreams.get("app").unwrap().clone()
}

pub(crate) async fn group(upstreams: &Upstreams, yaml: &str) -> Arc<Group> {
    let group = upstreams.group("app", &upstream(yaml)).unwrap();
    group.ready().await;
    group
}

pub(crate) fn key() -> HashKey<'static> {
    HashKey::Value(Cow::Borrowed(b"key"))
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
async fn random_follows_the_weights() {
    let servers =
        "{ servers: ['127.0.0.1:1', { address: '127.0.0.1:2', weight: 9 }], balance: random }";
    let group = group(&Upstreams::new(), servers).await;
    let counts = ports((0..1000).map(|_| group.choose(&key(), &Tried::default())));
    // About 100 are expected, give or take 10; without weights it would be 500.
    let share = counts.get(&1).copied().unwrap_or_default();
    assert!(
        (20..250).contains(&share),
        "{share} of 1000 to a tenth of the weight"
    );
}

#[tokio::test]
async fn least_connections_fills_up_in_the_ratio_of_the_weights() {
    let group = group(&Upstreams::new(), LEAST).await;
    let leases: Vec<_> = (0..6).map(|_| choose(&group)).collect();
    assert_eq!((on(&leases, 1), on(&leases, 2)), (2, 4));
}

#[tokio::test]
async fn least_connections_takes_equals_in_turn() {
    let servers = "{ servers: ['127.0.0.1:1', '127.0.0.1:2'], balance: least_connections }";
    let group = group(&Upstreams::new(), servers).await;
    // Each lease is dropped at once, so that both are always idle.
    let counts = ports((0..10).map(|_| Ok(choose(&group))));
    assert_eq!(counts, HashMap::from([(1, 5), (2, 5)]));
}

#[tokio::test]
async fn least_connections_knows_after_a_reload_what_lives_since_before() {
    let upstreams = Upstreams::new();
    let before = group(&upstreams, LEAST).await;
    let mut leases: Vec<_> = (0..6).map(|_| choose(&before)).collect();
    let after = group(&upstreams, LEAST).await;
    drop(before);
    leases.retain(|lease| lease.address().port() == 2);
    leases.extend((0..2).map(|_| choose(&after)));
    assert_eq!((on(&leases, 1), on(&leases, 2)), (2, 4));
}

/// The second takes twice what the first takes.
const LEAST: &str = "{ servers: ['127.0.0.1:1', { address: '127.0.0.1:2', weight: 2 }], balance: least_connections }";

fn choose(group: &Group) -> Lease {
    group.choose(&key(), &Tried::default()).unwrap()
}

fn on(leases: &[Lease], port: u16) -> usize {
    leases
        .iter()
        .filter(|lease| lease.address().port() == port)
        .count()
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
    let mut used = HashMap::new();
    for n in 0..=255 {
        let (was, is) = (place(&before, n), place(&after, n));
        assert!(was == is || was == 5, "10.0.0.{n} moved from {was} to {is}");
        assert_eq!(was, place(&before, n), "10.0.0.{n} has no fixed place");
        *used.entry(was).or_insert(0) += 1;
    }
    assert_eq!(used.len(), 5, "every server has its keys: {used:?}");
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

const RETRIES: &str = "retries: { per_second: 1000 }";

/// Servers on the ports from 1 to `last`.
fn servers(last: u16) -> String {
    let addresses: Vec<_> = (1..=last)
        .map(|port| format!("'127.0.0.1:{port}'"))
        .collect();
    format!("[{}]", addresses.join(", "))
}

/// Whether the server on `last` is found for each of many keys once the others were tried.
async fn last_is_always_found(upstream: &str, last: u16) {
    let group = group(&Upstreams::new(), upstream).await;
    let mut tried = Tried::default();
    (1..last).for_each(|port| tried.add(SocketAddr::from(([127, 0, 0, 1], port))));
    for n in 0..500_u16 {
        let chosen = group.choose(&HashKey::Value(n.to_be_bytes().to_vec().into()), &tried);
        let port = chosen.as_ref().map(|lease| lease.address().port());
        assert_eq!(port, Ok(last), "key {n} of {upstream}");
    }
}

#[tokio::test]
async fn the_last_of_many_is_found() {
    for balance in ["round_robin", "random", "least_connections", "hash"] {
        let upstream = format!(
            "{{ servers: {}, balance: {balance}, {RETRIES} }}",
            servers(300)
        );
        last_is_always_found(&upstream, 300).await;
    }
}

#[tokio::test]
async fn the_last_is_found_behind_a_heavy_neighbour_on_the_ring() {
    let heavy = "{ address: '127.0.0.1:1', weight: 256 }";
    let upstream = format!("{{ servers: [{heavy}, '127.0.0.1:2'], balance: hash, {RETRIES} }}");
    last_is_always_found(&upstream, 2).await;
}
