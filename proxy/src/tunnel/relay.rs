//! The relay: both directions of a tunnel in one task, the timers, and how it ends.
//! Its future is under 1 KiB (a test says so) and holds no buffer while the tunnel is idle.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};

use super::Settings;
use super::control::{PingPayload, random_bytes};
use super::direction::{Direction, Notices, with_scratch};
use super::frame::Side;
use super::pulse::Pulse;
use super::report::{Ended, Report, Traffic};
use super::witness::Witness;
use crate::attempts::Attempt;
use crate::shared::Farewell;

/// How long a closing handshake may take (RFC 6455 §7.1.1 leaves it to us). No setting, so that no tunnel carries it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A peer that was sent a Close may take this many times [`CLOSE_TIMEOUT`] to answer it, since it may first finish
/// what it is sending; once both have closed, the end of the streams must come within one.
const CLOSE_ANSWER: u32 = 6;

/// Who is told how a tunnel fares.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Observers<'a> {
    /// Where the client asks what became of it.
    pub(crate) attempt: Option<&'a Attempt>,
    /// What the operator sees.
    pub(crate) witness: Option<&'a Witness>,
}

/// Relays between `client` and `backend` until both have ended. `ending` resolves when the proxy wants the tunnel
/// to end: the client is sent a Close between two frames, 1001 or the operator's, what it sends until it answers still reaches the
/// backend, and its answer is the backend's Close. A client that has named its `attempt` is pinged at once: its pong
/// is the proof that the 101 has arrived, and that bytes pass.
///
/// Not cancel-safe: dropping the future cuts both connections.
pub(crate) async fn relay<C, B>(
    mut client: C,
    mut backend: B,
    settings: Settings,
    observers: &Observers<'_>,
    ending: impl Future<Output = Farewell>,
) -> Report
where
    C: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let mut tunnel = Tunnel::new(settings, observers);
    tunnel.greet();
    let mut ending = pin!(ending);
    let mut timer = pin!(sleep_until(tunnel.began));
    std::future::poll_fn(|cx| {
        if !tunnel.told_to_end
            && let Poll::Ready(farewell) = ending.as_mut().poll(cx)
        {
            tunnel.told_to_end = true;
            tunnel.take_leave(Instant::now(), farewell);
        }
        let over = tunnel.poll(cx, &mut client, &mut backend, timer.as_mut());
        tunnel.testify();
        over
    })
    .await;
    tunnel.report()
}

struct Tunnel<'a> {
    settings: Settings,
    observers: &'a Observers<'a>,
    began: Instant,
    from_client: Direction,
    from_backend: Direction,
    client: Pulse,
    backend: Pulse,
    /// When a frame last came that was not an answer to us.
    used: Instant,
    /// The payload of our pings, made with the first.
    payload: Option<PingPayload>,
    ending: Ending,
    /// The timer will wake us when it fires.
    timed: bool,
    told_to_end: bool,
    ended_by: Option<Ended>,
    close: Option<u16>,
}

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// Not yet.
    Not,
    /// The client has been told; if it does not answer by then, the backend is told by us.
    Told(Instant),
    /// Everything must be over by then.
    By(Instant),
}

impl<'a> Tunnel<'a> {
    fn new(settings: Settings, observers: &'a Observers<'a>) -> Self {
        let now = Instant::now();
        Self {
            settings,
            observers,
            began: now,
            from_client: Direction::new(Side::Client, Side::Backend, &settings),
            from_backend: Direction::new(Side::Backend, Side::Client, &settings),
            client: Pulse::new(now),
            backend: Pulse::new(now),
            used: now,
            payload: None,
            ending: Ending::Not,
            timed: false,
            told_to_end: false,
            ended_by: None,
            close: None,
        }
    }

    /// Asks the client at once whether it lives, if it may want to know whether it was heard. Nothing has passed
    /// yet, so it is possible.
    fn greet(&mut self) {
        if self.observers.attempt.is_some() && self.settings.ping.is_some() {
            self.ping(Side::Client, self.began);
        }
    }

