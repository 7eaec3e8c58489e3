//! Three upgrades in a row under load: four generations, each with tunnels and sessions of its own, while others come and
//! go all the time. Nobody is refused, nothing is lost, and each process ends when its last client has gone.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use harness::{
    HttpBackend, Signal, Towpath, adopt_orphans, allow_many_files, orphan_exit_code, within_each,
};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};

use super::backend::{ANSWERS, Counting};
use super::talkers::{Kind, TRIES, Talker};
use super::{Successor, upgrade};

/// Clients of each kind that come to each of the four processes: 200 tunnels and 200 sessions in all.
const CLIENTS: [(Kind, usize); 4] = [
    (Kind::Tunnel, 50),
    (Kind::Native, 30),
    (Kind::SockJs, 10),
    (Kind::EngineIo, 10),
];

/// Each says something so often, if all goes well, and not all at once.
const PACE: Duration = Duration::from_secs(3);

/// How many come and go at one time, and how often at least in each generation.
const PASSERS: usize = 2;
const PASSED: u64 = 2;

/// The clients of one generation, which talk until they are told to go.
struct Crowd {
    talking: JoinSet<()>,
    /// How often each has begun to say something, or has heard the last answer to it.
    turns: Vec<watch::Receiver<u64>>,
    over: watch::Sender<bool>,
}

impl Crowd {
    async fn gather(address: SocketAddr, generation: usize) -> Self {
        let kinds = CLIENTS.iter().flat_map(|(kind, count)| vec![*kind; *count]);
        let opening = kinds.enumerate().map(async |(number, kind)| {
            Talker::open(kind, address, &format!("g{generation}n{number}")).await
        });
        let talkers = join_all(opening).await;
        let (over, told) = watch::channel(false);
        let (mut talking, mut turns) = (JoinSet::new(), Vec::new());
        let count = u32::try_from(talkers.len()).unwrap();
        for (talker, number) in talkers.into_iter().zip(0..) {
            let begin = Instant::now() + PACE * number / count;
            let (counted, seen) = watch::channel(0);
            turns.push(seen);
            talking.spawn(talk(talker, begin, counted, told.clone()));
        }
        Self {
            talking,
            turns,
            over,
        }
    }

    /// Waits until each has said and heard something that it has not begun with yet.
    async fn goes_on(&mut self) {
        let whole_turn = |turns: &watch::Receiver<u64>| {
            let turns = *turns.borrow();
            turns + turns % 2 + 2
        };
        let least: Vec<u64> = self.turns.iter().map(whole_turn).collect();
        for (turns, least) in self.turns.iter_mut().zip(least) {
            let further = turns.wait_for(|turns| *turns >= least);
            if within_each(TRIES, "everybody goes on", further)
                .await
                .is_err()
            {
                return self.blame().await;
            }
        }
    }

    /// Tells all to go, and waits until they have.
    async fn leaves(mut self) {
        self.over.send_replace(true);
        while let Some(left) =
            within_each(TRIES, "everybody leaves", self.talking.join_next()).await
        {
            left.unwrap();
        }
    }

    /// One has failed: with its own words.
    async fn blame(&mut self) {
        while let Some(ended) = self.talking.join_next().await {
            ended.unwrap();
        }
    }
}

async fn talk(
    mut talker: Talker,
    begin: Instant,
    turns: watch::Sender<u64>,
    mut over: watch::Receiver<bool>,
) {
    let mut ticks = interval_at(begin, PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut said, mut heard) = (0, 0);
    while !*over.borrow() {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = over.changed() => break,
        }
        turns.send_modify(|turns| *turns += 1);
        talker.say(said).await;
        said += 1;
        for _ in 0..ANSWERS {
            assert_eq!(talker.hear().await, heard);
            heard += 1;
        }
        turns.send_modify(|turns| *turns += 1);
    }
    talker.close().await;
}

/// Those who come, say something, and go.
struct Passers {
    passing: JoinSet<()>,
    passed: watch::Receiver<u64>,
    over: watch::Sender<bool>,
}

impl Passers {
    fn start(address: SocketAddr) -> Self {
        let (over, told) = watch::channel(false);
        let (counted, passed) = watch::channel(0);
        let mut passing = JoinSet::new();
        for number in 0..PASSERS {
            passing.spawn(pass(address, number, counted.clone(), told.clone()));
        }
        Self {
            passing,
            passed,
            over,
        }
    }

