//! The tunnels and sessions that there are: what the operator sees of each, and the way to end one.
//! Whoever carries one writes its figures with plain stores, so that looking costs a message nothing.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::task::AtomicWaker;
use serde::Serialize;

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

/// What has passed one way.
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

    fn add(&self, other: &Self) {
        let (bytes, messages) = other.get();
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.messages.fetch_add(messages, Ordering::Relaxed);
    }

    fn get(&self) -> (u64, u64) {
        let bytes = self.bytes.load(Ordering::Relaxed);
        (bytes, self.messages.load(Ordering::Relaxed))
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
    /// The code with which the operator ends it; 0: not.
    told: AtomicU16,
    waker: AtomicWaker,
}

impl Entry {
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
    entries: Mutex<HashMap<u64, Arc<Entry>>>,
    next: AtomicU64,
    /// Of tunnels that are over.
    from_clients: Meter,
    from_backends: Meter,
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
            told: AtomicU16::new(0),
            waker: AtomicWaker::new(),
        });
        self.lock().insert(entry.id, entry.clone());
        Present {
            live: self.clone(),
            entry,
        }
    }

    /// Tells one to end with a code. `false`: there is none of this id.
    pub(crate) fn close(&self, id: u64, code: u16) -> bool {
        let entry = self.lock().get(&id).cloned();
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
        entries
            .values()
            .filter(|it| it.kind == Kind::Tunnel)
            .count()
    }

    /// Bytes and messages of all tunnels since the process began: of clients, of backends.
    pub(crate) fn traffic(&self) -> [(u64, u64); 2] {
        let (from_clients, from_backends) = (Meter::default(), Meter::default());
        // Those that leave meanwhile are counted once: they leave under this lock.
        let entries = self.lock();
        from_clients.add(&self.from_clients);
        from_backends.add(&self.from_backends);
        for entry in entries.values().filter(|it| it.kind == Kind::Tunnel) {
            from_clients.add(&entry.from_client);
            from_backends.add(&entry.from_backend);
        }
        [from_clients.get(), from_backends.get()]
    }

    /// No code here can panic while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Entry>>> {
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
        entries.remove(&self.entry.id);
        if self.entry.kind == Kind::Session {
            // The fallback counts what sessions carry.
            return;
        }
        self.live.from_clients.add(&self.entry.from_client);
        self.live.from_backends.add(&self.entry.from_backend);
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
        let (client_bytes, client_messages) = entry.from_client.get();
        let (backend_bytes, backend_messages) = entry.from_backend.get();
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
            client_bytes,
            client_messages,
            backend_bytes,
            backend_messages,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn enter(live: &Arc<Live>, kind: Kind, route: &str) -> Present {
        live.enter(kind, Opened::of_test(route), None)
    }

    #[test]
    fn who_is_there_is_listed_and_who_has_gone_is_not() {
        let live = Arc::new(Live::default());
        let first = enter(&live, Kind::Tunnel, "chat");
        let _second = enter(&live, Kind::Session, "chat");
        let all = Query {
            limit: 10,
            ..Query::default()
        };
        let (seen, count) = live.list(&all);
        assert_eq!(
            (seen.len(), count, seen[0].kind),
            (2, 2, Kind::Session),
            "{seen:?}"
        );
        let sessions = Query {
            kind: Some(Kind::Session),
            text: Some("192.0.2".to_owned()),
            ..all.clone()
        };
        assert_eq!(live.list(&sessions).1, 1);
        let other = Query {
            route: Some("other".to_owned()),
            ..all.clone()
        };
        assert_eq!(live.list(&other).1, 0);
        drop(first);
        assert_eq!(live.list(&all).1, 1);
        assert_eq!(live.list(&Query { limit: 0, ..all }).0.len(), 0);
    }

    #[test]
    fn what_has_passed_is_counted_once_whoever_has_gone() {
        let live = Arc::new(Live::default());
        let (one, two) = (
            enter(&live, Kind::Tunnel, "a"),
            enter(&live, Kind::Tunnel, "a"),
        );
        one.entry().from_client.is_now(10, 1);
        two.entry().from_client.is_now(5, 2);
        two.entry().from_backend.is_now(7, 3);
        assert_eq!(live.traffic(), [(15, 3), (7, 3)]);
        drop(two);
        assert_eq!(live.traffic(), [(15, 3), (7, 3)]);
    }

    #[tokio::test]
    async fn one_that_is_told_to_end_hears_of_it() {
        let live = Arc::new(Live::default());
        let present = enter(&live, Kind::Tunnel, "chat");
        let entry = present.entry().clone();
        let told = tokio::spawn(std::future::poll_fn(move |cx| {
            match entry.poll_told(cx, true) {
                Some(code) => std::task::Poll::Ready(code),
                None => std::task::Poll::Pending,
            }
        }));
        tokio::task::yield_now().await;
        assert!(!live.close(99, 4000), "nobody has this id");
        assert!(live.close(1, 4000));
        assert_eq!(told.await.unwrap(), 4000);
    }
}
