//! A run: everything that happens, in the order of time, and what must be true meanwhile and at the end.

use std::collections::VecDeque;
use std::time::Duration;

use super::backend::Backend;
use super::client::{Client, Doing, End, Promised};
use super::network::{Event, Network};
use super::proxy::Proxy;
use super::random::Random;
use super::{Finale, Scenario, Time};
use crate::dialect::towpath::polls::Settings;
use crate::session::{Close, Ended, Message};

const SPACING: Time = 100;
const MAX_BODY: u64 = 256 << 10;

/// When a client tries again at the latest on a network that has healed: its longest deadline, then its longest pause.
const NEXT_TRY: Time = 60_000;

/// A client that has closed is waited for so long, though it might come back within the resume window.
const LINGER: Time = 40_000;

/// How long the proxy and the client may take from the end to the last trace of it.
const AFTERMATH: Time = 200_000;

pub(super) struct World<'a> {
    scenario: &'a Scenario,
    now: Time,
    client: Client,
    network: Network,
    proxy: Proxy,
    script: VecDeque<(Time, Message)>,
    /// The proxy has not had its turn since something happened.
    waits: bool,
    healed: bool,
    ended_at: Option<Time>,
    vanished: bool,
    /// How much was compared already.
    compared: (usize, usize),
    /// When the session ended for a reason of its own, or the client gave it up.
    lost_at: Option<Time>,
}

/// How a run ended.
pub(super) struct Outcome {
    end: Option<End>,
    ended: Option<Ended>,
    finale: Finale,
    /// It was this long from what was to be the end to the loss of the session.
    lost_after: Option<Time>,
}

impl<'a> World<'a> {
    pub(super) fn new(scenario: &'a Scenario) -> Self {
        let Scenario {
            seed,
            limits,
            traffic,
            ..
        } = *scenario;
        let script = |count, purpose| {
            let mut random = Random::new(seed, purpose);
            let mut times: Vec<_> = (0..count).map(|_| random.up_to(traffic.until)).collect();
            times.sort_unstable();
            let messages = times.into_iter();
            messages
                .map(|time| (time, random.message(traffic.largest)))
                .collect::<VecDeque<_>>()
        };
        let promised = Promised {
            resume: limits.resume.as_millis() as Time,
            max_body: MAX_BODY,
            spacing: SPACING,
        };
        let settings = Settings {
            hold: Duration::from_millis(scenario.hold),
            spacing: Duration::from_millis(SPACING),
            stream: true,
        };
        let backend = Backend::new(scenario.manners, script(traffic.by_backend, 1));
        let random = Random::new(seed, 2);
        Self {
            scenario,
            now: 0,
            client: Client::new(scenario.habits, promised, limits.credit as u64, random),
            network: Network::new(scenario.faults.clone(), Random::new(seed, 3)),
            proxy: Proxy::new(limits, settings, backend),
            script: script(traffic.by_client, 4),
            waits: false,
            healed: false,
            ended_at: None,
            vanished: false,
            compared: (0, 0),
            lost_at: None,
        }
    }

    /// Runs until nothing is left to do.
    pub(super) fn run(mut self) -> Outcome {
        while let Some(next) = self.next_at() {
            assert!(
                next > self.now || self.now == 0,
                "at {next}: nothing comes of waking up"
            );
            self.now = next;
            self.happen();
            self.check();
            if (self.client.done || self.vanished) && self.proxy.is_over() {
                break;
            }
        }
        self.verdict()
    }

    fn next_at(&self) -> Option<Time> {
        let Scenario {
            ends_at,
            pressed,
            heals_at,
            ..
        } = *self.scenario;
        let planned = [Some(heals_at), ends_at]
            .into_iter()
            .chain(
                pressed
                    .map(|(begin, length)| [begin, begin + length])
                    .into_iter()
                    .flatten()
                    .map(Some),
            )
            .flatten()
            .filter(|at| *at > self.now);
        let client = self.client.wakes_at(self.now).filter(|_| !self.vanished);
        let turn = if self.waits {
            Some(self.now)
        } else {
            self.proxy.wakes_at()
        };
        let turn = turn.map(|at| at.next_multiple_of(self.scenario.turn));
        let wakes = [
            self.network.next_at(),
            client,
            turn,
            self.proxy.backend.wakes_at(),
            self.script.front().map(|(at, _)| *at),
        ];
        planned.chain(wakes.into_iter().flatten()).min()
    }