    /// Waits until some more have come and gone.
    async fn go_on(&mut self) {
        let least = *self.passed.borrow() + PASSED;
        let passed = async {
            tokio::select! {
                passed = self.passed.wait_for(|passed| *passed >= least) => drop(passed.unwrap()),
                // One has failed: with its own words.
                Some(ended) = self.passing.join_next() => ended.unwrap(),
            }
        };
        within_each(TRIES, "others come and go", passed).await;
    }

    async fn stop(mut self) {
        self.over.send_replace(true);
        while let Some(ended) =
            within_each(TRIES, "others have gone", self.passing.join_next()).await
        {
            ended.unwrap();
        }
    }
}

async fn pass(
    address: SocketAddr,
    passer: usize,
    passed: watch::Sender<u64>,
    over: watch::Receiver<bool>,
) {
    let kinds = [Kind::Tunnel, Kind::Native, Kind::SockJs, Kind::EngineIo];
    let mut ticks = interval(PACE / 20);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for (number, kind) in kinds.iter().cycle().enumerate() {
        if *over.borrow() {
            return;
        }
        ticks.tick().await;
        let mut talker = Talker::open(*kind, address, &format!("p{passer}n{number}")).await;
        talker.say(0).await;
        for heard in 0..ANSWERS {
            assert_eq!(talker.hear().await, heard);
        }
        talker.close().await;
        let (status, _) = harness::HttpClient::connect(address)
            .await
            .get("/plain")
            .await;
        assert_eq!(status, 200);
        passed.send_modify(|passed| *passed += 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_upgrades_in_a_row_cut_nobody_and_lose_nothing() {
    allow_many_files();
    adopt_orphans();
    let (counting, plain) = (Counting::start().await, HttpBackend::named("plain").await);
    let mut first = Towpath::start(&format!(
        "access_log: off\n\
         admin: {{ address: 127.0.0.1:0 }}\n\
         limits: {{ sessions_per_address: off, opens_per_second: off }}\n\
         routes:\n\
         \x20 - {{ path: /plain, upstream: {plain} }}\n\
         \x20 - {{ path: /socket.io, upstream: {counting}, fallback: {{ engine_io: on }} }}\n\
         \x20 - {{ path: /echo, upstream: {counting}, \
                   fallback: {{ sockjs: {{ path: /sockjs, disconnect_delay: 5m }} }} }}",
        plain = plain.address(),
        counting = counting.address()
    ))
    .await;
    let address = first.address();
    let mut passers = Passers::start(address);
    let mut crowds = vec![Crowd::gather(address, 0).await];
    let mut successors: Vec<Successor> = Vec::new();
    loop {
        join_all(crowds.iter_mut().map(Crowd::goes_on)).await;
        passers.go_on().await;
        let successor = match successors.last() {
            None => upgrade(&first).await,
            Some(_) if crowds.len() == 4 => break,
            Some(newest) => newest.upgrade(&first).await,
        };
        successors.push(successor);
        crowds.push(Crowd::gather(address, successors.len()).await);
    }
    assert!(first.is_alive() && successors.iter().all(Successor::is_alive));
    assert_eq!(first.seen("/api/status").await["predecessors"], 3);
    let upgrades = first.metric("towpath_upgrades_total{result=\"success\"}");
    assert_eq!(upgrades.await, 3.0);

    // The oldest first: it is the parent of the next.
    let mut crowds = crowds.into_iter();
    crowds.next().unwrap().leaves().await;
    assert_eq!(first.exit_code_after(TRIES).await, Some(0), "of the first");
    let mut crowds: Vec<_> = crowds.collect();
    for successor in &successors {
        crowds.remove(0).leaves().await;
        if crowds.is_empty() {
            // The last would go on.
            passers.stop().await;
            assert!(successor.is_alive());
            successor.signal(Signal::TERM);
            assert_eq!(
                orphan_exit_code(successor.0, TRIES).await,
                Some(0),
                "of the last"
            );
            break;
        }
        assert_eq!(
            orphan_exit_code(successor.0, TRIES).await,
            Some(0),
            "of the next"
        );
    }
    assert_eq!(counting.faults(), Vec::<String>::new());
}
