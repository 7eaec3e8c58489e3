//! The upgrade in the middle of a burst both ways: whatever is when, each message arrives once, and in order.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;

use super::{Client, Site};
use crate::backend::{Server, Verdict};

/// Messages each way.
const MESSAGES: usize = 60;

/// What happens when, without chance.
struct Dice(Cell<u64>);

impl Dice {
    /// A number below `sides`.
    fn throw(&self, sides: u64) -> u64 {
        // Marsaglia's xorshift.
        let mut state = self.0.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0.set(state);
        state % sides
    }

    /// Lets others go on, or time pass.
    async fn pause(&self) {
        match self.throw(4) {
            0 => {}
            1 => tokio::task::yield_now().await,
            2 => crate::proxy::settle().await,
            _ => tokio::time::sleep(Duration::from_millis(self.throw(8))).await,
        }
    }
}

/// The packet of message `number`: now text, now binary.
fn packet(number: usize) -> Message {
    if number % 3 == 2 {
        Message::binary(vec![number as u8; 1 + number % 300])
    } else {
        Message::text(format!("4{number}"))
    }
}

/// The same in a payload.
fn encoded(number: usize) -> String {
    match packet(number) {
        Message::Text(text) => text.to_string(),
        other => format!("b{}", STANDARD.encode(other.into_data())),
    }
}

/// What the backend hears while it speaks.
async fn backend(server: &mut Server, dice: &Dice) -> Vec<Message> {
    let (mut sink, mut stream) = server.split();
    let says = async {
        for number in 0..MESSAGES {
            dice.pause().await;
            sink.send(packet(number)).await.unwrap();
        }
    };
    let hears = async {
        let mut heard = Vec::new();
        while heard.len() < MESSAGES {
            heard.push(stream.next().await.unwrap().unwrap());
        }
        heard
    };
    tokio::join!(says, hears).1
}

/// A client as the protocol's own: it polls and posts, and once its probe is answered it lets both come to their end
/// before it upgrades.
struct Page<'a> {
    client: RefCell<Client>,
    dice: &'a Dice,
    pauses: Cell<bool>,
    said: Cell<usize>,
    heard: RefCell<Vec<String>>,
}

impl Page<'_> {
    async fn polls(&self) {
        while !self.pauses.get() {
            self.dice.pause().await;
            let poll = self.client.borrow_mut().poll();
            let told = poll.await;
            assert_eq!(told.status, 200, "{told:?}");
            let packets = told.content.split('\u{1e}').filter(|packet| *packet != "6");
            let packets = packets.map(str::to_owned);
            self.heard.borrow_mut().extend(packets);
        }
    }

    async fn posts(&self) {
        while !self.pauses.get() && self.said.get() < MESSAGES {
            self.dice.pause().await;
            let first = self.said.get();
            let last = MESSAGES.min(first + 1 + self.dice.throw(3) as usize);
            self.said.set(last);
            let packets: Vec<_> = (first..last).map(encoded).collect();
            let post = self.client.borrow_mut().post(packets.join("\u{1e}"));
            assert_eq!(post.await.content, "ok");
        }
    }

    async fn probes(&self) -> Server {
        tokio::time::sleep(Duration::from_millis(self.dice.throw(150))).await;
        let line = self.client.borrow().websocket();
        let mut line = line.await;
        self.dice.pause().await;
        line.send(Message::text("2probe")).await.unwrap();
        let answer = line.next().await.unwrap().unwrap();
        assert_eq!(answer, Message::text("3probe"));
        self.dice.pause().await;
        self.pauses.set(true);
        line
    }

    async fn goes_on(&self, line: Server) {
        let (mut sink, mut stream) = line.split();
        let says = async {
            sink.send(Message::text("5")).await.unwrap();
            for number in self.said.get()..MESSAGES {
                self.dice.pause().await;
                sink.send(packet(number)).await.unwrap();
            }
        };
        let hears = async {
            while self.heard.borrow().len() < MESSAGES {
                let packet = match stream.next().await.unwrap().unwrap() {
                    Message::Text(text) => text.to_string(),
                    other => format!("b{}", STANDARD.encode(other.into_data())),
                };
                self.heard.borrow_mut().push(packet);
            }
        };
        tokio::join!(says, hears);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_or_doubled_by_an_upgrade_in_mid_burst() {
    let mut over_polls = 0;
    for seed in 1..=50 {
        let dice = Dice(Cell::new(0x9e37_79b9_7f4a_7c15 ^ seed << 20));
        let (site, mut seen) = Site::new(Verdict::Accept);
        let (client, mut server) = site.session(&mut seen).await;
        let page = Page {
            client: RefCell::new(client),
            dice: &dice,
            pauses: Cell::new(false),
            said: Cell::new(0),
            heard: RefCell::default(),
        };
        let page_lives = async {
            let (line, (), ()) = tokio::join!(page.probes(), page.polls(), page.posts());
            let polled = page.heard.borrow().len();
            page.goes_on(line).await;
            polled
        };
        let (heard, polled) = tokio::join!(backend(&mut server, &dice), page_lives);
        over_polls += polled;
        let expected: Vec<_> = (0..MESSAGES).map(packet).collect();
        assert_eq!(heard, expected, "to the backend, seed {seed}");
        let expected: Vec<_> = (0..MESSAGES).map(encoded).collect();
        assert_eq!(*page.heard.borrow(), expected, "to the client, seed {seed}");
    }
    let all = 50 * MESSAGES;
    assert!(
        (all / 10..all * 9 / 10).contains(&over_polls),
        "{over_polls} of {all}"
    );
}