    fn happen(&mut self) {
        self.happen_as_planned();
        while let Some(event) = self.network.pop(self.now) {
            match event {
                Event::Arrive { copy, body } => self.proxy.arrive(copy, body),
                Event::Left { copy, last } => self.proxy.left(copy, last),
                Event::Cut { copy } => self.proxy.cut(copy),
                Event::Hear { id, bytes, last } => self.client.hear(self.now, id, &bytes, last),
                Event::Fail { id } => self.client.fail(self.now, id),
            }
        }
        self.proxy.backend.step(self.now);
        self.waits = !self.now.is_multiple_of(self.scenario.turn);
        if !self.waits {
            for out in self.proxy.pump(self.now) {
                self.network.respond(self.now, out);
            }
        }
        if self.vanished {
            return;
        }
        for doing in self.client.act(self.now) {
            match doing {
                Doing::Request { id, body } => self.network.request(self.now, id, body),
                Doing::GiveUp { id } => self.network.give_up(self.now, id),
            }
        }
    }

    fn happen_as_planned(&mut self) {
        while self.script.front().is_some_and(|(at, _)| *at <= self.now) {
            if let Some((_, message)) = self.script.pop_front() {
                self.client.say(&message);
            }
        }
        if let Some((begin, length)) = self.scenario.pressed {
            self.proxy
                .press((begin..begin + length).contains(&self.now));
        }
        if !self.healed && self.now >= self.scenario.heals_at {
            self.healed = true;
            self.network.heal();
            self.client.hurry();
            self.proxy.backend.hurry();
        }
        let due = match self.scenario.ends_at {
            Some(at) => self.now >= at,
            None => self.healed && self.is_all_said_and_heard(),
        };
        if due && self.ended_at.is_none() {
            self.ended_at = Some(self.now);
            self.end();
        }
    }

    fn end(&mut self) {
        let (client, backend) = (Close::new(3000, "enough"), Close::new(4000, "me too"));
        match self.scenario.finale {
            Finale::ClientCloses | Finale::BackendIsMute => self.client.close(&client),
            Finale::BackendCloses => self.proxy.backend.close(backend),
            Finale::BothClose => {
                self.client.close(&client);
                self.proxy.backend.close(backend);
            }
            Finale::BackendDies => self.proxy.backend.die(),
            Finale::ClientBlunders => self.client.outbound.blunder(),
            Finale::ClientVanishes => self.vanished = true,
            Finale::Drain => self.proxy.drain(self.now),
        }
    }

    fn is_all_said_and_heard(&self) -> bool {
        self.script.is_empty()
            && self.client.is_done_saying()
            && !self.proxy.has_for_backend()
            && self.proxy.backend.is_done()
            && self.client.inbound.messages.len() == self.proxy.backend.sent.len()
    }

    /// What holds at each moment.
    fn check(&mut self) {
        let (client, backend) = (&self.client, &self.proxy.backend);
        let (heard, got) = self.compared;
        assert!(
            backend.sent.get(heard..client.inbound.messages.len())
                == client.inbound.messages.get(heard..),
            "the client hears what the backend said"
        );
        assert!(
            client.outbound.messages.get(got..backend.got.len()) == backend.got.get(got..),
            "the backend hears what the client said"
        );
        self.compared = (client.inbound.messages.len(), backend.got.len());
        let accepted = self.proxy.session.accepted();
        if backend.got_close.is_some() {
            let accepted = client.outbound.whole_within(accepted);
            assert_eq!(
                backend.got.len(),
                accepted,
                "all that was accepted comes before the Close"
            );
        }
        assert!(
            client.outbound.acked <= accepted,
            "what is acknowledged was accepted"
        );
        let lost = matches!(
            self.proxy.session.ended(),
            Some(Ended::Abandoned | Ended::Stalled)
        );
        if lost || matches!(client.end, Some(End::Lost | End::Gone)) {
            self.lost_at.get_or_insert(self.now);
        }
        let begun = self
            .ended_at
            .unwrap_or(self.scenario.heals_at)
            .max(self.scenario.heals_at);
        // One that polls and sends in turn, without credit, gets one frame through with each poll.
        let frames = client.outbound.last() + backend.sent.len() as u64;
        let bound = begun + AFTERMATH + 1500 * frames;
        assert!(self.now < bound, "nothing moves any more: {}", self.state());
    }