    fn poll<C, B>(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut C,
        backend: &mut B,
        mut timer: Pin<&mut Sleep>,
    ) -> Poll<()>
    where
        C: AsyncRead + AsyncWrite + Unpin,
        B: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            let now = Instant::now();
            if self.poll_directions(cx, client, backend, now) {
                return Poll::Ready(());
            }
            let Some(deadline) = self.deadline() else {
                return Poll::Pending;
            };
            if deadline <= now {
                if self.expire(now) {
                    return Poll::Ready(());
                }
                continue;
            }
            // Deadlines mostly move away as bytes come; the timer is moved only when it fires or is too late.
            if timer.deadline() > deadline || timer.deadline() <= now {
                timer.as_mut().reset(deadline);
            } else if self.timed {
                // It wakes the task that has polled it before, which is this one.
                return Poll::Pending;
            }
            self.timed = timer.as_mut().poll(cx).is_pending();
            if self.timed {
                return Poll::Pending;
            }
        }
    }

    /// Moves bytes both ways until there is nothing to conclude from it. `true`: all is over.
    fn poll_directions<C, B>(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut C,
        backend: &mut B,
        now: Instant,
    ) -> bool
    where
        C: AsyncRead + AsyncWrite + Unpin,
        B: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            let ours = self.payload;
            let (up, down) = with_scratch(|scratch| {
                let up = self.from_client.poll(
                    cx,
                    (&mut *client, &mut *backend),
                    scratch,
                    ours.as_ref(),
                    now,
                );
                let down = self.from_backend.poll(
                    cx,
                    (&mut *backend, &mut *client),
                    scratch,
                    ours.as_ref(),
                    now,
                );
                (up.0, down.0)
            });
            let acted =
                self.conclude(Side::Client, up, now) | self.conclude(Side::Backend, down, now);
            if self.is_over() {
                return true;
            }
            if !acted {
                return false;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.from_client.is_done() && self.from_backend.is_done()
    }

    /// Draws the conclusions of what came from `side`. `true`: something was put into a direction by it.
    fn conclude(&mut self, side: Side, notices: Notices, now: Instant) -> bool {
        if notices.used {
            self.used = now;
        }
        if notices.read && side == Side::Client {
            self.observers.attempt.inspect(|attempt| attempt.hear());
        }
        let pulse = self.pulse(side);
        if notices.read {
            pulse.hear(now);
        }
        if notices.pong {
            pulse.answer(now);
            let rtt = pulse.rtt().unwrap_or_default();
            self.observers.witness.inspect(|it| it.ponged(side, rtt));
        }
        if let Some(code) = notices.close {
            self.close.get_or_insert(code);
            self.end_by(Ended::By(side));
            // A client that was told to go has its own time to answer, and the backend waits for that answer.
            if !matches!(self.ending, Ending::Told(_)) {
                self.wait_at_most(now, CLOSE_ANSWER);
            }
        }
        if notices.ended {
            self.end_by(Ended::Left(side));
        }
        if notices.source_reset || notices.sink_reset {
            let broken = if notices.source_reset {
                side
            } else {
                other(side)
            };
            self.end_by(Ended::Reset(broken));
            // The other side still gets what was read, and then the end of the stream.
            self.wait_at_most(now, CLOSE_ANSWER);
        }
        if notices.too_big {
            self.end_both(now, Ended::MessageTooBig(side), 1009, "message too big");
        }
        if notices.fault {
            self.end_both(now, Ended::Fault(side), 1002, "protocol error");
        }
        let both_closed = self.from_client.close_sent() && self.from_backend.close_sent();
        let one_ended = self.from_client.source_ended() || self.from_backend.source_ended();
        if both_closed || (one_ended && self.close.is_some()) {
            self.wait_at_most(now, 1);
        }
        notices.too_big || notices.fault
    }

    fn pulse(&mut self, side: Side) -> &mut Pulse {
        match side {
            Side::Client => &mut self.client,
            Side::Backend => &mut self.backend,
        }
    }

    /// The direction toward `side`.
    fn toward(&mut self, side: Side) -> &mut Direction {
        match side {
            Side::Client => &mut self.from_backend,
            Side::Backend => &mut self.from_client,
        }
    }

    /// From now on, everything must be over within `times` the close timeout, or earlier if that was said before.
    fn wait_at_most(&mut self, now: Instant, times: u32) {
        let limit = now + CLOSE_TIMEOUT * times;
        self.ending = match self.ending {
            Ending::By(earlier) => Ending::By(earlier.min(limit)),
            Ending::Not | Ending::Told(_) => Ending::By(limit),
        };
    }

    /// Notes who or what has ended the tunnel, if nobody has before. The attempt hears of it now: a client that has
    /// lost its connection asks at once, while the backend may take its time.
    fn end_by(&mut self, why: Ended) {
        if self.ended_by.is_none() {
            self.ended_by = Some(why);
            self.observers
                .attempt
                .inspect(|attempt| attempt.close(why, self.close));
        }
    }

    fn take_leave(&mut self, now: Instant, farewell: Farewell) {
        match farewell {
            Farewell::Drain => self.end_gently(now, Ended::Drain, 1001, "draining"),
            Farewell::Operator(code) => {
                self.end_gently(now, Ended::Operator, code, "closed by the operator");
            }
        }
    }

    /// Says what has passed so far.
    fn testify(&self) {
        if let Some(witness) = self.observers.witness {
            let (up, down) = (&self.from_client, &self.from_backend);
            let passed = [up, down].map(|it| (it.received(), it.messages()));
            witness.passed(passed, up.buffered() + down.buffered());
        }
    }

    /// The client is told to go; the backend hears it from the client.
    fn end_gently(&mut self, now: Instant, why: Ended, code: u16, reason: &'static str) {
        if self.ending != Ending::Not {
            return;
        }
        self.close.get_or_insert(code);
        self.end_by(why);
        self.from_backend.close(code, reason);
        self.ending = Ending::Told(now + CLOSE_TIMEOUT);
    }

    /// Both sides are told to go.
    fn end_both(&mut self, now: Instant, why: Ended, code: u16, reason: &'static str) {
        self.close.get_or_insert(code);
        self.end_by(why);
        self.from_backend.close(code, reason);
        self.from_client.close(code, reason);
        self.wait_at_most(now, 1);
    }

    /// The earliest moment at which something must be done.
    fn deadline(&self) -> Option<Instant> {
        let write = self.settings.write_timeout;
        let blocked = |direction: &Direction| direction.blocked_since().map(|since| since + write);
        let mut earliest = min(blocked(&self.from_client), blocked(&self.from_backend));
        match self.ending {
            Ending::Told(at) | Ending::By(at) => return min(earliest, Some(at)),
            Ending::Not => {}
        }
        earliest = min(
            earliest,
            self.settings.idle_timeout.map(|idle| self.used + idle),
        );
        earliest = min(earliest, self.outlived_at());
        earliest = min(earliest, self.pulse_deadline(Side::Client));
        min(earliest, self.pulse_deadline(Side::Backend))
    }

    fn outlived_at(&self) -> Option<Instant> {
        self.began.checked_add(self.settings.lifetime?)
    }

    /// When a side must be asked whether it lives, or has not said so for too long. A side whose pong
    /// would not be heard, or not be kept from the other side, is not asked.
    fn pulse_deadline(&self, side: Side) -> Option<Instant> {
        let ping = self.settings.ping?;
        let (pulse, from) = match side {
            Side::Client => (&self.client, &self.from_client),
            Side::Backend => (&self.backend, &self.from_backend),
        };
        if !from.hears_pongs() {
            return None;
        }
        Some(pulse.due(ping, self.settings.ping_timeout))
    }

    /// Does what the deadlines that have passed demand. `true`: the tunnel is cut.
    fn expire(&mut self, now: Instant) -> bool {
        for side in [Side::Client, Side::Backend] {
            let since = self.toward(side).blocked_since();
            if since.is_some_and(|since| since + self.settings.write_timeout <= now) {
                self.end_by(Ended::WriteTimeout(side));
                return true;
            }
        }
        match self.ending {
            Ending::By(at) => return at <= now,
            Ending::Told(at) if at <= now => {
                self.from_client.close(1001, "going away");
                self.wait_at_most(now, 1);
                return false;
            }
            Ending::Told(_) => return false,
            Ending::Not => {}
        }
        if self
            .settings
            .idle_timeout
            .is_some_and(|idle| self.used + idle <= now)
        {
            self.end_gently(now, Ended::Idle, 1001, "idle");
            return false;
        }
        if self.outlived_at().is_some_and(|at| at <= now) {
            self.end_gently(now, Ended::Lifetime, 1001, "max lifetime");
            return false;
        }
        for side in [Side::Client, Side::Backend] {
            self.check_pulse(side, now);
        }
        false
    }

    fn check_pulse(&mut self, side: Side, now: Instant) {
        if self.ending != Ending::Not || self.pulse_deadline(side).is_none_or(|at| at > now) {
            return;
        }
        if self.pulse(side).is_asked() {
            self.end_both(now, Ended::PingTimeout(side), 1001, "ping timeout");
            return;
        }
        if !self.ping(side, now) {
            self.pulse(side).put_off(now);
        }
    }

    /// Asks a side whether it lives. `false`: not possible just now.
    fn ping(&mut self, side: Side, now: Instant) -> bool {
        let payload = *self.payload.get_or_insert_with(random_bytes);
        let possible = self.toward(side).ping(&payload);
        if possible {
            self.pulse(side).ask(now);
        }
        possible
    }

    fn report(&self) -> Report {
        let traffic = |direction: &Direction| Traffic {
            bytes: direction.received(),
            messages: direction.messages(),
        };
        Report {
            duration: self.began.elapsed(),
            from_client: traffic(&self.from_client),
            from_backend: traffic(&self.from_backend),
            close: self.close,
            ended_by: self.ended_by.unwrap_or(Ended::By(Side::Client)),
            client_rtt: self.client.rtt(),
            backend_rtt: self.backend.rtt(),
        }
    }
}

fn other(side: Side) -> Side {
    match side {
        Side::Client => Side::Backend,
        Side::Backend => Side::Client,
    }
}

fn min(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests;
