//! The tunnels and sessions that there are: what the operator sees of each, and the way to end one.
//! Whoever carries one writes its figures with plain stores, so that looking costs a message nothing.

mod traffic;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::task::AtomicWaker;
use serde::Serialize;

pub(crate) use self::traffic::{Passed, Traffic};
use super::access_log::Opened;

/// What one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A WebSocket that is passed on.
    Tunnel,
    /// A session of the fallback.
    Session,
}

/// What has passed one way so far.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    bytes: AtomicU64,
    messages: AtomicU64,
}

impl Meter {
    /// Says how much it is by now. Its owner alone does.
    pub(crate) fn is_now(&self, bytes: u64, messages: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
        self.messages.store(messages, Ordering::Relaxed);
    }

    fn get(&self) -> Passed {
        Passed {
            bytes: self.bytes.load(Ordering::Relaxed),
            messages: self.messages.load(Ordering::Relaxed),
        }
    }
}

/// One tunnel or session.
#[derive(Debug)]
pub(crate) struct Entry {
    id: u64,
    kind: Kind,
    pub(crate) opened: Opened,
    server: Option<SocketAddr>,
    since: Instant,
    pub(crate) from_client: Meter,
    pub(crate) from_backend: Meter,
    /// Bytes of a tunnel that their receiver does not take now.
    buffered: AtomicUsize,
    /// The code with which the operator ends it; 0: not.
    told: AtomicU16,
    waker: AtomicWaker,
}

impl Entry {
    /// Says how many bytes there are that their receiver does not take. Its owner alone does.
    pub(crate) fn buffers(&self, bytes: usize) {
        self.buffered.store(bytes, Ordering::Relaxed);
    }

    fn buffered(&self) -> usize {
        self.buffered.load(Ordering::Relaxed)
    }

    /// The code with which it is to end, once the operator wants it to; until then, the task is woken for it.
    pub(crate) fn poll_told(&self, cx: &std::task::Context<'_>, register: bool) -> Option<u16> {
        if register {
            self.waker.register(cx.waker());
        }
        match self.told.load(Ordering::Acquire) {
            0 => None,
            code => Some(code),
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Live {
    entries: Mutex<Entries>,
    next: AtomicU64,
}

#[derive(Debug, Default)]
struct Entries {
    /// By id.
    present: HashMap<u64, Arc<Entry>>,
    /// What tunnels that are over have carried, by the names that routes had.
    past: HashMap<String, Traffic>,
}

/// Keeps an entry in the list for as long as it lives.
#[derive(Debug)]
pub(crate) struct Present {
    live: Arc<Live>,
    entry: Arc<Entry>,
}

/// What the operator asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    /// Only this route's.
    pub(crate) route: Option<String>,
    /// Only of this kind.
    pub(crate) kind: Option<Kind>,
    /// Only those in whose client, path or host this stands.
    pub(crate) text: Option<String>,
    /// At most so many.
    pub(crate) limit: usize,
}

/// What the operator sees of one.
#[derive(Debug, Serialize)]
pub(crate) struct Seen {
    id: u64,
    kind: Kind,
    /// Of a session.
    dialect: Option<&'static str>,
    client: String,
    host: String,
    path: String,
    route: String,
    upstream: String,
    server: Option<SocketAddr>,
    age_seconds: u64,
    client_bytes: u64,
    client_messages: u64,
    backend_bytes: u64,
    backend_messages: u64,
    /// What its receiver does not take now; of a tunnel.
    buffered_bytes: usize,
}

impl Live {
    /// Puts one on the list.
    pub(crate) fn enter(
        self: &Arc<Self>,
        kind: Kind,
        opened: Opened,
        server: Option<SocketAddr>,
    ) -> Present {
        let entry = Arc::new(Entry {
            id: self.next.fetch_add(1, Ordering::Relaxed) + 1,
            kind,
            opened,
            server,
            since: Instant::now(),
            from_client: Meter::default(),
            from_backend: Meter::default(),
            buffered: AtomicUsize::new(0),
            told: AtomicU16::new(0),
            waker: AtomicWaker::new(),
        });
        self.lock().present.insert(entry.id, entry.clone());
        Present {
            live: self.clone(),
            entry,
        }
    }

    /// Tells one to end with a code. `false`: there is none of this id.
    pub(crate) fn close(&self, id: u64, code: u16) -> bool {
        let entry = self.lock().present.get(&id).cloned();
        if let Some(entry) = &entry {
            entry.told.store(code, Ordering::Release);
            entry.waker.wake();
        }
        entry.is_some()
    }

    /// Those that are asked for, the youngest first, and how many there are of them in all.
    pub(crate) fn list(&self, query: &Query) -> (Vec<Seen>, usize) {
        let mut found: Vec<_> = self
            .lock()
            .present
            .values()
            .filter(|it| query.wants(it))
            .cloned()
            .collect();
        let count = found.len();
        found.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.id));
        found.truncate(query.limit);
        (found.iter().map(|entry| Seen::of(entry)).collect(), count)
    }

