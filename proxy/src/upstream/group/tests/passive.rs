//! What a group makes of servers that fail, of new ones, and of clients that belong to one.

use http::header;

use super::*;

const FAILURES: u32 = 3;

fn two(more: &str) -> String {
    let outliers = format!("outliers: {{ failures: {FAILURES}, eject: 10s, max_ejected: 100 }}");
    format!("{{ servers: ['127.0.0.1:1', '127.0.0.1:2'], {outliers}, {more} }}")
}

/// The server on a port fails until it is left out.
fn fail(group: &Group, now: Instant, port: u16) {
    let endpoint = of(group, port);
    for _ in 0..FAILURES {
        group.answered_at(now, &endpoint, None);
    }
    assert!(endpoint.record().is_ejected(now), "{port} is not left out");
}

fn of(group: &Group, port: u16) -> Arc<Endpoint> {
    let mut found = None;
    group.balancer.find(&mut |backend, _| {
        let of_port = endpoint(backend).filter(|it| it.address().port() == port);
        found = of_port.cloned();
        found.is_some()
    });
    found.unwrap()
}

/// How often each port is chosen at a moment.
fn chosen(group: &Group, now: Instant, key: &HashKey<'_>) -> HashMap<u16, usize> {
    ports((0..100).map(|_| group.choose_at(now, key, &Tried::default())))
}

fn cookie_of(group: &Group, port: u16) -> HashKey<'static> {
    let lease = of(group, port).lease();
    let told = group.tell(&lease, &HeaderMap::new(), false).unwrap();
    let pair = told.to_str().unwrap().split(';').next().unwrap().to_owned();
    let headers = HeaderMap::from_iter([(header::COOKIE, pair.parse().unwrap())]);
    let client = IpAddr::from([10, 0, 0, 1]);
    let key = group.key(&HashOn::default(), client, &headers, "");
    assert!(matches!(key, HashKey::Sticky { .. }));
    key.into_owned()
}

#[tokio::test]
async fn a_failing_server_is_left_out_and_comes_back() {
    let group = group(&Upstreams::new(), &two("slow_start: off")).await;
    let now = Instant::now();
    fail(&group, now, 1);
    assert_eq!(chosen(&group, now, &key()), HashMap::from([(2, 100)]));
    assert_eq!(group.counts.ejections.get(), 1);
    let back = now + Duration::from_secs(10);
    assert_eq!(
        chosen(&group, back, &key()),
        HashMap::from([(1, 50), (2, 50)])
    );
}

#[tokio::test]
async fn the_last_one_is_not_left_out() {
    let group = group(&Upstreams::new(), &two("slow_start: off")).await;
    let now = Instant::now();
    fail(&group, now, 1);
    for _ in 0..100 {
        group.answered_at(now, &of(&group, 2), None);
    }
    assert_eq!(chosen(&group, now, &key()), HashMap::from([(2, 100)]));
}

#[tokio::test]
async fn other_upstreams_form_their_own_opinion() {
    let upstreams = Upstreams::new();
    let failing = group(&upstreams, &two("slow_start: off")).await;
    let conf = upstream(&two("slow_start: off"));
    let other = upstreams.group("other", &conf).unwrap();
    other.ready().await;
    let now = Instant::now();
    fail(&failing, now, 1);
    assert_eq!(
        chosen(&other, now, &key()),
        HashMap::from([(1, 50), (2, 50)])
    );
}

#[tokio::test]
async fn where_outliers_are_off_nobody_is_left_out() {
    let upstreams = Upstreams::new();
    let on = group(&upstreams, &two("slow_start: off")).await;
    let now = Instant::now();
    fail(&on, now, 1);
    // As after a reload: the record is the same one.
    let off = group(
        &upstreams,
        "{ servers: ['127.0.0.1:1', '127.0.0.1:2'], outliers: off }",
    )
    .await;
    assert_eq!(chosen(&off, now, &key()), HashMap::from([(1, 50), (2, 50)]));
}

#[tokio::test]
async fn a_new_server_gets_a_growing_share() {
    let group = group(&Upstreams::new(), &two("slow_start: 100s")).await;
    let now = Instant::now();
    of(&group, 1).record().begin(now);
    let shares = [0, 50, 100].map(|seconds| {
        let chosen = chosen(&group, now + Duration::from_secs(seconds), &key());
        chosen.get(&1).copied().unwrap_or_default()
    });
    // Of 50 turns, it takes about 5, 25 and all.
    assert!(shares.is_sorted() && shares[0] < 20, "{shares:?}");
    assert_eq!(shares[2], 50, "{shares:?}");
}

#[tokio::test]
async fn a_client_of_a_server_that_warms_up_stays_there() {
    let group = group(&Upstreams::new(), &two("slow_start: 100s, sticky: on")).await;
    let now = Instant::now();
    of(&group, 1).record().begin(now);
    let key = cookie_of(&group, 1);
    assert_eq!(chosen(&group, now, &key), HashMap::from([(1, 100)]));
}

#[tokio::test]
async fn one_that_warms_up_is_better_than_one_that_is_left_out() {
    let group = group(&Upstreams::new(), &two("slow_start: 100s")).await;
    let now = Instant::now();
    fail(&group, now, 1);
    of(&group, 2).record().begin(now);
    assert_eq!(chosen(&group, now, &key()), HashMap::from([(2, 100)]));
}

#[tokio::test]
async fn a_retry_is_paid_for_only_where_there_is_another_server() {
    let retries = "retries: { percent: 0, per_second: 1 }, slow_start: off";
    let group = group(&Upstreams::new(), &two(retries)).await;
    let now = Instant::now();
    let mut tried = Tried::default();
    tried.add("127.0.0.1:1".parse().unwrap());
    let mut all = tried.clone();
    all.add("127.0.0.1:2".parse().unwrap());
    let choose = |tried| {
        group
            .choose_at(now, &key(), tried)
            .map(|lease| lease.address().port())
    };
    for _ in 0..20 {
        assert_eq!(choose(&all), Err(NoServer::Tried));
    }
    for _ in 0..10 {
        assert_eq!(choose(&tried), Ok(2));
    }
    assert_eq!(choose(&tried), Err(NoServer::Spent));
    assert_eq!(
        (
            group.counts.retries.get(),
            group.counts.retries_refused.get()
        ),
        (10, 1)
    );
}
