//! The network between client and proxy: it loses, delays, repeats, cuts and buffers, until it heals.

use std::collections::{BTreeMap, HashMap};

use super::Time;
use super::proxy::{Copy, Out};
use super::random::Random;
use crate::dialect::towpath::codec::Request;
use crate::dialect::towpath::polls::Part;

/// What a network does to requests and responses; chances are in percent.
#[derive(Clone, Debug)]
pub(super) struct Faults {
    pub(super) delay: (Time, Time),
    pub(super) lost_requests: u64,
    pub(super) lost_responses: u64,
    /// Losses of which nobody hears.
    pub(super) silent: u64,
    /// Requests that arrive twice.
    pub(super) duplicates: u64,
    /// So many losses in a row at most.
    pub(super) in_a_row: u32,
    /// Requests without an answer are cut at this age.
    pub(super) cut_after: Option<Time>,
    /// Streams are kept until they end.
    pub(super) buffers: bool,
    /// When nothing gets through, and for how long.
    pub(super) outages: Vec<(Time, Time)>,
}

/// What happens.
pub(super) enum Event {
    /// A request arrives at the proxy.
    Arrive { copy: Copy, body: Vec<u8> },
    /// A part of a response arrives at the client.
    Hear { id: u64, bytes: Vec<u8>, last: bool },
    /// The client is told that its request failed.
    Fail { id: u64 },
    /// The proxy has got rid of a part of a response.
    Left { copy: Copy, last: bool },
    /// The proxy is told that a request's client is gone.
    Cut { copy: Copy },
}

pub(super) struct Network {
    faults: Faults,
    random: Random,
    events: BTreeMap<(Time, u64), Event>,
    count: u64,
    paths: HashMap<Copy, Path>,
    losses: u32,
}

/// The way of one copy of a request and of its answer.
struct Path {
    id: u64,
    /// Whether its answer is the one that the client gets.
    returns: bool,
    /// What is kept of a stream that is buffered.
    kept: Vec<u8>,
    /// When the last part arrives.
    arrives: Time,
    broken: bool,
}

impl Network {
    pub(super) fn new(faults: Faults, random: Random) -> Self {
        Self {
            faults,
            random,
            events: BTreeMap::new(),
            count: 0,
            paths: HashMap::new(),
            losses: 0,
        }
    }

    pub(super) fn next_at(&self) -> Option<Time> {
        self.events.keys().next().map(|(at, _)| *at)
    }