    /// How many tunnels there are.
    pub(crate) fn tunnels(&self) -> usize {
        let entries = self.lock();
        let is_tunnel = |it: &&Arc<Entry>| it.kind == Kind::Tunnel;
        entries.present.values().filter(is_tunnel).count()
    }

    /// What all tunnels have carried since the process began, by route.
    pub(crate) fn traffic(&self) -> Vec<(String, Traffic)> {
        // Those that leave meanwhile are counted once: they leave under this lock.
        let entries = self.lock();
        let past = entries.past.iter();
        let mut all: HashMap<&str, Traffic> = past.map(|(it, past)| (it.as_str(), *past)).collect();
        for entry in entries.present.values() {
            if entry.kind == Kind::Tunnel {
                let traffic = all.entry(&entry.opened.route).or_default();
                traffic.add(entry);
                traffic.buffered += entry.buffered();
            }
        }
        let all = all.into_iter();
        all.map(|(route, traffic)| (route.to_owned(), traffic))
            .collect()
    }

    /// No code here can panic while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Present {
    /// What is on the list.
    pub(crate) fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// What was known of it when it opened.
    pub(crate) fn opened(&self) -> &Opened {
        &self.entry.opened
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut entries = self.live.lock();
        entries.present.remove(&self.entry.id);
        if self.entry.kind == Kind::Session {
            // The fallback counts what sessions carry.
            return;
        }
        let route = &self.entry.opened.route;
        match entries.past.get_mut(route) {
            Some(past) => past.add(&self.entry),
            None => {
                let mut past = Traffic::default();
                past.add(&self.entry);
                entries.past.insert(route.clone(), past);
            }
        }
    }
}

impl Query {
    fn wants(&self, entry: &Entry) -> bool {
        let opened = &entry.opened;
        let has = |text: &str| {
            let client = opened.client.to_string();
            [&client, &opened.host, &opened.path]
                .iter()
                .any(|field| field.contains(text))
        };
        self.kind.is_none_or(|kind| kind == entry.kind)
            && self.route.as_ref().is_none_or(|it| *it == opened.route)
            && self.text.as_deref().is_none_or(has)
    }
}

impl Seen {
    fn of(entry: &Entry) -> Self {
        let opened = &entry.opened;
        let (client, backend) = (entry.from_client.get(), entry.from_backend.get());
        Self {
            id: entry.id,
            kind: entry.kind,
            dialect: opened.dialect,
            client: opened.client.to_string(),
            host: opened.host.clone(),
            path: opened.path.clone(),
            route: opened.route.clone(),
            upstream: opened.upstream.clone(),
            server: entry.server,
            age_seconds: entry.since.elapsed().as_secs(),
            client_bytes: client.bytes,
            client_messages: client.messages,
            backend_bytes: backend.bytes,
            backend_messages: backend.messages,
            buffered_bytes: entry.buffered(),
        }
    }
}

#[cfg(test)]
mod tests;
