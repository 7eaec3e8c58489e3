//! A bad network between a client and Towpath: an HTTP/1.1 intermediary that cuts, delays, repeats, reorders and
//! buffers requests, and answers some by itself. What befalls the first request it gets, the second and so on is
//! drawn by a seed, so that a run can be repeated; what happened is counted, so that a test knows that it did.

mod faults;
mod message;
mod passage;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::random::Random;
use faults::Plan;

pub use faults::{Fault, Faults};

/// A running intermediary; it ends, and cuts all off, when this is dropped.
#[derive(Debug)]
pub struct Chaos {
    address: SocketAddr,
    network: Arc<Network>,
    accepting: JoinHandle<()>,
}

/// What all its connections share.
#[derive(Debug)]
struct Network {
    target: SocketAddr,
    faults: Faults,
    state: Mutex<State>,
    /// The number of the latest request that was answered.
    answered: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    random: Random,
    requests: u64,
    happened: BTreeMap<Fault, usize>,
}

impl Chaos {
    /// Listens on a free port and forwards to `target`.
    pub async fn start(target: SocketAddr, faults: Faults, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let network = Arc::new(Network {
            target,
            faults,
            state: Mutex::new(State {
                random: Random::seeded(seed),
                requests: 0,
                happened: BTreeMap::new(),
            }),
            answered: watch::Sender::new(0),
        });
        let accepting = tokio::spawn(accept(listener, network.clone()));
        Self {
            address,
            network,
            accepting,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests it has got.
    pub fn requests(&self) -> u64 {
        self.network.state.lock().unwrap().requests
    }

    /// How often this has happened.
    pub fn count(&self, fault: Fault) -> usize {
        let state = self.network.state.lock().unwrap();
        state.happened.get(&fault).copied().unwrap_or(0)
    }

    /// Each fault that could happen did.
    pub fn all_happened(&self) {
        let missing = self.network.faults.possible();
        let missing: Vec<_> = missing.filter(|fault| self.count(*fault) == 0).collect();
        let state = self.network.state.lock().unwrap();
        assert!(missing.is_empty(), "{missing:?} never happened: {state:?}");
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        self.accepting.abort();
        if std::thread::panicking() {
            eprintln!("--- the network's state\n{:?}", self.network);
        }
    }
}

impl Network {
    /// The next request's number, and what befalls it.
    fn next(&self) -> (u64, Plan) {
        let state = &mut *self.state.lock().unwrap();
        state.requests += 1;
        (state.requests, self.faults.plan(&mut state.random))
    }

    fn happened(&self, fault: Fault) {
        let mut state = self.state.lock().unwrap();
        *state.happened.entry(fault).or_default() += 1;
    }
}

async fn accept(listener: TcpListener, network: Arc<Network>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { return };
                connections.spawn(serve(stream, network.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One request after another, until somebody cuts the connection.
async fn serve(stream: TcpStream, network: Arc<Network>) {
    let Ok(mut client) = message::Connection::new(stream) else {
        return;
    };
    while let Ok(passage::Next::KeptAlive) = passage::pass(&mut client, &network).await {}
}