    /// What happens now.
    pub(super) fn pop(&mut self, now: Time) -> Option<Event> {
        let entry = self.events.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    pub(super) fn heal(&mut self) {
        self.faults = Faults {
            delay: (1, 50),
            lost_requests: 0,
            lost_responses: 0,
            duplicates: 0,
            cut_after: None,
            buffers: false,
            outages: Vec::new(),
            ..self.faults
        };
    }

    /// The client makes a request.
    pub(super) fn request(&mut self, now: Time, id: u64, body: Vec<u8>) {
        let copies = 1 + u64::from(self.random.percent(self.faults.duplicates));
        let returning = self.random.up_to(copies - 1);
        for number in 0..copies {
            self.count += 1;
            let copy = self.count;
            let returns = number == returning;
            let path = Path {
                id,
                returns,
                kept: Vec::new(),
                arrives: now,
                broken: false,
            };
            self.paths.insert(copy, path);
            let delay = self.delay();
            if self.loses(self.faults.lost_requests, now, now + delay) {
                self.truncate(&body);
                self.tell_client(copy, now + 2 * delay);
                continue;
            }
            if let Some(age) = self.faults.cut_after {
                self.at(now + age, Event::Cut { copy });
                if returns {
                    self.at(now + age, Event::Fail { id });
                }
            }
            let body = body.clone();
            self.at(now + delay, Event::Arrive { copy, body });
        }
    }

    /// The client does not wait any longer.
    pub(super) fn give_up(&mut self, now: Time, id: u64) {
        let copies = self.paths.iter().filter(|(_, path)| path.id == id);
        let mut copies: Vec<_> = copies.map(|(copy, _)| *copy).collect();
        copies.sort_unstable();
        for copy in copies {
            let delay = match self.is_out(now, now) {
                true => 1 + self.random.up_to(20_000),
                false => self.delay(),
            };
            self.at(now + delay, Event::Cut { copy });
        }
    }

    /// The proxy answers.
    pub(super) fn respond(&mut self, now: Time, out: Out) {
        let delay = self.delay();
        let Out { copy, part, bytes } = out;
        let Some(mut path) = self.paths.remove(&copy) else {
            return;
        };
        let last = matches!(part, Part::Whole | Part::End);
        let arrives = path.arrives.max(now + delay);
        path.arrives = arrives;
        let (id, returns) = (path.id, path.returns);
        if path.broken {
            self.paths.insert(copy, path);
        } else if part != Part::Whole && (self.faults.buffers || !path.kept.is_empty()) {
            path.kept.extend(&bytes);
            let left = now + 1;
            if last && returns {
                let bytes = std::mem::take(&mut path.kept);
                self.at(arrives, Event::Hear { id, bytes, last });
            }
            self.at(left, Event::Left { copy, last });
            self.paths.insert(copy, path);
        } else if returns && self.loses(self.faults.lost_responses, now, arrives) {
            if part == Part::Whole {
                self.at(arrives, Event::Left { copy, last });
            } else {
                let cut = self.random.up_to(bytes.len() as u64) as usize;
                let bytes = bytes[..cut].to_vec();
                self.at(
                    arrives,
                    Event::Hear {
                        id,
                        bytes,
                        last: false,
                    },
                );
                path.broken = true;
                let notices = now + 1 + self.random.up_to(20_000);
                self.at(notices, Event::Cut { copy });
            }
            self.paths.insert(copy, path);
            self.tell_client(copy, arrives + delay);
        } else {
            self.at(arrives, Event::Left { copy, last });
            if returns {
                self.deliver(arrives, id, &bytes, last);
            }
            if !last {
                self.paths.insert(copy, path);
            }
        }
    }

    /// A part of a response arrives, a stream's in pieces.
    fn deliver(&mut self, at: Time, id: u64, bytes: &[u8], last: bool) {
        if last {
            self.losses = 0;
            let bytes = bytes.to_vec();
            return self.at(at, Event::Hear { id, bytes, last });
        }
        let (one, other) = bytes.split_at(self.random.up_to(bytes.len() as u64) as usize);
        for bytes in [one.to_vec(), other.to_vec()] {
            self.at(at, Event::Hear { id, bytes, last });
        }
    }

    /// The client hears of a loss, or not.
    fn tell_client(&mut self, copy: Copy, at: Time) {
        let Path { id, returns, .. } = self.paths[&copy];
        if returns && !self.random.percent(self.faults.silent) {
            self.at(at, Event::Fail { id });
        }
    }

    fn loses(&mut self, chance: u64, from: Time, to: Time) -> bool {
        let out = self.is_out(from, to);
        let lost = self.random.percent(chance) && self.losses < self.faults.in_a_row;
        self.losses += u32::from(lost || out);
        lost || out
    }

    fn is_out(&self, from: Time, to: Time) -> bool {
        let mut outages = self.faults.outages.iter();
        outages.any(|(begin, length)| from < begin + length && *begin <= to)
    }

    /// Part of a request is no request, or one with fewer frames.
    fn truncate(&mut self, body: &[u8]) {
        let length = self.random.up_to(body.len() as u64) as usize;
        if let (Ok(whole), Ok(part)) = (
            Request::parse(body.to_vec().into()),
            Request::parse(body[..length].to_vec().into()),
        ) {
            let count = part.frames.clone().count();
            assert!(whole.frames.take(count).eq(part.frames));
        }
    }

    fn delay(&mut self) -> Time {
        let (least, most) = self.faults.delay;
        // Now and then things arrive together.
        (least + self.random.up_to(most - least)).next_multiple_of(5)
    }

    fn at(&mut self, time: Time, event: Event) {
        self.count += 1;
        self.events.insert((time, self.count), event);
    }
}
