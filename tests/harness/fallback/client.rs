//! A whole client: two tasks that poll and send (§5), and try again as long as the document says.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::conversation::Conversation;
use super::exchange::Exchange;
use super::{Answer, Frame, Io, Message, Opened, Opening, Unreadable};
use crate::random::Random;
use crate::{within, within_each};

/// How many messages or frames may wait, either way.
const WAITING: usize = 5000;

/// How a conversation ended: 1005 without a code, 1006 without a close.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they say it")]
pub struct Ended {
    pub code: u16,
    pub reason: String,
}

impl Ended {
    /// Without a close.
    pub(crate) fn lost() -> Self {
        Self {
            code: 1006,
            reason: String::new(),
        }
    }
}

/// How much goes into one request, so that a story can have many of them.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The budget of each request.
    pub budget: u64,
    /// The most frames in a request.
    pub batch: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            budget: 256 << 10,
            batch: usize::MAX,
        }
    }
}

/// An open session. Dropping it is vanishing without a word.
#[derive(Debug)]
pub struct FallbackClient {
    /// What `open` said.
    pub opened: Opened,
    session: Arc<Session>,
    tasks: [JoinHandle<()>; 2],
}

#[derive(Debug)]
struct Session {
    path: String,
    wait: u64,
    resume: Duration,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    conversation: Conversation,
    /// When a request last succeeded.
    heard: Instant,
    /// What the proxy said and may not say.
    fault: Option<Unreadable>,
}

#[derive(Clone, Copy)]
enum Loop {
    Poll,
    Send,
}

impl FallbackClient {
    /// Opens a session for a WebSocket's path.
    pub async fn open(address: SocketAddr, path: &str) -> Self {
        Self::with(address, Opening::new(path), Pace::default()).await
    }

    /// Opens a session in the way that `opening` says.
    pub async fn with(address: SocketAddr, opening: Opening, pace: Pace) -> Self {
        let mut poller = Exchange::new(address, &opening.fields);
        let sender = Exchange::new(address, &opening.fields);
        let mut pause = Backoff::new();
        let answer = within("a session opens", async {
            loop {
                match opening.attempt(&mut poller).await {
                    Some(answer) => break answer,
                    None => pause.wait().await,
                }
            }
        });
        let opened = Opened::read(&answer.await);
        let session = Arc::new(Session {
            path: opening.endpoint("io"),
            wait: opened.wait,
            resume: Duration::from_millis(opened.resume),
            state: Mutex::new(State {
                conversation: Conversation::new(&opened, pace.budget, pace.batch),
                heard: Instant::now(),
                fault: None,
            }),
            changed: Notify::new(),
        });
        let tasks = [
            tokio::spawn(session.clone().run(Loop::Poll, poller)),
            tokio::spawn(session.clone().run(Loop::Send, sender)),
        ];
        Self {
            opened,
            session,
            tasks,
        }
    }

    /// Takes a message; returns once there is room for it among those to be sent.
    pub async fn send(&self, message: impl Into<Message>) {
        let mut frames = Some(message.into().into_frames());
        let room = self.session.until(|conversation| {
            let full = conversation.waiting() >= WAITING && !conversation.over;
            (!full).then(|| conversation.push(frames.take().unwrap_or_default()))
        });
        within("room for a message", room).await;
        self.session.changed.notify_waiters();
    }

    /// The next message, or how it ended.
    pub async fn recv(&self) -> Result<Message, Ended> {
        self.recv_after(1).await
    }

    /// The same after so many `events` of which nothing is heard.
    pub async fn recv_after(&self, events: u32) -> Result<Message, Ended> {
        let next = self.session.until(|conversation| {
            let message = conversation.inbox.pop_front().map(Ok);
            message.or_else(|| conversation.ended.clone().map(Err))
        });
        let next = within_each(events, "a message", next).await;
        if let Some(fault) = &self.session.state.lock().unwrap().fault {
            panic!("the proxy may not say this: {fault:?}");
        }
        self.session.changed.notify_waiters();
        next
    }