    fn verdict(self) -> Outcome {
        let Self {
            client,
            proxy,
            scenario,
            ..
        } = &self;
        let state = self.state();
        assert!(proxy.is_over(), "the session outlives its time: {state}");
        assert_eq!(proxy.session.bytes(), 0, "nothing is left behind");
        let ended = proxy.session.ended();
        assert_ne!(ended, Some(Ended::Eager), "this client keeps to the rules");
        if !self.vanished {
            self.check_end();
            if let Some(at) = self.lost_at {
                assert!(
                    at < scenario.heals_at + NEXT_TRY,
                    "lost on a network that has healed: {state}"
                );
            }
        }
        Outcome {
            end: client.end.clone(),
            ended,
            finale: scenario.finale,
            lost_after: self
                .lost_at
                .zip(self.ended_at)
                .map(|(lost, ended)| lost.saturating_sub(ended)),
        }
    }

    /// What the client was told is true.
    fn check_end(&self) {
        let (client, backend) = (&self.client, &self.proxy.backend);
        let heard = client.inbound.messages.len();
        let Some(End::Close(close)) = &client.end else {
            let ended = self.proxy.session.ended();
            assert!(
                client.end.is_some(),
                "the client does not know of the end: {ended:?}"
            );
            return;
        };
        let whole = match self.proxy.session.ended() {
            Some(Ended::Lost) => close.abnormal,
            Some(Ended::Client | Ended::Backend) => backend.sent_close.as_ref() == Some(close),
            _ => false,
        };
        if whole {
            assert_eq!(
                heard,
                backend.sent.len(),
                "{close:?} comes after all messages"
            );
        }
        if whole && backend.got_close.is_some() && self.scenario.finale == Finale::ClientCloses {
            assert_eq!(backend.got.len(), client.outbound.messages.len());
        }
    }

    fn state(&self) -> String {
        let (client, proxy) = (&self.client, &self.proxy);
        format!(
            "at {}: heard {} of {}, got {} of {}, accepted {}, acked {}, {:?}, {:?}, {:?}",
            self.now,
            client.inbound.messages.len(),
            proxy.backend.sent.len(),
            proxy.backend.got.len(),
            client.outbound.messages.len(),
            proxy.session.accepted(),
            client.outbound.acked,
            client.end,
            proxy.session.ended(),
            proxy.session.client(),
        )
    }
}

impl Outcome {
    /// The end is the one that was wanted.
    pub(super) fn survived(self) {
        let Self {
            end,
            ended,
            finale,
            lost_after,
        } = self;
        let expected: &[Ended] = match finale {
            Finale::ClientCloses | Finale::BackendIsMute => &[Ended::Client],
            Finale::BackendCloses => &[Ended::Backend],
            Finale::BothClose => &[Ended::Client, Ended::Backend],
            Finale::BackendDies => &[Ended::Lost],
            Finale::Drain => &[Ended::Drain],
            Finale::ClientVanishes => &[Ended::Abandoned, Ended::Stalled],
            Finale::ClientBlunders => {
                assert!(matches!(ended, Some(Ended::ClientFault(_))), "{ended:?}");
                &[]
            }
        };
        assert!(
            expected.is_empty() || ended.is_some_and(|ended| expected.contains(&ended)),
            "{ended:?}"
        );
        let told = matches!(end, Some(End::Close(_)));
        let may_be_away = match finale {
            Finale::Drain | Finale::ClientVanishes => true,
            Finale::BackendCloses | Finale::BackendDies => false,
            _ => lost_after.is_some_and(|after| after >= LINGER),
        };
        assert!(told || may_be_away, "the client was told of {end:?}");
    }
}