    /// The next message, which is a text.
    pub async fn text(&self) -> String {
        match self.recv().await {
            Ok(Message::Text(text)) => text,
            other => panic!("no text but {other:?}"),
        }
    }

    /// Sends a close (code 0 for none) after all else.
    pub fn close(&self, code: u16, reason: &str) {
        let close = Frame::close(code, reason);
        self.session
            .change(|state| state.conversation.push([close]));
    }

    /// Reads on to the end; it is the end for the proxy too.
    pub async fn ended(&self) -> Ended {
        let ended = loop {
            if let Err(ended) = self.recv().await {
                break ended;
            }
        };
        let over = self
            .session
            .until(|conversation| conversation.over.then_some(()));
        within("the proxy's CLOSED", over).await;
        ended
    }
}

impl Drop for FallbackClient {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Session {
    async fn run(self: Arc<Self>, side: Loop, mut exchange: Exchange) {
        let mut pause = Backoff::new();
        while let Some(request) = self.next(side).await {
            match self.exchange(&mut exchange, request).await {
                Some(advice) => {
                    pause = Backoff::new();
                    tokio::time::sleep(advice).await;
                }
                None => pause.wait().await,
            }
        }
    }

    /// The next request of this side, when there is reason for one; nothing when all is over. It is made anew for
    /// each attempt: with a new serial, and what there is to say by then.
    async fn next(&self, side: Loop) -> Option<Io> {
        self.until(|conversation| match side {
            _ if conversation.over => Some(None),
            Loop::Poll if conversation.inbox.len() < WAITING => {
                Some(Some(conversation.poll(self.wait)))
            }
            Loop::Send if conversation.waiting() > 0 => Some(Some(conversation.sending())),
            _ => None,
        })
        .await
    }

    /// What the proxy advises, if it was the proxy that answered.
    async fn exchange(&self, exchange: &mut Exchange, request: Io) -> Option<Duration> {
        let deadline = Duration::from_millis(request.wait) + Duration::from_secs(5);
        let reply = exchange.post(&self.path, request.bytes(), deadline).await;
        let answer = reply.ok().filter(|reply| reply.status == 200);
        let answer = answer.map(|reply| Answer::parse(&reply.body));
        self.change(|state| {
            let taken = match answer {
                None | Some(Err(Unreadable::Foreign | Unreadable::Short)) => {
                    if state.heard.elapsed() > self.resume {
                        state.conversation.end(1006, "not reachable");
                    }
                    return None;
                }
                Some(Err(fault)) => Err(fault),
                Some(Ok(answer)) => {
                    let advice = Duration::from_millis(answer.advice);
                    state.conversation.take(&request, answer).map(|()| advice)
                }
            };
            state.heard = Instant::now();
            taken
                .map_err(|fault| {
                    state.conversation.end(1006, "the proxy is at fault");
                    state.fault = Some(fault);
                })
                .ok()
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.lock().unwrap());
        self.changed.notify_waiters();
        result
    }

    /// Waits until `ready` gives something.
    async fn until<T>(&self, mut ready: impl FnMut(&mut Conversation) -> Option<T>) -> T {
        let mut changed = pin!(self.changed.notified());
        loop {
            changed.as_mut().enable();
            {
                let state = &mut *self.state.lock().unwrap();
                if let Some(result) = ready(&mut state.conversation) {
                    return result;
                }
            }
            changed.as_mut().await;
            changed.set(self.changed.notified());
        }
    }
}

/// 250 ms, doubling up to 8 s, with jitter (§5).
struct Backoff {
    pause: Duration,
    random: Random,
}

impl Backoff {
    fn new() -> Self {
        Self {
            pause: Duration::from_millis(250),
            random: Random::fresh(),
        }
    }

    async fn wait(&mut self) {
        tokio::time::sleep(self.random.duration(self.pause / 2, self.pause)).await;
        self.pause = (self.pause * 2).min(Duration::from_secs(8));
    }
}
